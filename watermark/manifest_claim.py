"""What our C2PA manifests say: the definition that is handed to the signer.

Source: C2PA specification 2.4 (actions, soft binding, claim generator info), CAWG training and data mining
1.1, CAWG metadata 1.1. What looks optional is there because the conformance rubric for 2.4 asks for it.
"""

from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from watermark.label import AiLabel

# Our own name, not yet in the C2PA soft binding algorithm list: other readers can show it, not resolve it.
# The value is the watermark's payload, 16 lowercase hex digits; no schema prefix, as the name has a version.
SOFT_BINDING_ALG: Final = "countermark.tile.1"

PARENT_ID: Final = "parent"
_SPEC_VERSION: Final = "2.4.0"
_NAME: Final = "Countermark"


def manifest_definition(
    label: AiLabel, *, mime: str, soft_binding: str, title: str, has_parent: bool
) -> dict[str, Any]:
    """Write the manifest definition of one marked picture.

    Without a parent the first action is `c2pa.created` with the label's source type; with one it is
    `c2pa.opened`, then `c2pa.edited` where the label says edited. `c2pa.watermarked.bound` comes last.
    """
    return {
        "claim_version": 2,
        "claim_generator_info": [{"name": _NAME, "version": _own_version(), "specVersion": _SPEC_VERSION}],
        "title": title,
        "format": mime,
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {"allActionsIncluded": True, "actions": _actions(label, has_parent=has_parent)},
            },
            {
                "label": "c2pa.soft-binding",
                "data": {"alg": SOFT_BINDING_ALG, "blocks": [{"scope": {}, "value": soft_binding}]},
            },
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


def _actions(label: AiLabel, *, has_parent: bool) -> list[dict[str, Any]]:
    made = {
        "when": label.created_text,
        "digitalSourceType": label.source_type,
        "softwareAgent": {"name": label.system, "version": label.system_version},
    }
    actions: list[dict[str, Any]] = []
    if not has_parent:
        actions.append({"action": "c2pa.created", **made})
    else:
        actions.append({"action": "c2pa.opened", "parameters": {"ingredientIds": [PARENT_ID]}})
        if label.edited:
            actions.append({"action": "c2pa.edited", **made})
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
