"""Signed receipts of verification: a JSON Web Signature (RFC 7515, compact, ES256) over one report.

A receipt says: the service at this address examined the file with this SHA-256 at this time and reported this. It
verifies without the service, with a key that was obtained from it once (`/.well-known/jwks.json`). Payload: `iss`
the address, `sub` "sha256:" and the file's hash, `iat` the time, `jti` a random id, `report` the whole report.

Not verified by it: that the report was right, or that the address belongs to who you think; fetch the keys over
HTTPS from the service itself.
"""

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import ValidationError

from service.errors import BadRequest
from service.receipt_keys import ALGORITHM, ReceiptKeys
from service.verification_report import VerificationReport

MIME: Final = "application/jose"
TYPE: Final = "countermark-receipt+jws"  # tells a receipt from any other signature by the same key
MAX_CHARS: Final = 1 << 20  # a receipt has some 10,000


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says; `valid` is whether its signature holds under the given keys, else `reason` says why not."""

    valid: bool
    reason: str
    key_id: str | None = None
    address: str | None = None
    time: datetime | None = None
    sha256: str | None = None
    report: VerificationReport | None = None


class ReceiptIssuer:
    """Signs reports with one installation's keys, in the name of its address."""

    def __init__(self, keys: ReceiptKeys, address: str, clock: Callable[[], datetime]) -> None:
        self.keys, self.address, self.clock = keys, address, clock

    def issue(self, report: VerificationReport) -> str:
        """Return the receipt of a report that was just made, in compact form.

        Raises:
            StartupError: the keys cannot be used.

        """
        now = self.clock()
        key = self.keys.signing_key(now)
        claims = {
            "iss": self.address,
            "sub": f"sha256:{report.checked.sha256}",
            "iat": int(now.timestamp()),
            "jti": uuid.uuid4().urn,
            "report": report.model_dump(mode="json"),
        }
        header = {"alg": ALGORITHM, "kid": key.kid, "typ": TYPE}
        payload = json.dumps(claims, ensure_ascii=False, separators=(",", ":"))
        return jws.serialize_compact(header, payload, key, algorithms=[ALGORITHM])


def read_receipt(text: str, key_set: dict[str, Any], image: bytes | None = None) -> Receipt:
    """Verify a receipt with the service's published keys, offline.

    Args:
        text: the receipt; white space in it is ignored, so that one copied out of the PDF works.
        key_set: the service's JSON Web Key Set.
        image: the file that it is said to be about; None: the hash is not compared.

    Raises:
        BadRequest: `key_set` holds no key that can be used, so nothing can be judged.

    """
    keys = _keys(key_set)
    compact = "".join(text.split())
    if len(compact) > MAX_CHARS:
        return Receipt(False, "it is too long to be a receipt")
    try:
        if "kid" not in jws.extract_compact(compact.encode("ascii")).headers():
            return Receipt(False, "it does not name its key")
        signed = jws.deserialize_compact(compact, keys, algorithms=[ALGORITHM])
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        return Receipt(False, f"its signature does not hold under these keys ({type(error).__name__})")
    header = signed.headers()
    if header.get("typ") != TYPE:
        return Receipt(False, "it is signed by this key but is no verification receipt")
    try:
        claims = json.loads(signed.payload or b"")
        report = VerificationReport.model_validate(claims["report"])
        sha256 = str(claims["sub"]).removeprefix("sha256:")
        address, time = str(claims["iss"]), datetime.fromtimestamp(claims["iat"], UTC)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError, ValidationError):
        return Receipt(
            False, "it is signed, but its content is not that of a receipt that this version knows"
        )
    receipt = Receipt(True, "the signature holds", str(header["kid"]), address, time, sha256, report)
    if sha256 != report.checked.sha256:
        return _refused(receipt, "it names one file and reports on another")
    if image is not None and hashlib.sha256(image).hexdigest() != sha256:
        return _refused(receipt, "the signature holds, but it is about another file than this one")
    return receipt


def _refused(receipt: Receipt, reason: str) -> Receipt:
    """Return the receipt as invalid, what it says left in view."""
    return Receipt(
        False, reason, receipt.key_id, receipt.address, receipt.time, receipt.sha256, receipt.report
    )


def _keys(key_set: dict[str, Any]) -> KeySet:
    try:
        return KeySet.import_key_set(key_set)  # type: ignore[arg-type]  # a foreign document, checked here
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise BadRequest(
            f"key set: got none that can be used ({type(error).__name__}), expected the JSON of "
            "/.well-known/jwks.json, fetch it anew."
        ) from error
