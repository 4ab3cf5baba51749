"""A timestamp authority (RFC 3161) on this machine: the command `openssl ts` behind a small HTTP server."""

import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer


def local_authority(folder):
    """Serve RFC 3161 replies of `openssl ts` under a throw-away certificate, whose root is `folder`/root.pem."""
    (folder / "tsa.cnf").write_text(
        "[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=ext\n[dn]\nCN=test tsa\n"
        "[root]\nbasicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n"
        "[ext]\nbasicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\n"
        "extendedKeyUsage=critical,timeStamping\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\n"
        f"[tsa]\ndefault_tsa=t\n[t]\ndir={folder}\nserial={folder}/serial\nsigner_cert={folder}/tsa.pem\n"
        f"certs={folder}/tsa.pem\nsigner_key={folder}/tsa.key\nsigner_digest=sha256\ndefault_policy=1.2.3.4\n"
        "digests=sha256,sha384,sha512\naccuracy=secs:1\ness_cert_id_chain=no\ness_cert_id_alg=sha256\n"
    )
    (folder / "serial").write_text("01\n")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-config", "tsa.cnf"]
    openssl(*new, "-extensions", "root", "-subj", "/CN=test root", "-keyout", "root.key", "-out", "root.pem")
    signed = ["-extensions", "ext", "-CA", "root.pem", "-CAkey", "root.key"]
    openssl(*new, *signed, "-keyout", "tsa.key", "-out", "tsa.pem")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            (folder / "query").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            openssl(
                "ts", "-reply", "-config", "tsa.cnf", "-section", "t", "-queryfile", "query", "-out", "reply"
            )
            body = (folder / "reply").read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}", server.shutdown
