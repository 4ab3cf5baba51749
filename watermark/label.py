"""What a mark says: the one statement that EXIF, XMP, PNG text and the C2PA manifest all repeat.

Terms: IPTC NewsCodes Digital Source Type (http://cv.iptc.org/newscodes/digitalsourcetype/) and IPTC Photo
Metadata 2025.1 (AISystemUsed, AISystemVersionUsed, AIPromptInformation).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from watermark.errors import MetadataError
from watermark.labels.tc260 import AigcLabel

_IPTC: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"
TRAINED_ALGORITHMIC_MEDIA: Final = _IPTC + "trainedAlgorithmicMedia"
COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA: Final = _IPTC + "compositeWithTrainedAlgorithmicMedia"

# Last path segment of the terms that say a generative model took part. `compositeSynthetic` and
# `algorithmicMedia` are left out: IPTC defines both for synthetic elements without a trained model as well.
AI_SOURCE_TERMS: Final = frozenset(
    {"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "trainedAlgorithmicData"}
)
# Terms that claim a camera, a scanner, a hand or a program without a trained model.
HUMAN_SOURCE_TERMS: Final = frozenset(
    {
        "digitalCapture",
        "computationalCapture",
        "compositeCapture",
        "negativeFilm",
        "positiveFilm",
        "print",
        "humanEdits",
        "minorHumanEdits",
        "digitalCreation",
        "digitalArt",
        "softwareImage",
        "screenCapture",
        "virtualRecording",
        "algorithmicallyEnhanced",
    }
)

_RECORD_ID: Final = re.compile(r"[0-9a-f]{16}")
_MAX_NAME: Final = 200  # characters; keeps EXIF far below JPEG's 64 KiB segment
NOT_STATED: Final = "not stated"
"""Written where a name or version is not known; it counts as no statement."""
MAX_PROMPT: Final = 4000  # characters; at most 24 KB escaped, so XMP stays below JPEG's 64 KiB segment


@dataclass(frozen=True, slots=True)
class AiLabel:
    """The statement that a picture was made, or changed, by a generative model.

    Carries what California's latent disclosure asks for (B&P 22757.3(b)(1)): provider, system and version,
    time, unique identifier. It never carries the user; the prompt only where somebody asked for it, because
    prompts are personal data.

    Attributes:
        record_id: 16 lowercase hex digits, the 64 bits that the invisible watermark carries.
        provider: who runs the service; 1 to 200 printable characters.
        system: name of the generative system; the same limits.
        system_version: its version; the same limits.
        created_at: when, timezone-aware; written in UTC to the second.
        source_type: IPTC digital source type URI.
        edited: True when the picture was made from another picture.
        prompt: for AIPromptInformation, None to leave it out; cut to `MAX_PROMPT` characters, signs that XML
            cannot hold become spaces.
        aigc: China's label, or None.

    """

    record_id: str
    provider: str
    system: str
    system_version: str
    created_at: datetime
    source_type: str = TRAINED_ALGORITHMIC_MEDIA
    edited: bool = False
    prompt: str | None = None
    aigc: AigcLabel | None = None

    def __post_init__(self) -> None:
        if not _RECORD_ID.fullmatch(self.record_id):
            raise MetadataError(f"label.record_id: got {self.record_id!r}, expected 16 lowercase hex digits")
        for name in ("provider", "system", "system_version"):
            value: str = getattr(self, name)
            if not 1 <= len(value) <= _MAX_NAME or not value.isprintable():
                raise MetadataError(
                    f"label.{name}: got {value[:40]!r} ({len(value)} characters), expected 1 to {_MAX_NAME} "
                    "printable characters, shorten it in the settings"
                )
        if self.created_at.tzinfo is None:
            raise MetadataError(
                "label.created_at: got a time without a zone, expected an aware one, use datetime.UTC"
            )
        if source_term(self.source_type) is None:
            raise MetadataError(
                f"label.source_type: got {self.source_type[:80]!r}, expected a digital source type URI"
            )

    @property
    def prompt_text(self) -> str:
        """The prompt as it is written: one line, cut."""
        text = (self.prompt or "")[:MAX_PROMPT]
        return " ".join("".join(c if c.isprintable() else " " for c in text).split())

    @property
    def created_utc(self) -> datetime:
        """Creation time in UTC, whole seconds."""
        return self.created_at.astimezone(UTC).replace(microsecond=0)

    @property
    def created_text(self) -> str:
        """Creation time as RFC 3339, `2026-11-22T01:00:00Z`."""
        return self.created_utc.strftime("%Y-%m-%dT%H:%M:%SZ")


def source_term(uri: str) -> str | None:
    """Name the term of a digital source type URI of IPTC or C2PA, or None for any other text."""
    match = re.fullmatch(
        r"https?://(?:cv\.iptc\.org/newscodes|c2pa\.org)/digitalsourcetype/([A-Za-z]{1,60})", uri.strip()
    )
    return match.group(1) if match else None


def says_ai(uri: str) -> bool | None:
    """Tell whether a digital source type says a generative model took part; None when it says neither."""
    term = source_term(uri)
    if term in AI_SOURCE_TERMS:
        return True
    return False if term in HUMAN_SOURCE_TERMS else None
