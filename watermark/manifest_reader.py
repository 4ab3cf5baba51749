"""Open a stranger's C2PA manifest store and judge it; see `watermark.manifest` for the rules.

Nothing here raises on a file: what cannot be examined is an answer with a note.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from c2pa import C2paError, Reader
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from watermark.c2pa_settings import reading_context
from watermark.errors import ManifestError
from watermark.manifest_cost import MeteredStream, is_affordable, may_hold_manifest
from watermark.manifest_report import ManifestReport, report_of
from watermark.untrusted_text import clean_text

# A report of 1,000 ingredients is 3 MB of JSON; ten times that only serves to fill memory.
_MAX_REPORT_CHARS: Final = 16 << 20

# One black pixel as PNG: a stand-in for a file whose container the library cannot parse, so that a stored
# manifest can still be judged in itself.
BLANK_PNG: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c6360"
    "00000002000148afa4710000000049454e44ae426082"
)

_NOT_FETCHED: Final = "the file names a remote manifest, which was not fetched"
_TOO_INTRICATE: Final = ManifestReport("invalid", notes=("the manifest is too intricate to be examined",))
# XMP's way to name a remote manifest (C2PA 2.4 section 11.3.3).
_REMOTE_PROPERTY: Final = b"dcterms:provenance"

# How a C2PA manifest store begins in every container (ISO 19566-5 description box of type "c2pa").
STORE_OPENING: Final = b"jumdc2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"


class Trust(Protocol):
    """What is asked about signers: the root certificates to trust at this moment, PEM, may be empty."""

    @property
    def pem(self) -> bytes:
        """Root certificates."""
        ...


@dataclass(frozen=True, slots=True)
class TrustAnchors:
    """Root certificates whose signers are called trusted; PEM, comments between blocks allowed, may be empty.

    Raises:
        ManifestError: a certificate does not parse.

    """

    pem: bytes = b""

    def __post_init__(self) -> None:
        if not self.pem.strip():
            return
        try:
            certificates = x509.load_pem_x509_certificates(self.pem)
        except ValueError as error:
            raise ManifestError(
                f"trust anchors: got unreadable PEM ({error}), expected root certificates"
            ) from error
        # Written back without comments, which may be in any encoding.
        clean = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)
        object.__setattr__(self, "pem", clean)


@dataclass(frozen=True, slots=True)
class OpenStore:
    """A manifest store that the library accepted: its report as JSON, and the reader for its resources."""

    json: Any
    reader: Reader


def read_manifest(
    data: bytes, mime: str, *, trust: Trust, stored_manifest: bytes | None = None
) -> ManifestReport:
    """Judge the Content Credentials of an untrusted file; never raises on a file.

    Args:
        data: the whole file.
        mime: its MIME type by content.
        trust: anchors.
        stored_manifest: a manifest store that our registry holds for this picture, used instead of looking
            into the file; the answer is then `recovered` or `invalid`.

    """
    with open_store(data, mime, trust=trust, stored_manifest=stored_manifest) as store:
        if isinstance(store, ManifestReport):
            return store
        return report_of(store.json, recovered=stored_manifest is not None)


@contextmanager
def open_store(
    data: bytes, mime: str, *, trust: Trust, stored_manifest: bytes | None = None
) -> Iterator[OpenStore | ManifestReport]:
    """Open a file's manifest store for the length of a block; a report says why there is none to open.

    Arguments as for `read_manifest`.
    """
    reader = _reader(data, mime, trust.pem, stored_manifest)
    if isinstance(reader, ManifestReport):
        yield reader
        return
    with reader:
        yield _examined(reader)


def _reader(data: bytes, mime: str, anchors: bytes, stored: bytes | None) -> Reader | ManifestReport:
    if stored is None and not may_hold_manifest(data, mime):
        return ManifestReport("not_present", notes=(_NOT_FETCHED,) if _REMOTE_PROPERTY in data else ())
    if stored is None and not is_affordable(data, mime):
        return _TOO_INTRICATE
    context = reading_context(anchors)
    stream = MeteredStream(data)
    try:
        if stored is not None:
            return Reader(mime, stream, manifest_data=stored, context=context)
        reader = Reader.try_create(mime, stream, context=context)
    except C2paError as error:
        if stored is None:
            return _TOO_INTRICATE if stream.exhausted else _unreadable(error, data)
        if data == BLANK_PNG:
            return ManifestReport("invalid", notes=("the stored manifest cannot be parsed",))
        return _reader(BLANK_PNG, "image/png", anchors, stored)
    if reader is None:
        return _TOO_INTRICATE if stream.exhausted else ManifestReport("not_present")
    return reader


def _examined(reader: Reader) -> OpenStore | ManifestReport:
    try:
        text = reader.json()
    except C2paError as error:
        note = f"the manifest cannot be represented ({clean_text(str(error), 100)})"
        return ManifestReport("invalid", notes=(note,))
    if len(text) > _MAX_REPORT_CHARS:
        return ManifestReport("invalid", notes=("the manifest is too large to be examined",))
    try:
        return OpenStore(json.loads(text), reader)
    except (ValueError, RecursionError):
        return ManifestReport("invalid", notes=("the manifest cannot be represented as JSON",))


def _unreadable(error: C2paError, data: bytes) -> ManifestReport:
    """Tell a broken manifest from a file that has none, or whose format can hold none."""
    reason = clean_text(str(error), 100)
    if reason.startswith("Remote"):
        return ManifestReport("not_present", notes=(_NOT_FETCHED,))
    if STORE_OPENING in data:
        return ManifestReport("invalid", notes=(f"the manifest cannot be parsed ({reason})",))
    if isinstance(error, C2paError.NotSupported):
        return ManifestReport("not_present", notes=("this file format holds no Content Credentials",))
    return ManifestReport("not_present", notes=(f"the file could not be searched for a manifest ({reason})",))
