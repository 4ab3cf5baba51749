"""What our C2PA manifests say: the definition that is handed to the signer.

Source: C2PA specification 2.4 (actions, soft binding, claim generator info), CAWG training and data mining
1.1, CAWG metadata 1.1. What looks optional is there because the conformance rubric for 2.4 asks for it.
"""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from watermark.label import AiLabel

# Our own name, not yet in the C2PA soft binding algorithm list: other readers can show it, not resolve it.
# The value is the watermark's payload, 16 lowercase hex digits; no schema prefix, as the name has a version.
SOFT_BINDING_ALG: Final = "countermark.tile.1"

# By which actions refer to the pictures that this one was made from; the first is the parent.
SOURCE_IDS: Final = tuple(f"source-{number}" for number in range(16))
_SPEC_VERSION: Final = "2.4.0"
_NAME: Final = "Countermark"


def manifest_definition(
    label: AiLabel,
    *,
    mime: str,
    soft_bindings: Sequence[tuple[str, str]],
    title: str,
    sources: int,
) -> dict[str, Any]:
    """Write the manifest definition of one marked picture.

    Without sources the first action is `c2pa.created` with the label's source type; with `sources` ingredients it is
    `c2pa.opened` of the first, then `c2pa.edited` where the label says edited, which names the others as inputs.
    `c2pa.watermarked.bound` comes last. `soft_bindings` are pairs of algorithm and value.
    """
    return {
        "claim_version": 2,
        "claim_generator_info": [{"name": _NAME, "version": _own_version(), "specVersion": _SPEC_VERSION}],
        "title": title,
        "format": mime,
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {"allActionsIncluded": True, "actions": _actions(label, SOURCE_IDS[:sources])},
            },
            *(
                {
                    "label": "c2pa.soft-binding",
                    "data": {"alg": algorithm, "blocks": [{"scope": {}, "value": value}]},
                }
                for algorithm, value in soft_bindings
            ),
            {
                "label": "cawg.training-mining",
                "data": {
                    "entries": {
                        "cawg.ai_generative_training": {"use": "notAllowed"},
                        "cawg.data_mining": {"use": "notAllowed"},
                    }
                },
            },
            {
                "label": "cawg.metadata",
                "kind": "Json",
                "data": {
                    "@context": {
                        "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
                        "photoshop": "http://ns.adobe.com/photoshop/1.0/",
                    },
                    "Iptc4xmpExt:DigitalSourceType": label.source_type,
                    "Iptc4xmpExt:AISystemUsed": label.system,
                    "Iptc4xmpExt:AISystemVersionUsed": label.system_version,
                    "photoshop:Credit": label.provider,
                },
            },
        ],
    }


def _actions(label: AiLabel, sources: Sequence[str]) -> list[dict[str, Any]]:
    made = {
        "when": label.created_text,
        "digitalSourceType": label.source_type,
        "softwareAgent": {"name": label.system, "version": label.system_version},
    }
    actions: list[dict[str, Any]] = []
    if not sources:
        actions.append({"action": "c2pa.created", **made})
    else:
        actions.append({"action": "c2pa.opened", "parameters": {"ingredientIds": list(sources[:1])}})
        if label.edited:
            inputs = {"parameters": {"ingredientIds": list(sources[1:])}} if len(sources) > 1 else {}
            actions.append({"action": "c2pa.edited", **made, **inputs})
    actions.append(
        {
            "action": "c2pa.watermarked.bound",
            "when": label.created_text,
            "softwareAgent": {"name": _NAME, "version": _own_version()},
        }
    )
    return actions


def _own_version() -> str:
    try:
        return version("countermark")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "0"
