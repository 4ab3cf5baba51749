"""The development identity: a self-made root, an intermediate and a leaf whose names all say DEVELOPMENT.

Made on first start so that the service works with no configuration. It proves nothing to a stranger, who does not hold
the root; verifiers elsewhere report its signer as untrusted, which is right.
"""

from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from watermark.signing_identity import CLAIM_SIGNING, DEVELOPMENT, SigningIdentity, load_identity

_ROOT_DAYS: Final = 3650
_LEAF_DAYS: Final = 730


def create_development_identity(now: datetime) -> SigningIdentity:
    """Make a root, an intermediate and an ES256 leaf that says DEVELOPMENT in every name.

    Args:
        now: start of validity, timezone-aware; the leaf lasts two years from then.

    """
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    names = [_development_name(role) for role in ("Root CA", "Intermediate CA", "Content Credentials Signer")]
    root = _certificate(names[0], names[0], keys[0], keys[0], now, days=_ROOT_DAYS, path_length=1)
    middle = _certificate(names[1], names[0], keys[1], keys[0], now, days=_ROOT_DAYS, path_length=0)
    leaf = _certificate(names[2], names[1], keys[2], keys[1], now, days=_LEAF_DAYS, path_length=None)
    return load_identity(
        _pem(leaf) + _pem(middle),
        keys[2].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        _pem(root),
        now=now,
    )


def _development_name(role: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, f"Countermark {DEVELOPMENT}, not a real identity"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Countermark {DEVELOPMENT} {role}"),
        ]
    )


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime,
    *,
    days: int,
    path_length: int | None,
) -> x509.Certificate:
    """Sign one certificate; `path_length` None makes a leaf for claim signing, a number makes a CA."""
    is_ca = path_length is not None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))  # a verifier's clock may be slow
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=path_length), critical=True)
        .add_extension(_key_usage(is_ca=is_ca), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )
    if not is_ca:
        # Readers that know only the older usages still find emailProtection.
        usages = x509.ExtendedKeyUsage([CLAIM_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(usages, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _key_usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
