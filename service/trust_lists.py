"""Whose signatures are called trusted: our own root and the lists that the operator keeps, read again when they change.

`trust_anchors_file` names one PEM file, or a folder whose `*.pem` files are all read: the C2PA trust list, that of
timestamp authorities, a company's own root. Each use looks at names, sizes and times of the files and reads them anew
when those differ, so a refresh needs no restart. A list that cannot be read then changes nothing: the last good one
stays in force, and the log says so. At start such a list is an error.
"""

import threading
from pathlib import Path

import structlog

from service.errors import StartupError
from watermark.errors import ManifestError
from watermark.manifest import TrustAnchors

log = structlog.get_logger("countermark")

_Stamp = tuple[tuple[str, int, int], ...]


class TrustLists:
    """Trust anchors that follow their files; implements `watermark.manifest.Trust`, safe between threads.

    Args:
        own_root: our own root, PEM, may be empty.
        place: a PEM file, a folder of them, or None.

    Raises:
        StartupError: a list cannot be read.

    """

    def __init__(self, own_root: bytes, place: Path | None) -> None:
        self._own, self._place = own_root, place
        self._lock = threading.Lock()
        try:
            self._seen = self._stamp()
            self._anchors = self._read()
        except (OSError, ManifestError) as error:
            raise StartupError(f"trust_anchors_file {place}: {error}. Give PEM certificates.") from error

    @property
    def pem(self) -> bytes:
        """The certificates in force now."""
        if self._place is None:
            return self._anchors.pem
        with self._lock:
            try:
                stamp = self._stamp()
                if stamp != self._seen:
                    self._seen = stamp
                    self._anchors = self._read()
                    log.info("trust lists read again", files=len(stamp))
            except (OSError, ManifestError) as error:
                self._seen = ()  # tried again at the next use
                log.warning("trust lists cannot be read; the last good ones stay in force", cause=str(error))
            return self._anchors.pem

    def _files(self) -> list[Path]:
        if self._place is None:
            return []
        return sorted(self._place.glob("*.pem")) if self._place.is_dir() else [self._place]

    def _stamp(self) -> _Stamp:
        facts = ((path, path.stat()) for path in self._files())
        return tuple((path.name, fact.st_mtime_ns, fact.st_size) for path, fact in facts)

    def _read(self) -> TrustAnchors:
        lists = [path.read_bytes() for path in self._files()]
        begun = sum(content.count(b"-----BEGIN CERTIFICATE-----") for content in lists)
        if self._place is not None and not begun:
            raise ManifestError("got no certificate")
        if begun != sum(content.count(b"-----END CERTIFICATE-----") for content in lists):
            raise ManifestError(
                "got a certificate that is cut off"
            )  # a file that is being written: parsers skip it
        return TrustAnchors(b"\n".join([self._own, *lists]))
