"""C2PA manifests: signing a finished file, and judging a stranger's.

Rules:

* signing comes last, over EXIF and XMP that are already in the file; it changes no pixel;
* a picture that arrives signed is never signed over: its file becomes the parent ingredient of the new
  manifest;
* what was signed is read back before it leaves, and must be intact;
* reading uses no network, names no URL found in a file, and never raises on a file;
* a manifest that a file lost can be validated from our own store and is then `recovered`, not `valid`.

All of it is safe to call from several threads. The parts: `manifest_claim` says what we sign, `manifest_signer` signs,
`manifest_reader` opens and judges, `manifest_report` interprets, `manifest_timeline` tells the history,
`c2pa_settings` holds every setting of the library.
"""

from watermark.manifest_claim import SOFT_BINDING_ALG
from watermark.manifest_reader import Trust, TrustAnchors, read_manifest
from watermark.manifest_report import ManifestReport
from watermark.manifest_signer import ManifestSigner, SignedPicture, Source

__all__ = [
    "SOFT_BINDING_ALG",
    "ManifestReport",
    "ManifestSigner",
    "SignedPicture",
    "Source",
    "Trust",
    "TrustAnchors",
    "read_manifest",
]
