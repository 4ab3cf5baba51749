"""Signing identities: the development chain, and what is refused before it can fail at the first signature."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from watermark.errors import SigningError
from watermark.signing import (
    CLAIM_SIGNING,
    create_development_identity,
    load_identity,
    load_remote_identity,
    prove_key,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def pem_key(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def leaf(key, *, usages=(CLAIM_SIGNING,), digital_signature=True, authority=True, ca=False, issuer=None):
    """One leaf certificate with one thing wrong at a time, signed by `issuer` (default: itself)."""
    issuer = issuer or key
    digest = None if isinstance(issuer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name("leaf"))
        .issuer_name(name("issuer"))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature, *[False] * 4, *[ca] * 2, False, False),
            critical=True,
        )
    )
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if authority:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())
        builder = builder.add_extension(identifier, critical=False)
    return builder.sign(issuer, digest)


@pytest.fixture(scope="module")
def development():
    return create_development_identity(NOW)


@pytest.fixture(scope="module")
def key():
    return ec.generate_private_key(ec.SECP256R1())


def test_the_development_chain_says_so_in_every_name(development):
    certificates = x509.load_pem_x509_certificates(development.chain_pem + development.root_pem)
    assert len(certificates) == 3
    for certificate in certificates:
        assert "DEVELOPMENT" in certificate.subject.rfc4514_string()
        assert "DEVELOPMENT" in certificate.issuer.rfc4514_string()
    assert development.development
    assert development.algorithm == "es256"


def test_the_development_chain_loads_again_as_itself(development):
    again = load_identity(development.chain_pem, development.key_pem, development.root_pem, now=NOW)
    assert again == development


def test_two_development_identities_share_no_key(development):
    other = create_development_identity(NOW)
    assert other.key_pem != development.key_pem
    assert other.root_pem != development.root_pem


def test_the_key_is_not_in_the_representation(development):
    assert "PRIVATE" not in repr(development)


def test_without_a_root_there_is_no_anchor(development):
    loaded = load_identity(development.chain_pem, development.key_pem, None, now=NOW)
    assert loaded.root_pem == b""


@pytest.mark.parametrize(
    ("make", "algorithm"),
    [
        (lambda: ec.generate_private_key(ec.SECP384R1()), "es384"),
        (lambda: ec.generate_private_key(ec.SECP521R1()), "es512"),
        (lambda: rsa.generate_private_key(65537, 2048), "ps256"),
        (ed25519.Ed25519PrivateKey.generate, "ed25519"),
    ],
)
def test_other_algorithms_load(make, algorithm):
    key = make()
    identity = load_identity(pem(leaf(key)), pem_key(key), now=NOW)
    assert identity.algorithm == algorithm
    assert not identity.development


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"usages": ()}, "extended key usage"),
        ({"usages": (ExtendedKeyUsageOID.SERVER_AUTH,)}, "1.3.6.1.5.5.7.3.1"),
        ({"usages": (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)}, "2.5.29.37.0"),
        ({"usages": (CLAIM_SIGNING, ExtendedKeyUsageOID.TIME_STAMPING)}, "timeStamping"),
        ({"digital_signature": False}, "digitalSignature"),
        ({"authority": False}, "authority key identifier"),
        ({"ca": True}, "leaf first"),
    ],
)
def test_a_leaf_that_c2pa_would_refuse_is_refused_with_the_reason(key, wrong, words):
    with pytest.raises(SigningError, match=words):
        load_identity(pem(leaf(key, **wrong)), pem_key(key), now=NOW)


@pytest.mark.parametrize("when", [NOW - timedelta(days=2), NOW + timedelta(days=2)])
def test_a_leaf_out_of_date_is_refused(key, when):
    with pytest.raises(SigningError, match="renew"):
        load_identity(pem(leaf(key)), pem_key(key), now=when)


def test_a_key_of_another_certificate_is_refused(development, key):
    with pytest.raises(SigningError, match="does not belong"):
        load_identity(development.chain_pem, pem_key(key), now=NOW)


def test_a_chain_in_the_wrong_order_is_refused(development):
    first, second = x509.load_pem_x509_certificates(development.chain_pem)
    with pytest.raises(SigningError):
        load_identity(pem(second) + pem(first), development.key_pem, now=NOW)


def test_a_root_that_did_not_issue_the_chain_is_refused(development):
    stranger = create_development_identity(NOW)
    with pytest.raises(SigningError, match="not issued by"):
        load_identity(development.chain_pem, development.key_pem, stranger.root_pem, now=NOW)


@pytest.mark.parametrize(
    "garbage", [b"", b"not pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_garbage_is_refused(development, garbage):
    with pytest.raises(SigningError, match="chain"):
        load_identity(garbage, development.key_pem, now=NOW)
    with pytest.raises(SigningError, match="key"):
        load_identity(development.chain_pem, garbage, now=NOW)


def test_an_encrypted_key_and_a_weak_key_are_refused(development, key):
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    with pytest.raises(SigningError, match="unencrypted"):
        load_identity(development.chain_pem, locked, now=NOW)
    odd = ec.generate_private_key(ec.SECP256K1())
    with pytest.raises(SigningError, match="P-256"):
        load_identity(pem(leaf(odd)), pem_key(odd), now=NOW)


# ---- a key that is elsewhere


def signing_with(key):
    """What a hardware module does, in the forms that `load_remote_identity` asks for."""

    def sign(data):
        if isinstance(key, ec.EllipticCurvePrivateKey):
            digest = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[key.key_size]
            size = -(-key.key_size // 8)
            pair = decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
            return b"".join(number.to_bytes(size, "big") for number in pair)
        if isinstance(key, rsa.RSAPrivateKey):
            pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
            return key.sign(data, pss, hashes.SHA256())
        return key.sign(data)

    return sign


@pytest.mark.parametrize(
    ("make", "algorithm"),
    [
        (lambda: ec.generate_private_key(ec.SECP256R1()), "es256"),
        (lambda: ec.generate_private_key(ec.SECP521R1()), "es512"),
        (lambda: rsa.generate_private_key(65537, 2048), "ps256"),
        (ed25519.Ed25519PrivateKey.generate, "ed25519"),
    ],
)
def test_a_key_elsewhere_proves_itself(make, algorithm):
    key = make()
    identity = load_remote_identity(pem(leaf(key)), signing_with(key), now=NOW)
    prove_key(identity)
    assert (identity.algorithm, identity.key_pem) == (algorithm, None)
    assert "function" not in repr(identity)


@pytest.mark.parametrize("answer", [b"", b"x", bytes(64), bytes(63)])
def test_a_key_elsewhere_that_signs_wrongly_is_refused(key, answer):
    identity = load_remote_identity(pem(leaf(key)), lambda data: answer, now=NOW)
    with pytest.raises(SigningError, match="does not verify"):
        prove_key(identity)


def test_a_key_elsewhere_of_another_certificate_is_refused(key):
    other = ec.generate_private_key(ec.SECP256R1())
    identity = load_remote_identity(pem(leaf(key)), signing_with(other), now=NOW)
    with pytest.raises(SigningError, match="does not verify"):
        prove_key(identity)


def test_a_key_elsewhere_is_not_asked_by_who_only_reads(key):
    asked = []
    load_remote_identity(pem(leaf(key)), asked.append, now=NOW)
    assert asked == []
