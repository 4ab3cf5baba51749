"""The verification protocol: what can be proven about where a picture came from.

    1. Container: within the caps, decoded by its content; a file that is no picture is an error, not a verdict.
    2. Metadata (EXIF, XMP, text chunks): claims, whoever wrote them.
    3. Content Credentials in the file: integrity, binding to these bytes, signer trust and expiry as separate
       answers, and the history that they tell.
    4. Invisible watermark, searched in the pixels alone: detected, possible or not detected, and where.
    5. Registry record, looked up by what is proven first: watermark id, signed manifest id, the exact file's hash.
    6. Fingerprint: the picture is compared with the one that the record is about, and where no proof led to a
       record, with all registered pictures; only then is an id looked up that the metadata merely claims.
    7. Recovery: no credentials in the file but a record whose picture this is, then the record's stored manifest is
       validated against this file and reported as recovered; it never counts as "valid" for a file whose bytes
       differ. A mark can be copied, so a record that only the mark names recovers nothing.
    8. Consistency across the layers: a disagreement is a finding of its own (service.consistency).
    9. One verdict and one sentence (service.verdict), and a row for each signal (service.signal_rows).

Rules: "not detected" never means human-made or authentic; a watermark payload is shown only when its keyed
check passed (watermark.detect sees to it); nothing of the upload is stored; no network is used. Steps 4 and 6, and
the decoding of pixels in step 1, can be left out: what they would have said is then "not_checked".
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

import watermark
from service.consistency import compare_layers
from service.errors import CannotRecord
from service.keys import Keys
from service.likeness import Likeness, LikenessSearch
from service.registered_pictures import RegisteredPictures, likeness_of
from service.signal_rows import c2pa_row, fingerprint_row, metadata_row, public_record, watermark_row
from service.stores import RegistryStore
from service.stores.record import Record
from service.timeline import tell
from service.verdict import conclude, describe_known
from service.verification_case import Case
from service.verification_report import FoundBy, KnownFile, Signals, Subject, VerificationReport
from watermark.manifest import ManifestReport, Trust, read_manifest
from watermark.manifest_reader import open_store
from watermark.manifest_report import report_of
from watermark.manifest_timeline import Credential, timeline_of
from watermark.metadata import read_metadata
from watermark.picture import Limits, decode_picture, read_header

_MOST_LOOKALIKES = 6  # shown; more only help those who want to list the registry
_RECOVERY_WAYS = {
    "watermark": "The watermark",
    "fingerprint": "The fingerprint",
    "exact_file": "The file's hash",
    "content_credentials": "The credentials",
}


class Verifier:
    """Runs the protocol with one watermark key, one set of trust anchors and one registry."""

    def __init__(
        self,
        keys: Keys,
        trust: Trust,
        registry: RegistryStore,
        limits: Limits,
        lookalikes: LikenessSearch | None = None,
    ) -> None:
        self._keys, self._trust, self._registry, self._limits = keys, trust, registry, limits
        self._lookalikes = lookalikes
        self.pictures = RegisteredPictures(registry, trust, lookalikes)

    def verify(self, data: bytes, *, pixels: bool = True) -> VerificationReport:
        """Return the report on one uploaded file.

        Args:
            data: the whole file.
            pixels: False leaves out all that needs the pixels: milliseconds instead of half a second.

        Raises:
            watermark.errors.PictureError: the file is no picture that can be read within the caps.

        """
        case, image, mime = self._open(data, pixels=pixels)  # steps 1 to 3
        if image is not None:
            case.mark = self._detect(image)  # step 4
        self._find_record(case, data, mime, image)  # steps 5 and 6
        self._recover(case, data, mime)  # step 7
        compare_layers(case)  # step 8
        case.development_signer = self._development_signed(case.credentials)
        return judge(case)  # step 9

    def known(self, sha256: str) -> KnownFile:
        """Say what the registry holds for the SHA-256 of a file (64 hex digits), without the file."""
        record = self._registry.by_sha256(sha256)
        row = public_record(record, "exact_file", exact=True, confirmed=True) if record else None
        return KnownFile(sha256=sha256, summary=describe_known(record), record=row)

    def _development_signed(self, credentials: ManifestReport) -> bool:
        """Names and serials can be copied, a chain to our own root cannot."""
        ours = self._keys.identity
        return bool(ours.development and credentials.trusted and credentials.signer_is(ours))

    def _open(self, data: bytes, *, pixels: bool) -> tuple[Case, NDArray[np.uint8] | None, str]:
        """Steps 1 to 3."""
        image = None
        if pixels:
            picture = decode_picture(data, limits=self._limits)
            format_, mime, frames, image = picture.format, picture.mime, picture.frames, picture.image
            width, height = picture.width, picture.height
        else:
            header = read_header(data, limits=self._limits)
            format_, mime, frames = header.format, header.mime, header.frames
            width, height = header.width, header.height
        sha256 = hashlib.sha256(data).hexdigest()
        credentials, history = self._read_credentials(data, mime)
        case = Case(
            subject=Subject(sha256=sha256, bytes=len(data), format=format_, width=width, height=height),
            metadata=read_metadata(data, format_),
            credentials=credentials,
            timeline=tell(history, credentials),
            sources={one.manifest_id for one in history},
            searched=pixels,
            current_key_id=watermark.key_id(self._keys.watermark),
        )
        if not pixels:
            case.add("pixels_not_examined")
        elif frames > 1:
            case.add("first_frame_only", frames=str(frames))
        for note in case.credentials.notes:
            case.add("credentials_note", note=note)
        for note in case.metadata.notes:
            case.add("metadata_note", note=note)
        return case, image, mime

    def _read_credentials(
        self, data: bytes, mime: str, stored: bytes | None = None
    ) -> tuple[ManifestReport, Sequence[Credential]]:
        """Step 3, in one reading: the answers and the history; of `stored`, where the file has lost its own."""
        with open_store(data, mime, trust=self._trust, stored_manifest=stored) as store:
            if isinstance(store, ManifestReport):
                return store, ()
            history = timeline_of(store, thumbnails=False)
            return report_of(store.json, recovered=stored is not None), history

    def _detect(self, image: NDArray[np.uint8]) -> watermark.Detection | None:
        """Step 4. Return None for a picture that is too small to be searched."""
        with suppress(watermark.ImageTooSmall):
            return watermark.detect(image, key=self._keys.all_watermarks, localize=True)
        return None

    def _find_record(self, case: Case, data: bytes, mime: str, image: NDArray[np.uint8] | None) -> None:
        """Steps 5 and 6."""
        proofs: list[tuple[FoundBy, Record | None]] = []
        if case.mark_id:
            proofs.append(("watermark", self._registry.get(case.mark_id)))
        signed, exact = self._by_credentials(case, data, mime), self._registry.by_sha256(case.subject.sha256)
        proofs += [("content_credentials", signed), ("exact_file", exact)]
        for found_by, record in proofs:
            if record is not None:
                # a picture can have been released in several files: what the record says is to be of this one
                of_file = next(
                    (one for one in (exact, signed) if one is not None and one.id == record.id), None
                )
                case.record, case.found_by, case.hash_fits = of_file or record, found_by, of_file is not None
                break
        if case.record is None and case.mark_id:
            case.add("watermark_not_registered")
        if image is not None:
            try:
                self._compare_pictures(case, image)
            except CannotRecord:  # index or registry; what was established without them stands
                if case.record is None:
                    case.likeness = None
                case.add("likeness_unavailable")
        if case.record is None and case.metadata.record_id:
            self._follow_claim(case, case.metadata.record_id, image)

    def _follow_claim(self, case: Case, record_id: str, image: NDArray[np.uint8] | None) -> None:
        """Look up an id that the metadata merely claims."""
        case.record, case.found_by = self._registry.get(record_id), "metadata"
        if case.record is None:
            return
        case.add("record_by_claim_only")
        if image is not None:
            case.likeness = self.pictures.likeness(image, case.record.id) or case.likeness

    def _by_credentials(self, case: Case, data: bytes, mime: str) -> Record | None:
        """Find the record of an intact manifest.

        Manifest ids are public and anyone can sign a manifest that has one of ours, so the id proves nothing: the
        manifest that we stored under it must itself fit this file.
        """
        if case.credentials.status != "valid" or case.credentials.manifest_id is None:
            return None
        record = self._registry.by_manifest_id(case.credentials.manifest_id)
        if record is None:
            return None
        if record.sha256 == case.subject.sha256:
            return record
        if read_manifest(data, mime, trust=self._trust, stored_manifest=record.manifest).pixels_match:
            return record
        case.add("borrowed_manifest_id", manifest_id=case.credentials.manifest_id)
        return None

    def _compare_pictures(self, case: Case, image: NDArray[np.uint8]) -> None:
        """Step 6. Compare with the picture that the record is about; where there is none, with all registered ones."""
        if case.record is not None and (case.exact or case.hash_fits):
            case.likeness = Likeness("match", case.record.id)  # the hash says more than any likeness
            return
        if case.record is not None:
            case.likeness = self._likeness_to_marked(case, case.record, image)
            for other, _ in case.marks[
                1:
            ]:  # joined or marked twice: the record whose picture this is comes first
                record = self._registry.get(other)
                if case.likeness is None or case.likeness.status == "match" or record is None:
                    break
                likeness = self._likeness_to_marked(case, record, image)
                if likeness is not None and likeness.status == "match":
                    case.record, case.likeness = record, likeness
            if case.likeness is None or case.likeness.status != "no_match":
                return
        self._find_lookalikes(case, image)

    def _likeness_to_marked(self, case: Case, record: Record, image: NDArray[np.uint8]) -> Likeness | None:
        likeness = self.pictures.likeness_to_marked(image, record, case.mark)
        if likeness is None:
            case.add("picture_not_confirmed", record_id=record.id)
        return likeness

    def _find_lookalikes(self, case: Case, image: NDArray[np.uint8]) -> None:
        """Compare with all registered pictures; a confirmed one is the record where no other layer named one."""
        if self._lookalikes is None:
            return
        for found in self._lookalikes.find(image, most=_MOST_LOOKALIKES):
            record, comparison = self._registry.get(found.record_id), found.comparison
            if record is None or comparison.status == "no_match":
                continue
            case.lookalikes.append((record, comparison.status))
            if case.likeness is None:
                case.likeness = likeness_of(record.id, comparison)
        if case.likeness is None:
            case.likeness = Likeness("no_match")
        if case.record is None and case.likeness.status == "match":
            case.record, case.found_by = case.lookalikes[0][0], "fingerprint"
            case.add("found_by_fingerprint", record_id=case.record.id)
        elif case.record is None and case.lookalikes:
            number = len(case.lookalikes)
            case.add("looks_similar", count="one picture" if number == 1 else f"{number} pictures")

    def _recover(self, case: Case, data: bytes, mime: str) -> None:
        """Step 7. A mark can be copied: credentials are shown only of what this was confirmed to be a picture of."""
        if case.record is None or case.credentials.status != "not_present":
            return
        if not case.confirmed and case.found_by != "fingerprint":
            return
        stored = self._registry.manifest(case.record.id)
        if stored is None:
            return
        recovered, history = self._read_credentials(data, mime, stored)
        if recovered.status != "recovered":
            case.add("stored_manifest_unusable")
            return
        case.credentials, case.timeline = recovered, tell(history, recovered)
        case.add("manifest_recovered", way=_RECOVERY_WAYS[case.found_by])
        if case.likeness is not None and case.likeness.status == "similar":
            case.add("recovered_picture_altered")


def judge(case: Case) -> VerificationReport:
    """Step 9: turn what was established into the report; pure."""
    verdict, summary = conclude(case)
    record = None
    if case.record:
        record = public_record(case.record, case.found_by, exact=case.exact, confirmed=case.confirmed)
    return VerificationReport(
        summary=summary,
        verdict=verdict,
        checked=case.subject,
        record=record,
        signals=Signals(
            c2pa=c2pa_row(case.credentials, development=case.development_signer),
            watermark=watermark_row(case),
            metadata=metadata_row(case.metadata),
            fingerprint=fingerprint_row(case),
        ),
        timeline=case.timeline,
        findings=case.findings,
    )
