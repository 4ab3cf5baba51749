"""Which facts a file's metadata state, and where: what labelling rules ask for, without repeating the values.

A credit line may name a person and a date may be private, so only the places leave this module; China's label is the
exception, since its fields are made to be public.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from watermark.label import NOT_STATED, says_ai
from watermark.traces import Traces, collect_traces
from watermark.writers import recognise_writers

# fact: (XMP properties, fields of our own statement, fields of China's label)
_PLACES: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]] = {
    "provider": (("photoshop:Credit",), ("provider",), ("ContentProducer",)),
    "system": (("Iptc4xmpExt:AISystemUsed",), ("system",), ()),
    "version": (("Iptc4xmpExt:AISystemVersionUsed",), ("system_version",), ()),
    "time": (("xmp:CreateDate",), ("created",), ()),
    "identifier": (("Iptc4xmpExt:DigImageGUID", "dc:identifier"), ("countermark_id",), ("ProduceID",)),
}


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What one file's metadata state.

    Attributes:
        stated: places by fact: `provider`, `system`, `version`, `time`, `identifier`; none: not stated.
        says_ai: places and conventions that say that a generative model made or changed the picture.
        aigc: China's labels by carrier, raw values.

    """

    stated: Mapping[str, tuple[str, ...]]
    says_ai: tuple[str, ...]
    aigc: Mapping[str, Mapping[str, object]]


def read_disclosure(data: bytes, format: str) -> Disclosure:  # noqa: A002 - the word of Picture.format
    """Read what an untrusted file states; never raises.

    Args:
        data: the whole file.
        format: as `Picture.format` names it.

    """
    traces = collect_traces(data, format)
    source_types = {"XMP Iptc4xmpExt:DigitalSourceType": traces.xmp.get("Iptc4xmpExt:DigitalSourceType", "")}
    for carrier, statement in traces.statements.items():
        source_types[carrier] = statement.get("digital_source_type", "")
    saying = [place for place, uri in source_types.items() if says_ai(uri)]
    saying += [writer.convention for writer in recognise_writers(traces) if writer.says_ai]
    return Disclosure(
        stated={fact: tuple(_where(traces, *places)) for fact, places in _PLACES.items()},
        says_ai=tuple(dict.fromkeys(saying)),
        aigc=traces.aigc,
    )


def _where(
    traces: Traces, properties: tuple[str, ...], fields: tuple[str, ...], china: tuple[str, ...]
) -> list[str]:
    empty = {None, "", NOT_STATED}
    places = [f"XMP {name}" for name in properties if traces.xmp.get(name) not in empty]
    for carrier, statement in traces.statements.items():
        places += [f"{carrier} ({name})" for name in fields if statement.get(name) not in empty]
    for carrier, label in traces.aigc.items():
        places += [f"{carrier} ({name})" for name in china if label.get(name)]
    return places
