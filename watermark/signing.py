"""Signing identities: the certificate chain and the private key, here or elsewhere, that sign C2PA manifests."""

from watermark.signing_development import create_development_identity
from watermark.signing_identity import (
    CLAIM_SIGNING,
    SigningIdentity,
    algorithm_of,
    load_identity,
    load_remote_identity,
    prove_key,
)

__all__ = [
    "CLAIM_SIGNING",
    "SigningIdentity",
    "algorithm_of",
    "create_development_identity",
    "load_identity",
    "load_remote_identity",
    "prove_key",
]
