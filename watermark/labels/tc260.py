r"""China's label in the file's metadata: the AIGC string of GB 45438-2025 annex E, and where it is put.

The string has seven fields, all text; the values keep to printable ASCII without space, quote and backslash:

    Label               1 is, 2 may be, 3 is suspected to be AI-generated
    ContentProducer     name or code of the provider that made it
    ProduceID           its number for this picture; ours is the record id, which the invisible watermark carries
    ReservedCode1       the producer's integrity information
    ContentPropagator, PropagateID, ReservedCode2    the same of a platform that passes it on; empty when we make it

**What our `ReservedCode1` is.** `CM1:` and, in base64url without padding, HMAC-SHA256 over the text
`Label=...\nContentProducer=...\nProduceID=...` under a key that is derived from the watermark key. Whoever has that
key (this service's verify and comply) can tell whether one of the three fields was changed or the label was made
elsewhere. It does not cover pixels, so that it survives re-encoding, nor the propagator's fields, which others
fill in later. What ties the label to the picture is that `ProduceID` must equal the id which the watermark in the
pixels carries; what ties it to the exact file is the C2PA signature, made last.

Sources: GB 45438-2025 annex E and TC260-PG-20259A V1.0, both as quoted by open-source checkers, not read themselves.
The standard's own format of the integrity field (TC260's guide on security data) was not read either.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from watermark.errors import MetadataError

FIELDS: Final = (
    "Label",
    "ContentProducer",
    "ProduceID",
    "ReservedCode1",
    "ContentPropagator",
    "PropagateID",
    "ReservedCode2",
)
KEYWORD: Final = "AIGC"
"""PNG text keyword, and the name that wraps the object outside XMP."""

SEAL: Final = "CM1:"
"""What our `ReservedCode1` starts with."""
_ALLOWED: Final = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]*")
_MAX_JSON: Final = 16 << 10  # characters; ours has about 300


@dataclass(frozen=True, slots=True)
class AigcLabel:
    """The seven fields, ready to be written."""

    values: Mapping[str, str]

    @property
    def bare(self) -> str:
        """The JSON object of the XMP property `TC260:AIGC`."""
        return json.dumps(dict(self.values), separators=(",", ":"))

    @property
    def wrapped(self) -> str:
        """The JSON object of PNG text and EXIF."""
        return json.dumps({KEYWORD: dict(self.values)}, separators=(",", ":"))


def make_aigc(producer: str, produce_id: str, key: bytes) -> AigcLabel:
    """Make the label of a picture that we generated.

    Args:
        producer: code or name of the provider; what the standard does not allow is percent-encoded.
        produce_id: the record id.
        key: the watermark key.

    Raises:
        MetadataError: the number has signs that the standard does not allow.

    """
    if not _ALLOWED.fullmatch(produce_id) or not produce_id:
        raise MetadataError(f"AIGC label: got ProduceID {produce_id[:40]!r}, expected printable ASCII")
    values = dict.fromkeys(FIELDS, "")
    values |= {
        "Label": "1",
        "ContentProducer": producer if _ALLOWED.fullmatch(producer) else quote(producer, safe=""),
        "ProduceID": produce_id,
    }
    return AigcLabel(values | {"ReservedCode1": SEAL + _seal(values, key)})


def is_sealed_by(values: Mapping[str, str], keys: Iterable[bytes]) -> bool | None:
    """Tell whether `ReservedCode1` is the seal of one of these watermark keys; None when it is no seal of ours."""
    code = values.get("ReservedCode1", "")
    if not code.startswith(SEAL):
        return None
    expected = code.removeprefix(SEAL).encode("utf-8", "replace")
    return any(hmac.compare_digest(_seal(values, key).encode(), expected) for key in keys)


def faults(values: Mapping[str, object]) -> list[str]:
    """List what annex E does not allow, in words; empty for a label in good form."""
    found = [f"{name} is missing" for name in FIELDS if name not in values]
    found += [f"{name} is no text" for name in FIELDS if not isinstance(values.get(name, ""), str)]
    if found:
        return found
    if values["Label"] not in {"1", "2", "3"}:
        found.append("Label is none of 1, 2, 3")
    found += [f"{name} is empty" for name in ("ContentProducer", "ProduceID") if not values[name]]
    found += [
        f"{name} has signs outside printable ASCII, or a space, quote or backslash"
        for name in FIELDS
        if not _ALLOWED.fullmatch(str(values[name]))
    ]
    return found


def parse_aigc(text: str) -> Mapping[str, object] | None:
    """Read an untrusted string, wrapped or bare; None when it is no AIGC object. Values are not checked."""
    if '"Label"' not in text or len(text) > _MAX_JSON:
        return None
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    inner = parsed.get(KEYWORD, parsed) if isinstance(parsed, dict) else None
    return inner if isinstance(inner, dict) and "Label" in inner else None


def _seal(values: Mapping[str, str], key: bytes) -> str:
    derived = hmac.new(key, b"countermark aigc label 1", hashlib.sha256).digest()
    text = "\n".join(f"{name}={values.get(name, '')}" for name in FIELDS[:3])
    digest = hmac.new(derived, text.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
