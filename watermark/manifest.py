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

# A store of 400 ingredients has 7,000 JUMBF boxes and takes 1.5 s of CPU; the most intricate public test file has
# 189. A 32 MiB file could hold 200,000. A parent may have half, so that what is signed stays below.
_MAX_BOXES: Final = 10_000

# One black pixel as PNG: a stand-in for a file whose container the library cannot parse, so that a stored
# manifest can still be judged in itself.
_BLANK_PNG: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c6360"
    "00000002000148afa4710000000049454e44ae426082"
)

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
                manifest is carried along, valid or not; one that cannot even be parsed is left out, and the
                ingredient's title says so.
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
        try:
            if parent is not None and _is_too_intricate(parent[0], _MAX_BOXES // 2):
                signed, manifest = self._signed_without_parents_manifest(definition, data, mime)
            else:
                signed, manifest = self._signed(definition, data, mime, parent, "source")
        except C2paError as error:
            # The key was checked when it was loaded, so a failing signature step means a failing authority.
            if self._tsa_url and isinstance(error, C2paError.Signature):
                reason = clean_text(str(error))
                raise TimestampError(f"manifest: the timestamp authority failed ({reason}), retry") from error
            if parent is None:
                raise ManifestError(f"manifest: signing failed ({clean_text(str(error))})") from error
            signed, manifest = self._signed_without_parents_manifest(definition, data, mime)
        report = read_manifest(signed, mime, trust=self._trust)
        if report.status != "valid" or report.integrity != "ok" or report.manifest_id is None:
            raise ManifestError(f"manifest: the signed file does not validate ({', '.join(report.failures)})")
        return SignedPicture(signed, manifest, report.manifest_id)

    def _signed_without_parents_manifest(
        self, definition: dict[str, Any], data: bytes, mime: str
    ) -> tuple[bytes, bytes]:
        """Sign with a parent whose own manifest is too broken to be carried along, and say so in its title."""
        try:
            stand_in = (_BLANK_PNG, "image/png")
            return self._signed(
                definition, data, mime, stand_in, "source, its Content Credentials unreadable"
            )
        except C2paError as error:
            raise ManifestError(f"manifest: signing failed ({clean_text(str(error))})") from error

    def _signed(
        self,
        definition: dict[str, Any],
        data: bytes,
        mime: str,
        parent: tuple[bytes, str] | None,
        parent_title: str,
    ) -> tuple[bytes, bytes]:
        """Build and sign; returns (file, manifest store)."""
        builder = Builder(definition, context=signing_context(self._identity.root_pem))
        if parent is not None:
            builder.add_ingredient(
                {
                    "title": parent_title,
                    "relationship": "parentOf",
                    "label": PARENT_ID,
                    "instance_id": PARENT_ID,
                },
                parent[1],
                io.BytesIO(parent[0]),
            )
        out = io.BytesIO()
        manifest = builder.sign(self._signer, mime, io.BytesIO(data), out)
        return out.getvalue(), bytes(manifest)


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
    if _is_too_intricate(stored_manifest or data):
        return ManifestReport("invalid", "failed", notes=("the manifest has too many parts to be examined",))
    context = reading_context(trust.pem)
    try:
        if stored_manifest is None:
            reader = Reader.try_create(mime, io.BytesIO(data), context=context)
        else:
            reader = Reader(mime, io.BytesIO(data), manifest_data=stored_manifest, context=context)
        if reader is None:
            return ManifestReport("not_present")
        with reader:
            text = reader.json()
    except C2paError as error:
        if stored_manifest is None:
            return _unreadable(error, data)
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


def _is_too_intricate(data: bytes, max_boxes: int = _MAX_BOXES) -> bool:
    return data.count(b"jumb") > max_boxes


def _unreadable(error: C2paError, data: bytes) -> ManifestReport:
    """Tell a broken manifest from a file that has none, or whose format can hold none."""
    reason = clean_text(str(error), 100)
    if reason.startswith("Remote"):
        return ManifestReport(
            "not_present", notes=("the file names a remote manifest, which was not fetched",)
        )
    if _STORE_OPENING in data:
        return ManifestReport("invalid", "failed", notes=(f"the manifest cannot be parsed ({reason})",))
    if isinstance(error, C2paError.NotSupported):
        return ManifestReport("not_present", notes=("this file format holds no Content Credentials",))
    return ManifestReport("not_present", notes=(f"the file could not be searched for a manifest ({reason})",))
