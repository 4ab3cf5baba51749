"""What can sign C2PA manifests: a certificate chain with its key, or with a function that reaches the key.

A key in a hardware module or a key service never comes here: `load_remote_identity` takes a function that signs with
it, and `prove_key` checks by one signature that the key belongs to the chain. Who only reads needs no such proof.

Certificate rules: C2PA 2.x "Trust model", certificate profile; the extended key usages are those that c2pa-rs
accepts (found by running 0.38.1: anyEKU, serverAuth and mixtures with timeStamping are refused, a missing
authority key identifier as well).
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from watermark.errors import SigningError

# C2PA claim signing, document signing (RFC 9336), emailProtection: each accepted through `c2pa_settings`.
CLAIM_SIGNING: Final = x509.ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
_ACCEPTED_USAGES: Final = (
    CLAIM_SIGNING,
    x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),
    ExtendedKeyUsageOID.EMAIL_PROTECTION,
)

DEVELOPMENT: Final = "DEVELOPMENT"
RemoteSign = Callable[[bytes], bytes]

# Names of C2PA algorithms by curve; RSA signs as ps256 (C2PA 2.x "Digital signatures").
_CURVES: Final = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_DIGESTS: Final[dict[str, hashes.HashAlgorithm]] = {
    "es256": hashes.SHA256(),
    "es384": hashes.SHA384(),
    "es512": hashes.SHA512(),
    "ps256": hashes.SHA256(),
}
_MAX_CHAIN: Final = 10


@dataclass(frozen=True, slots=True)
class SigningIdentity:
    """A chain, its key or the way to it, and the root that readers are asked to trust.

    Attributes:
        chain_pem: leaf first, then intermediates; no root.
        key_pem: PKCS#8, unencrypted; kept out of `repr`. None where the key is elsewhere.
        sign_remotely: signs bytes with a key that is elsewhere (`load_remote_identity`); None where it is here.
        root_pem: the trust anchor, empty when the caller has none to give.
        development: made by `create_development_identity`.
        subject: the leaf's common name, or its whole subject.
        serial: the leaf's serial number.
        algorithm: C2PA signature algorithm, `es256` and the like.
        not_after: when the leaf expires, UTC.

    """

    chain_pem: bytes
    key_pem: bytes | None = field(repr=False)
    sign_remotely: RemoteSign | None = field(repr=False)
    root_pem: bytes
    development: bool
    subject: str
    serial: int
    algorithm: str
    not_after: datetime


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
    key = _load_key(key_pem)
    chain = _load_certificates(chain_pem, "chain")
    if _public_bytes(key.public_key()) != _public_bytes(chain[0].public_key()):
        raise SigningError(
            "signing key: does not belong to the first certificate of the chain, give that one's key"
        )
    pkcs8 = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return _identity(chain, root_pem, now, key_pem=pkcs8)


def load_remote_identity(
    chain_pem: bytes, sign: RemoteSign, root_pem: bytes | None = None, *, now: datetime | None = None
) -> SigningIdentity:
    """As `load_identity`, for a key that stays elsewhere and is not asked yet: `prove_key` does that.

    Args:
        chain_pem: leaf first, then intermediates.
        sign: returns the signature over the bytes that it is given, by the algorithm that `algorithm_of` names:
            ECDSA as r and s of equal length joined, RSA as PSS with a salt as long as the digest, Ed25519 plain.
            Called from several threads.
        root_pem: as above.
        now: as above.

    Raises:
        SigningError: the chain is unfit.

    """
    return _identity(_load_certificates(chain_pem, "chain"), root_pem, now, sign=sign)


def prove_key(identity: SigningIdentity) -> None:
    """Have a key that is elsewhere sign a random challenge, and check the answer; a key that is here was checked.

    Raises:
        SigningError: the answer is no signature by the key of the chain's first certificate; what the key raises.

    """
    if identity.sign_remotely is None:
        return
    challenge = secrets.token_bytes(64)
    key = _load_certificates(identity.chain_pem, "chain")[0].public_key()
    try:
        _verify(key, identity.algorithm, identity.sign_remotely(challenge), challenge)
    except (InvalidSignature, ValueError) as error:
        raise SigningError(
            "signing key: its signature does not verify with the first certificate of the chain, "
            "give the certificate of this key"
        ) from error


def algorithm_of(key: PublicKeyTypes) -> str:
    """Name the C2PA algorithm of a key (C2PA 2.x "Digital signatures": ES, PS and Ed25519).

    Raises:
        SigningError: a key of another kind, or too weak.

    """
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048:
        return "ps256"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "ed25519"
    raise SigningError(
        f"signing key: got {type(key).__name__}, expected P-256, P-384, P-521, Ed25519 or RSA of 2048 bits up"
    )


def _identity(
    chain: Sequence[x509.Certificate],
    root_pem: bytes | None,
    now: datetime | None,
    *,
    key_pem: bytes | None = None,
    sign: RemoteSign | None = None,
) -> SigningIdentity:
    """Check the chain, and hold it with one of key and function."""
    leaf = chain[0]
    algorithm = algorithm_of(leaf.public_key())
    _check_leaf(leaf)
    roots = _load_certificates(root_pem, "root") if root_pem else []
    _check_chain([*chain, *roots[:1]], now or datetime.now(UTC))
    common = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    subject = str(common[0].value) if common else leaf.subject.rfc4514_string()
    return SigningIdentity(
        chain_pem=b"".join(map(_pem, chain)),
        key_pem=key_pem,
        sign_remotely=sign,
        root_pem=b"".join(map(_pem, roots)),
        development=DEVELOPMENT in subject,
        subject=subject,
        serial=leaf.serial_number,
        algorithm=algorithm,
        not_after=leaf.not_valid_after_utc,
    )


def _verify(key: PublicKeyTypes, algorithm: str, signature: bytes, message: bytes) -> None:
    """Check one signature in the forms that `load_remote_identity` names; raises InvalidSignature, ValueError."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        if len(signature) != 2 * (-(-key.key_size // 8)):
            raise ValueError(f"got {len(signature)} bytes")
        r, s = (int.from_bytes(part, "big") for part in _halves(signature))
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(_DIGESTS[algorithm]))
    elif isinstance(key, rsa.RSAPublicKey):
        digest = _DIGESTS[algorithm]
        pss = padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)
        key.verify(signature, message, pss, digest)
    elif isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, message)


def _halves(signature: bytes) -> tuple[bytes, bytes]:
    middle = len(signature) // 2
    return signature[:middle], signature[middle:]


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
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningError(
            "signing key: got no readable key, expected unencrypted PEM, convert it with openssl pkcs8"
        ) from error
    algorithm_of(key.public_key())
    return key


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
