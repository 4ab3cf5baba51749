"""Every setting of the C2PA library, in one place, and the cached contexts made from them.

Rules: nothing named in a file is ever fetched (`remote_manifest_fetch`, `ocsp_fetch` and the host list are
all shut for reading); trust comes from the anchors given here and from nothing built in.

Found by running c2pa-python 0.38.1: without `trust_config` a certificate for C2PA claim signing alone reads
as invalid; labels missing from `created_assertion_labels` land among the gathered assertions, which the
conformance rubric counts as failures; contexts may be shared between threads; the timestamp authority is called
whatever the context allows, because the signer is made without one.
"""

from functools import lru_cache
from typing import Any, Final

from c2pa import Context

# Extended key usages accepted in signers and responders: C2PA claim signing, document signing (RFC 9336),
# emailProtection, timeStamping, OCSP signing.
_ACCEPTED_USAGES: Final = (
    "1.3.6.1.4.1.62558.2.1",
    "1.3.6.1.5.5.7.3.36",
    "1.3.6.1.5.5.7.3.4",
    "1.3.6.1.5.5.7.3.8",
    "1.3.6.1.5.5.7.3.9",
)
_CREATED_ASSERTIONS: Final = (
    "c2pa.actions",
    "c2pa.actions.v2",
    "c2pa.soft-binding",
    "c2pa.ingredient.v3",
    "c2pa.thumbnail.claim",
    "c2pa.thumbnail.ingredient",
    "cawg.training-mining",
    "cawg.metadata",
)


@lru_cache(maxsize=8)
def reading_context(anchors_pem: bytes) -> Context:
    """Make the context that validates manifests against `anchors_pem` and never touches the network."""
    return Context.from_dict(_settings(anchors_pem))


@lru_cache(maxsize=8)
def signing_context(anchors_pem: bytes) -> Context:
    """Make the context that signs: as for reading, and what our manifests consist of."""
    return Context.from_dict(
        _settings(anchors_pem)
        | {
            "builder": {
                # The library's own take 50 ms, are lossless for WebP and missing for AVIF: the caller gives them.
                "thumbnail": {"enabled": False},
                "created_assertion_labels": list(_CREATED_ASSERTIONS),
            }
        }
    )


def _settings(anchors_pem: bytes) -> dict[str, Any]:
    trust: dict[str, str] = {"trust_config": "\n".join(_ACCEPTED_USAGES)}
    if anchors_pem.strip():  # an empty list does not parse; without one nothing is trusted
        trust["trust_anchors"] = anchors_pem.decode("ascii")
    return {
        "version": 1,
        "core": {"allowed_network_hosts": []},
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": True},
        "trust": trust,
    }
