"""Cut a manifest store down to its active manifest: the last one, without its ingredients' manifests.

JUMBF boxes: ISO 19566-5. A store is a superbox of a description box and one superbox per manifest; the last manifest
is the active one (C2PA 2.4, section 11).
"""

from watermark.errors import ManifestError

_HEADER = 8


def active_manifest_alone(store: bytes) -> bytes:
    """Return a store with the active manifest only; signatures stay valid, ingredients cannot be followed.

    Raises:
        ManifestError: the bytes are no manifest store.

    """
    outer = _boxes(store)
    if len(outer) != 1 or outer[0][4:8] != b"jumb":
        raise ManifestError(
            f"manifest store: got {len(store)} bytes, expected one JUMBF superbox, store it anew"
        )
    inner = _boxes(outer[0][_HEADER:])
    if len(inner) < 2 or inner[0][4:8] != b"jumd" or inner[-1][4:8] != b"jumb":
        raise ManifestError("manifest store: got no manifest in it, expected at least one, store it anew")
    body = inner[0] + inner[-1]
    return (len(body) + _HEADER).to_bytes(4, "big") + b"jumb" + body


def _boxes(data: bytes) -> list[bytes]:
    """Split a run of boxes with 32-bit lengths, which is what our own library writes."""
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size < _HEADER or at + size > len(data):
            raise ManifestError(
                f"manifest store: got a box of {size} bytes at {at}, expected less, store it anew"
            )
        found.append(data[at : at + size])
        at += size
    return found
