"""Recognising who wrote a picture's metadata: generators and services, each by the trace it leaves.

One rule a writer, and every rule but the AIGC label's claims a generative model. All of it is unsigned and
can be forged or copied.

Sources: files of Midjourney, xAI and Google read with exiftool; the programs' own formats (AUTOMATIC1111
`parameters`, ComfyUI `prompt` and `workflow`, InvokeAI `invokeai_metadata`); GB 45438-2025 annex E for the
AIGC string.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from watermark.exif import ExifFields

_UUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_SAMSUNG: Final = re.compile(rb'"genAIType"\s*:\s*([0-9]{1,4})')


@dataclass(frozen=True, slots=True)
class Traces:
    """Everything that a rule may look at: raw values, not cleaned, never shown as they are."""

    exif: ExifFields
    xmp: Mapping[str, str]
    text: Mapping[str, str]
    data: bytes

    @property
    def software(self) -> str:
        """What EXIF, XMP or PNG text names as the program, joined."""
        return " ".join(
            (
                self.exif.text.get("Software", ""),
                self.xmp.get("xmp:CreatorTool", ""),
                self.text.get("Software", ""),
                self.exif.text.get("Make", ""),
            )
        )


@dataclass(frozen=True, slots=True)
class Writer:
    """A recognised writer: a stable name, and whether its trace claims a generative model (None: neither)."""

    name: str
    says_ai: bool | None


def recognise_writers(traces: Traces) -> tuple[Writer, ...]:
    """List every writer whose trace is in the file, in the order of the rules; never raises."""
    found = [Writer(name, says_ai=True) for name, rule in _RULES if rule(traces)]
    aigc = find_aigc(traces)
    if aigc is not None:
        # Label 1: is AI-generated; 2: possibly; 3: suspected (GB 45438-2025 annex E).
        found.append(Writer("tc260", says_ai=True if aigc.get("Label") == "1" else None))
    return tuple(found)


def find_aigc(traces: Traces) -> Mapping[str, str] | None:
    """Take the China AIGC label from XMP, PNG text or the EXIF comment, wrapped or bare; None when absent."""
    for raw in (traces.xmp.get("TC260:AIGC"), traces.text.get("AIGC"), traces.exif.user_comment):
        if not raw or '"Label"' not in raw:
            continue
        try:
            parsed = json.loads(raw)
        except (ValueError, RecursionError):
            continue
        inner = parsed.get("AIGC", parsed) if isinstance(parsed, dict) else None
        if isinstance(inner, dict) and isinstance(inner.get("Label"), str):
            return {key: value for key, value in inner.items() if isinstance(value, str)}
    return None


def _google(traces: Traces) -> bool:
    return bool(
        re.search(
            r"\b(?:made|edited) with google ai\b", traces.xmp.get("photoshop:Credit", ""), re.IGNORECASE
        )
    )


def _midjourney(traces: Traces) -> bool:
    return bool(re.search(r"\bJob ID: " + _UUID, traces.text.get("Description", ""))) or _names(
        r"midjourney", traces
    )


def _xai(traces: Traces) -> bool:
    signed = (traces.exif.user_comment, traces.exif.text.get("ImageDescription", ""))
    return any(text.startswith("Signature: ") for text in signed) and bool(
        re.fullmatch(_UUID, traces.exif.text.get("Artist", ""))
    )


def _a1111(traces: Traces) -> bool:
    stated = (traces.text.get("parameters", ""), traces.exif.user_comment)
    return any(re.search(r"\bSteps: \d+", text) and "Sampler: " in text for text in stated)


def _comfyui(traces: Traces) -> bool:
    return '"class_type"' in traces.text.get("prompt", "") or (
        "workflow" in traces.text and '"nodes"' in traces.text["workflow"]
    )


def _invokeai(traces: Traces) -> bool:
    return bool({"invokeai_metadata", "sd-metadata", "invokeai_graph"} & traces.text.keys())


def _samsung(traces: Traces) -> bool:
    if b"PhotoEditor_Re_Edit_Data" not in traces.data:
        return False
    found = _SAMSUNG.search(traces.data)
    return found is not None and int(found.group(1)) > 0


def _names(pattern: str, traces: Traces) -> bool:
    return bool(re.search(pattern, traces.software, re.IGNORECASE))


_RULES: Final[tuple[tuple[str, Callable[[Traces], bool]], ...]] = (
    ("google", _google),
    ("midjourney", _midjourney),
    ("xai", _xai),
    ("a1111", _a1111),
    ("comfyui", _comfyui),
    ("invokeai", _invokeai),
    ("samsung", _samsung),
    ("novelai", lambda traces: _names(r"\bnovelai\b", traces)),
    ("ideogram", lambda traces: _names(r"\bideogram", traces)),
    ("huggingface", lambda traces: "hf-job-id" in traces.text),
    ("stable-diffusion", lambda traces: _names(r"stable.?diffusion|diffusers|fooocus|draw.?things", traces)),
    ("openai", lambda traces: _names(r"dall.?e\b|gpt-?image|\bgpt-4o\b", traces)),
    ("adobe-firefly", lambda traces: _names(r"\badobe firefly\b", traces)),
)
