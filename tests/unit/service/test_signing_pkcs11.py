"""Signing with a key inside a PKCS#11 module, tested against SoftHSM2 (Debian package softhsm2)."""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from service.errors import StartupError
from service.keys import load_or_create_keys
from service.runtime import open_signer
from service.settings import Settings
from watermark.errors import SigningError
from watermark.label import AiLabel
from watermark.manifest import ManifestSigner, TrustAnchors, read_manifest
from watermark.picture import encode_picture
from watermark.signing import CLAIM_SIGNING

pkcs11 = pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed (extra hsm)")
MODULES = [
    Path(folder) / "softhsm/libsofthsm2.so"
    for folder in ("/usr/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/local/lib")
]
MODULE = next((path for path in MODULES if path.exists()), None)
pytestmark = pytest.mark.skipif(
    MODULE is None or shutil.which("softhsm2-util") is None,
    reason="SoftHSM2 is not installed (apt-get install softhsm2)",
)
NOW = datetime.now(UTC)
PIN = "846203"


@pytest.fixture(scope="module")
def token(tmp_path_factory):
    """A token with keys "p256", "p384" and "rsa"; the library reads its place from the environment, once."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(
        f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n"
    )
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    command = ["softhsm2-util", "--init-token", "--free", "--label", "test", "--pin", PIN, "--so-pin", "1234"]
    subprocess.run(command, check=True, capture_output=True)
    from pkcs11 import Attribute, KeyType
    from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters
    from pkcs11.util.rsa import encode_rsa_public_key

    public = {}
    with pkcs11.lib(str(MODULE)).get_token(token_label="test").open(rw=True, user_pin=PIN) as session:
        for label, curve in (("p256", "secp256r1"), ("other", "secp256r1"), ("p384", "secp384r1")):
            domain = {Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}
            parameters = session.create_domain_parameters(KeyType.EC, domain, local=True)
            made, _ = parameters.generate_keypair(store=True, label=label)
            public[label] = serialization.load_der_public_key(encode_ec_public_key(made))
        made, _ = session.generate_keypair(KeyType.RSA, 2048, store=True, label="rsa")
        rsa_pem = encode_rsa_public_key(made)
        public["rsa"] = serialization.load_der_public_key(rsa_pem)
    (folder / "pin").write_text(PIN + "\n")
    yield folder, public
    os.environ.pop("SOFTHSM2_CONF")


@pytest.fixture
def open_identity(token):
    """Open identities and close their sessions afterwards: a login holds for a whole process."""
    opened = []

    def open_(settings):
        opened.append(load_or_create_keys(settings, NOW).identity)
        return opened[-1]

    yield open_
    for identity in opened:
        identity.sign_remotely.close()


ROOT_KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(subject, public_key, *, ca):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(minutes=5))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(not ca, *[False] * 4, ca, ca, False, False), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ROOT_KEY.public_key()), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )
    if not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage([CLAIM_SIGNING]), critical=False)
    return builder.sign(ROOT_KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


ROOT = certificate("root", ROOT_KEY.public_key(), ca=True)


def settings_for(token, tmp_path, label, leaf_of=None, **changes):
    folder, public = token
    chain = tmp_path / "chain.pem"
    chain.write_bytes(certificate("hardware signer", public[leaf_of or label], ca=False))
    given = {
        "data_dir": tmp_path / "data",
        "signing_chain_file": chain,
        "signing_pkcs11_module": MODULE,
        "signing_pkcs11_token": "test",
        "signing_pkcs11_key": label,
        "signing_pkcs11_pin_file": folder / "pin",
    }
    return Settings(**(given | changes))


def sign(identity, number=1):
    record_id = f"{number:016x}"
    label = AiLabel(record_id, "provider", "system", "1", NOW)
    data = encode_picture(np.full((64, 64, 3), number, np.uint8), "png")
    return ManifestSigner(identity).sign(data, "image/png", label, soft_binding=record_id)


@pytest.mark.parametrize(("label", "algorithm"), [("p256", "es256"), ("p384", "es384"), ("rsa", "ps256")])
def test_signs_and_reads_back_as_trusted(open_identity, token, tmp_path, label, algorithm):
    identity = open_identity(settings_for(token, tmp_path, label))
    assert (identity.algorithm, identity.key_pem, identity.development) == (algorithm, None, False)
    report = read_manifest(sign(identity).data, "image/png", trust=TrustAnchors(ROOT))
    assert (report.status, report.integrity, report.trusted) == ("valid", "ok", True)
    assert report.signer == "hardware signer"


def test_threads_share_the_session(open_identity, token, tmp_path):
    identity = open_identity(settings_for(token, tmp_path, "p256"))
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda number: sign(identity, number), range(1, 13)))
    for number, picture in enumerate(made, 1):
        report = read_manifest(picture.data, "image/png", trust=TrustAnchors(ROOT))
        assert (report.status, report.soft_bindings[0][1]) == ("valid", f"{number:016x}")


def test_two_keys_of_one_process_share_the_login(open_identity, token, tmp_path):
    first, second = (open_identity(settings_for(token, tmp_path, label)) for label in ("p256", "rsa"))
    assert sign(first).manifest_id
    assert sign(second).manifest_id


def test_a_lost_session_is_opened_anew(open_identity, token, tmp_path):
    identity = open_identity(settings_for(token, tmp_path, "p256"))
    assert sign(identity).manifest_id
    identity.sign_remotely._session.close()
    assert sign(identity).manifest_id


def test_the_wrong_certificate_is_found_before_anything_is_signed(token, tmp_path):
    settings = settings_for(token, tmp_path, "p256", leaf_of="other")
    keys = load_or_create_keys(settings, NOW)
    with pytest.raises(StartupError, match="does not verify"):
        open_signer(settings, keys)
    keys.identity.sign_remotely.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"signing_pkcs11_token": "nowhere"}, "nowhere"),
        ({"signing_pkcs11_key": "nothing"}, "nothing"),
        ({"signing_pkcs11_module": Path("/nonexistent.so")}, "did not sign"),
        ({"signing_pkcs11_token": ""}, "signing_pkcs11_token"),
        ({"signing_pkcs11_pin_file": None}, "pin_file"),
        ({"signing_pkcs11_pin_file": Path("/nonexistent/pin")}, "cannot be read"),
        ({"signing_key_file": Path("key.pem")}, "together with one of"),
        ({"signing_chain_file": None}, "together with one of"),
    ],
)
def test_what_cannot_be_used_is_named_at_start(token, tmp_path, change, words):
    settings = settings_for(token, tmp_path, "p256", **change)
    with pytest.raises(StartupError, match=words):
        open_signer(settings, load_or_create_keys(settings, NOW))


def test_a_wrong_pin_is_no_pin(token, tmp_path):
    pin = tmp_path / "pin"
    pin.write_text("000000")
    settings = settings_for(token, tmp_path, "p256", signing_pkcs11_pin_file=pin)
    with pytest.raises(StartupError, match="did not sign"):
        open_signer(settings, load_or_create_keys(settings, NOW))


def test_a_module_that_stops_signing_says_so_and_signs_nothing(open_identity, token, tmp_path):
    settings = settings_for(token, tmp_path, "p256")
    pin = tmp_path / "pin"
    pin.write_text(PIN)
    identity = open_identity(settings.model_copy(update={"signing_pkcs11_pin_file": pin}))
    identity.sign_remotely.close()
    pin.write_text("000000")
    with pytest.raises(SigningError, match="did not sign"):
        sign(identity)
    pin.write_text(PIN)
    assert sign(identity).manifest_id
