"""C2PA manifests: signing a finished file, and judging a stranger's.

Rules:

* signing comes last, over EXIF and XMP that are already in the file; it changes no pixel;
* a picture that arrives signed is never signed over: its file becomes the parent ingredient of the new
  manifest;
* what was signed is read back before it leaves, and must be intact;
* reading uses no network, names no URL found in a file, and never raises on a file;
* a manifest that a file lost can be validated from our own store and is then `recovered`, not `valid`.

Both sides are safe to call from several threads.
"""

import io
import json
from dataclasses import dataclass
from typing import Any, Final

from c2pa import Builder, C2paError, C2paSignerInfo, Reader, Signer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from watermark.c2pa_settings import reading_context, signing_context
from watermark.errors import ManifestError, TimestampError
from watermark.label import AiLabel
from watermark.manifest_claim import PARENT_ID, SOFT_BINDING_ALG, manifest_definition
from watermark.manifest_cost import MeteredStream, is_affordable, may_hold_manifest
from watermark.manifest_report import ManifestReport, report_of
from watermark.signing import SigningIdentity
from watermark.untrusted_text import clean_text

__all__ = [
    "SOFT_BINDING_ALG",
    "ManifestReport",
    "ManifestSigner",
    "SignedPicture",
    "TrustAnchors",
    "read_manifest",
]

_SIGNABLE: Final = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/tiff", "image/avif")

# A report of 1,000 ingredients is 3 MB of JSON; ten times that only serves to fill memory.
_MAX_REPORT_CHARS: Final = 16 << 20

# One black pixel as PNG: a stand-in for a file whose container the library cannot parse, so that a stored
# manifest can still be judged in itself.
_BLANK_PNG: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c6360"
    "00000002000148afa4710000000049454e44ae426082"
)

_NOT_FETCHED: Final = "the file names a remote manifest, which was not fetched"
_TOO_INTRICATE: Final = ManifestReport(
    "invalid", "failed", notes=("the manifest is too intricate to be examined",)
)
# XMP's way to name a remote manifest (C2PA 2.4 section 11.3.3).
_REMOTE_PROPERTY: Final = b"dcterms:provenance"
_UNREADABLE_PARENT: Final = ((_BLANK_PNG, "image/png"), "source, its Content Credentials unreadable")

# How a C2PA manifest store begins in every container (ISO 19566-5 description box of type "c2pa").
_STORE_OPENING: Final = b"jumdc2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"


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
class SignedPicture:
    """A signed file, its manifest store alone, and the manifest's `urn:c2pa:` label."""

    data: bytes
    manifest: bytes
    manifest_id: str


class ManifestSigner:
    """Signs pictures with one identity.

    Args:
        identity: chain and key; its root, where there is one, is what the result is checked against. tsa_url:
        RFC 3161 timestamp authority, called once a signature; None signs without a timestamp, and such
            a manifest reads as invalid once the certificate expires.

    Raises:
        ManifestError: the library refuses the identity.

    """

    def __init__(self, identity: SigningIdentity, *, tsa_url: str | None = None) -> None:
        self._identity = identity
        self._tsa_url = tsa_url
        self._trust = TrustAnchors(identity.root_pem)
        info = C2paSignerInfo(
            identity.algorithm.encode(),
            identity.chain_pem,
            identity.key_pem,
            tsa_url.encode() if tsa_url else None,
        )
        try:
            self._signer = Signer.from_info(info)
        except C2paError as error:
            raise ManifestError(
                f"manifest: the signing identity is refused ({clean_text(str(error))})"
            ) from error

    def sign(
        self,
        data: bytes,
        mime: str,
        label: AiLabel,
        *,
        soft_binding: str,
        parent: tuple[bytes, str] | None = None,
        title: str | None = None,
    ) -> SignedPicture:
        """Sign a finished file.

        Args:
            data: an unsigned PNG, JPEG, WebP, GIF, TIFF or AVIF file, metadata already inside.
            mime: its MIME type.
            label: what the manifest says.
            soft_binding: the invisible watermark's payload, 16 hex digits.
            parent: (file, MIME type) that this picture was made from; needed when that file was signed. Its
                manifest is carried along, valid or not; one that cannot be parsed or afforded is left out, and
                the ingredient's title says so.
            title: shown by viewers; default "image".

        Raises:
            TimestampError: the timestamp authority failed; nothing was signed.
            ManifestError: anything else, a file that already carries a manifest included.

        """
        if mime not in _SIGNABLE:
            raise ManifestError(f"manifest: got {mime!r}, expected one of {', '.join(_SIGNABLE)}")
        if _STORE_OPENING in data:
            raise ManifestError(
                "manifest: got a file that is already signed, give it as parent and sign a fresh copy"
            )
        definition = manifest_definition(
            label, mime=mime, soft_binding=soft_binding, title=title or "image", has_parent=parent is not None
        )
        if parent is not None and is_affordable(*parent):
            try:
                return self._signed(definition, data, mime, parent, "source")
            except TimestampError:
                raise
            except ManifestError:  # the parent's manifest cannot be carried along; anything else recurs below
                return self._signed(definition, data, mime, *_UNREADABLE_PARENT)
        return self._signed(definition, data, mime, *(_UNREADABLE_PARENT if parent else (None, "")))

    def _signed(
        self,
        definition: dict[str, Any],
        data: bytes,
        mime: str,
        parent: tuple[bytes, str] | None,
        parent_title: str,
    ) -> SignedPicture:
        """Build, sign and read back."""
        out = io.BytesIO()
        try:
            builder = Builder(definition, context=signing_context(self._identity.root_pem))
            if parent is not None:
                ingredient = {"title": parent_title, "relationship": "parentOf"}
                ingredient |= {"label": PARENT_ID, "instance_id": PARENT_ID}
                builder.add_ingredient(ingredient, parent[1], MeteredStream(parent[0]))
            manifest = builder.sign(self._signer, mime, io.BytesIO(data), out)
        except C2paError as error:
            reason = clean_text(str(error))
            # The key was checked when it was loaded, so a failing signature step means a failing authority.
            if self._tsa_url and isinstance(error, C2paError.Signature):
                raise TimestampError(f"manifest: the timestamp authority failed ({reason}), retry") from error
            raise ManifestError(f"manifest: signing failed ({reason})") from error
        signed = out.getvalue()
        report = read_manifest(signed, mime, trust=self._trust)
        if report.status != "valid" or report.integrity != "ok" or report.manifest_id is None:
            raise ManifestError(f"manifest: the signed file does not validate ({', '.join(report.failures)})")
        return SignedPicture(signed, bytes(manifest), report.manifest_id)


def read_manifest(
    data: bytes, mime: str, *, trust: TrustAnchors, stored_manifest: bytes | None = None
) -> ManifestReport:
    """Judge the Content Credentials of an untrusted file; never raises on a file.

    Args:
        data: the whole file.
        mime: its MIME type by content.
        trust: anchors.
        stored_manifest: a manifest store that our registry holds for this picture, used instead of looking
            into the file; the answer is then `recovered` or `invalid`.

    """
    if stored_manifest is None and not may_hold_manifest(data, mime):
        remote = _REMOTE_PROPERTY in data
        return ManifestReport("not_present", notes=(_NOT_FETCHED,) if remote else ())
    if stored_manifest is None and not is_affordable(data, mime):
        return _TOO_INTRICATE
    context = reading_context(trust.pem)
    stream = MeteredStream(data)
    try:
        if stored_manifest is None:
            reader = Reader.try_create(mime, stream, context=context)
        else:
            reader = Reader(mime, stream, manifest_data=stored_manifest, context=context)
        if reader is None:
            return _TOO_INTRICATE if stream.exhausted else ManifestReport("not_present")
        with reader:
            text = reader.json()
    except C2paError as error:
        if stored_manifest is None:
            return _TOO_INTRICATE if stream.exhausted else _unreadable(error, data)
        if data == _BLANK_PNG:
            return ManifestReport("invalid", "failed", notes=("the stored manifest cannot be parsed",))
        return read_manifest(_BLANK_PNG, "image/png", trust=trust, stored_manifest=stored_manifest)
    if len(text) > _MAX_REPORT_CHARS:
        return ManifestReport("invalid", "failed", notes=("the manifest is too large to be examined",))
    try:
        store: Any = json.loads(text)
    except (ValueError, RecursionError):
        return ManifestReport("invalid", "failed", notes=("the manifest cannot be represented as JSON",))
    return report_of(store, recovered=stored_manifest is not None)


def _unreadable(error: C2paError, data: bytes) -> ManifestReport:
    """Tell a broken manifest from a file that has none, or whose format can hold none."""
    reason = clean_text(str(error), 100)
    if reason.startswith("Remote"):
        return ManifestReport("not_present", notes=(_NOT_FETCHED,))
    if _STORE_OPENING in data:
        return ManifestReport("invalid", "failed", notes=(f"the manifest cannot be parsed ({reason})",))
    if isinstance(error, C2paError.NotSupported):
        return ManifestReport("not_present", notes=("this file format holds no Content Credentials",))
    return ManifestReport("not_present", notes=(f"the file could not be searched for a manifest ({reason})",))
