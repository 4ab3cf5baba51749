"""One installation that marks and verifies, for tests of the verification protocol."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from service.generators.builtin import draw
from service.keys import Keys, load_or_create_keys
from service.marking import MarkedPicture, Marker, Origin
from service.settings import Settings
from service.stages import StageTimes
from service.stores import RegistryStore, registry_sqlite
from service.verification import Verifier
from service.verification_report import VerificationReport
from tests.unit.service.likeness_fake import FakeLikeness
from watermark.manifest import TrustAnchors
from watermark.picture import Limits, decode_picture, encode_picture

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
ORIGIN = Origin("generation", "fake", "7", "default@0", "allow", "req_1")


@dataclass
class House:
    keys: Keys
    marker: Marker
    verifier: Verifier
    registry: RegistryStore

    def mark(self, seed: str = "a harbour", format_: str = "png") -> MarkedPicture:
        return self.marker.mark(draw(seed, 0, 512, 512), format_, ORIGIN, StageTimes())

    def verify(
        self, data: bytes, likeness: FakeLikeness | None = None, *, pixels: bool = True
    ) -> VerificationReport:
        verifier = self.verifier
        if likeness is not None:
            verifier = Verifier(
                self.keys, TrustAnchors(self.keys.identity.root_pem), self.registry, Limits(), likeness
            )
        report = verifier.verify(data, pixels=pixels)
        assert "authentic" not in report.summary
        return report


def build(folder: Path) -> House:
    keys = load_or_create_keys(Settings(data_dir=folder), datetime.now(UTC))
    registry = registry_sqlite.create(folder / "registry.sqlite")
    return House(
        keys,
        Marker(keys, "Test provider", registry, lambda: NOW),
        Verifier(keys, TrustAnchors(keys.identity.root_pem), registry, Limits()),
        registry,
    )


def pixels_of(data: bytes) -> np.ndarray:
    return decode_picture(data).image


def png(image: np.ndarray) -> bytes:
    return encode_picture(image, "png")


def codes(report: VerificationReport) -> set[str]:
    return {finding.code for finding in report.findings}


def stripped(marked: MarkedPicture) -> bytes:
    """The same picture with every byte of metadata gone."""
    return png(pixels_of(marked.data))
