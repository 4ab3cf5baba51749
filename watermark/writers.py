"""Recognising who wrote a picture's metadata: generators and services, each by the trace it leaves.

One rule a writer, with the convention that the trace follows; every rule but the AIGC label's claims a generative
model. All of it is unsigned and can be forged or copied. OpenAI, Adobe Firefly and Black Forest Labs sign Content
Credentials instead; `manifest_report` reads those.

Sources: files of Midjourney, xAI and Google read with exiftool; the programs' own formats (AUTOMATIC1111
`parameters`, ComfyUI `prompt` and `workflow`, InvokeAI `invokeai_metadata`); GB 45438-2025 annex E for the AIGC
string. Meta's rule joins its statement to the mark that Facebook puts into every file it serves; it was not seen on a
generated file.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from watermark.label import says_ai
from watermark.traces import Traces

_UUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_SAMSUNG: Final = re.compile(rb'"genAIType"\s*:\s*([0-9]{1,4})')
_COMFYUI_TAGS: Final = ("Make", "Model", "ImageDescription")


@dataclass(frozen=True, slots=True)
class Writer:
    """A recognised writer.

    Attributes:
        name: stable, lower case.
        convention: which trace it was recognised by, in words.
        says_ai: whether that trace claims a generative model; None: neither.

    """

    name: str
    convention: str
    says_ai: bool | None


def recognise_writers(traces: Traces) -> tuple[Writer, ...]:
    """List every writer whose trace is in the file, in the order of the rules; never raises."""
    found = [Writer(name, convention, says_ai=True) for name, convention, rule in _RULES if rule(traces)]
    for carrier, label in traces.aigc.items():
        # Label 1: is AI-generated; 2: possibly; 3: suspected (GB 45438-2025 annex E).
        claim = True if label.get("Label") == "1" else None
        found.append(Writer("tc260", f"AIGC label of GB 45438-2025 in {carrier}", says_ai=claim))
    return tuple(found)


def _google(traces: Traces) -> bool:
    credit = traces.xmp.get("photoshop:Credit", "")
    return bool(re.search(r"\b(?:made|edited) with google ai\b", credit, re.IGNORECASE))


def _meta(traces: Traces) -> bool:
    stated = says_ai(traces.xmp.get("Iptc4xmpExt:DigitalSourceType", ""))
    return stated is True and b"FBMD" in traces.iim


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
    in_tags = (traces.exif.text.get(tag, "") for tag in _COMFYUI_TAGS)  # its WebP node
    return (
        '"class_type"' in traces.text.get("prompt", "")
        or '"nodes"' in traces.text.get("workflow", "")
        or any(re.match(r"(?i)(?:prompt|workflow): ?\{", text) for text in in_tags)
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


def _named(pattern: str) -> Callable[[Traces], bool]:
    return lambda traces: _names(pattern, traces)


_PROGRAM: Final = "program name in EXIF, XMP or PNG text"
_RULES: Final[tuple[tuple[str, str, Callable[[Traces], bool]], ...]] = (
    ("google", "XMP photoshop:Credit 'Made with Google AI'", _google),
    ("meta", "IPTC digital source type beside Facebook's FBMD mark", _meta),
    ("midjourney", "PNG text Description with a job id", _midjourney),
    ("xai", "EXIF 'Signature:' with an Artist that is a UUID", _xai),
    ("a1111", "AUTOMATIC1111 generation parameters", _a1111),
    ("comfyui", "ComfyUI prompt or workflow", _comfyui),
    ("invokeai", "InvokeAI PNG text", _invokeai),
    ("samsung", "Samsung PhotoEditor_Re_Edit_Data genAIType", _samsung),
    ("novelai", _PROGRAM, _named(r"\bnovelai\b")),
    ("ideogram", _PROGRAM, _named(r"\bideogram")),
    ("huggingface", "PNG text hf-job-id", lambda traces: "hf-job-id" in traces.text),
    ("stable-diffusion", _PROGRAM, _named(r"stable.?diffusion|diffusers|fooocus|draw.?things")),
    ("openai", _PROGRAM, _named(r"dall.?e\b|gpt-?image|\bgpt-4o\b")),
    ("adobe-firefly", _PROGRAM, _named(r"\badobe firefly\b")),
)
