"""Signing identities: the certificate chain and private key that sign C2PA manifests.

The development identity is made on first start so that the service works with no configuration: a self-made
root, an intermediate and a leaf whose names all say DEVELOPMENT. It proves nothing to a stranger, who does
not hold the root; verifiers elsewhere report its signer as untrusted, which is right.

Certificate rules: C2PA 2.x "Trust model", certificate profile; the extended key usages are those that c2pa-rs
accepts (found by running 0.38.1: anyEKU, serverAuth and mixtures with timeStamping are refused, a missing
authority key identifier as well).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from watermark.errors import SigningError

# C2PA claim signing, document signing (RFC 9336), emailProtection: each accepted through `c2pa_settings`.
CLAIM_SIGNING: Final = x509.ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
_ACCEPTED_USAGES: Final = (
    CLAIM_SIGNING,
    x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),
    ExtendedKeyUsageOID.EMAIL_PROTECTION,
)

_ROOT_DAYS: Final = 3650
_LEAF_DAYS: Final = 730
_MAX_CHAIN: Final = 10


@dataclass(frozen=True, slots=True)
class SigningIdentity:
    """A chain, its key and the root that readers are asked to trust, all PEM.

    Attributes:
        chain_pem: leaf first, then intermediates; no root.
        key_pem: PKCS#8, unencrypted; kept out of `repr`.
        root_pem: the trust anchor, empty when the caller has none to give.
        development: made by `create_development_identity`.
        subject: the leaf's common name, or its whole subject.
        serial: the leaf's serial number.
        algorithm: C2PA signature algorithm, `es256` and the like.
        not_after: when the leaf expires, UTC.

    """

    chain_pem: bytes
    key_pem: bytes = field(repr=False)
    root_pem: bytes
    development: bool
    subject: str
    serial: int
    algorithm: str
    not_after: datetime


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


def load_identity(
    chain_pem: bytes, key_pem: bytes, root_pem: bytes | None = None, *, now: datetime | None = None
) -> SigningIdentity:
    """Check that a chain and key can sign C2PA manifests, and hold them.

    Checked: the key belongs to the leaf, each certificate is signed by the next (the last by the root, where
    one is given), validity periods, key usage, extended key usage, authority key identifier, CA flags. Not
    checked: revocation.

    Args:
        chain_pem: leaf first, then intermediates.
        key_pem: PKCS#8 or traditional PEM, unencrypted.
        root_pem: trust anchor, or None when readers have it already.
        now: the time of the check, timezone-aware; None means the present.

    Raises:
        SigningError

    """
    chain = _load_certificates(chain_pem, "chain")
    leaf = chain[0]
    key = _load_key(key_pem)
    algorithm = _algorithm_of(key)
    if _public_bytes(key.public_key()) != _public_bytes(leaf.public_key()):
        raise SigningError(
            "signing key: does not belong to the first certificate of the chain, give that one's key"
        )
    _check_leaf(leaf)
    roots = _load_certificates(root_pem, "root") if root_pem else []
    _check_chain([*chain, *roots[:1]], now or datetime.now(UTC))
    common = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    subject = str(common[0].value) if common else leaf.subject.rfc4514_string()
    return SigningIdentity(
        chain_pem=b"".join(map(_pem, chain)),
        key_pem=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        root_pem=b"".join(map(_pem, roots)),
        development=_DEVELOPMENT in subject,
        subject=subject,
        serial=leaf.serial_number,
        algorithm=algorithm,
        not_after=leaf.not_valid_after_utc,
    )


_DEVELOPMENT: Final = "DEVELOPMENT"


def _development_name(role: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, f"Countermark {_DEVELOPMENT}, not a real identity"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Countermark {_DEVELOPMENT} {role}"),
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


def _load_certificates(pem: bytes, what: str) -> list[x509.Certificate]:
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise SigningError(f"signing {what}: got no readable certificate, expected PEM blocks") from error
    if len(certificates) > _MAX_CHAIN:
        raise SigningError(
            f"signing {what}: got {len(certificates)} certificates, expected at most {_MAX_CHAIN}"
        )
    return certificates


def _load_key(pem: bytes) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningError(
            "signing key: got no readable key, expected unencrypted PEM, convert it with openssl pkcs8"
        ) from error


def _algorithm_of(key: PrivateKeyTypes) -> str:
    """Name the C2PA algorithm of a key (C2PA 2.x "Digital signatures": ES, PS and Ed25519)."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        curves = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
        if key.curve.name in curves:
            return curves[key.curve.name]
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return "ps256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    raise SigningError(
        f"signing key: got {type(key).__name__}, expected P-256, P-384, P-521, Ed25519 or RSA of 2048 bits up"
    )


def _check_leaf(leaf: x509.Certificate) -> None:
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
        extended = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except (x509.ExtensionNotFound, ValueError) as error:
        raise SigningError(
            f"signing certificate: {error}, expected key usage, extended key usage and authority key "
            "identifier, ask the issuer for a C2PA signing certificate"
        ) from error
    if not usage.digital_signature:
        raise SigningError(
            "signing certificate: key usage lacks digitalSignature, ask for a signing certificate"
        )
    if not set(extended) & set(_ACCEPTED_USAGES) or ExtendedKeyUsageOID.TIME_STAMPING in extended:
        got = ", ".join(oid.dotted_string for oid in extended)
        raise SigningError(
            f"signing certificate: got extended key usage {got}, expected C2PA claim signing "
            f"({CLAIM_SIGNING.dotted_string}), document signing or emailProtection, without timeStamping"
        )
    constraints = [e.value for e in leaf.extensions if isinstance(e.value, x509.BasicConstraints)]
    if any(value.ca for value in constraints):
        raise SigningError(
            "signing certificate: got a CA certificate first in the chain, expected the leaf first"
        )


def _check_chain(chain: Sequence[x509.Certificate], now: datetime) -> None:
    for certificate in chain:
        first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if not first <= now <= last:
            name = certificate.subject.rfc4514_string()
            raise SigningError(
                f"signing certificate {name}: got {now:%Y-%m-%d}, expected a date from {first:%Y-%m-%d} "
                f"to {last:%Y-%m-%d}, renew it"
            )
    for child, parent in pairwise(chain):
        try:
            child.verify_directly_issued_by(parent)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise SigningError(
                f"signing chain: {child.subject.rfc4514_string()} is not issued by "
                f"{parent.subject.rfc4514_string()}, expected leaf, intermediates, then root"
            ) from error


def _public_bytes(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
