"""Counting outbound requests: a port that listens, and a picture that wants it called."""

import socket
import threading

import numpy as np

from watermark.picture import encode_picture


class Listener:
    """Count connections to a local port, and answer each with `reply` or hang up."""

    def __init__(self):
        self.count = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/manifest.c2pa"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.count += 1
            connection.close()

    def counts(self):
        """Connect once and tell whether that was noticed."""
        before = self.count
        socket.create_connection(("127.0.0.1", self._socket.getsockname()[1])).close()
        for _ in range(1000):
            if self.count > before:
                return True
            threading.Event().wait(0.01)
        return False

    def close(self):
        self._socket.close()


def remote_only(url):
    xmp = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
      xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
      xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="{url}"/></rdf:RDF></x:xmpmeta>"""
    return encode_picture(np.zeros((32, 32, 3), np.uint8), "jpeg", xmp=xmp.encode())
