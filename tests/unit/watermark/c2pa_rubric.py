"""The C2PA asset conformance rubric (program 0.2, specification 2.4), each rule as a function over a crJSON report.

Source: c2pa-org/conformance-public, asset-rubric-conformance0.2-spec2.4.yml (CC BY 4.0); the ids are the rubric's. Its
own language needs an interpreter that PyPI does not have, so each rule stands here in Python. A rule returns what is
wrong; `failures` names the rules that found something.
"""

from collections.abc import Callable, Iterator
from typing import Any

Manifest = dict[str, Any]

INCEPTION = {"c2pa.created", "c2pa.opened"}
NON_EDITORIAL = {
    *("c2pa.converted", "c2pa.published", "c2pa.repackaged", "c2pa.transcoded", "c2pa.resized.proportional"),
    *("c2pa.enhanced", "c2pa.edited.metadata", "c2pa.redacted"),
    *("c2pa.watermarked", "c2pa.watermarked.bound", "c2pa.watermarked.unbound"),
}
ALLOWED_ACTIONS = {
    *("addedText", "adjustedColor", "changedSpeed", "color_adjustments", "converted", "created", "cropped"),
    *(
        "deleted",
        "drawing",
        "dubbed",
        "edited",
        "edited.metadata",
        "enhanced",
        "filtered",
        "mastered",
        "mixed",
    ),
    *(
        "opened",
        "orientation",
        "placed",
        "published",
        "redacted",
        "remixed",
        "removed",
        "repackaged",
        "resized",
    ),
    *("resized.proportional", "transcoded", "translated", "trimmed", "unknown", "watermarked"),
    *("watermarked.bound", "watermarked.unbound"),
}
DEPRECATED_ACTIONS = {
    *(
        "copied",
        "formatted",
        "version_updated",
        "printed",
        "managed",
        "produced",
        "saved",
        "color_adjustments",
    ),
    "watermarked",
}
ALLOWED_ASSERTIONS = {
    *("hash.data", "hash.data.part", "actions.v2", "ingredient.v3", "hash.boxes", "hash.bmff.v3"),
    *(
        "hash.collection.data",
        "soft-binding",
        "cloud-data",
        "embedded-data",
        "metadata",
        "certificate-status",
    ),
    *("asset-ref", "asset-type.v2", "hash.multi-asset", "thumbnail.claim", "thumbnail.ingredient"),
    *("depthmap.GDepth", "icon", "alternative-content-representation", "external-reference", "session-keys"),
    *(
        "environmental-sustainability",
        "repository-receipt",
        "ai-disclosure",
        "assertion.metadata",
        "time-stamp",
    ),
}
DEPRECATED_ASSERTIONS = {
    *("c2pa.claim", "c2pa.hash.bmff.v2", "c2pa.asset-type", "c2pa.ingredient", "c2pa.ingredient.v2"),
    "c2pa.actions",
}
PARAMETERS = {
    *("redacted", "ingredients", "ingredient", "description", "relatedAssertions", "sourceLanguage"),
    *("targetLanguage", "multipleInstances", "ranges", "weight", "width", "italic", "slant", "optical-size"),
}
ILL_FORMED = ("malformed", "missing", "invalid", "unknownBox", "multipleHardBindings", "multipleParents")
MISMATCHED = ("mismatch", "Mismatch", "redacted")


def assertions(manifest: Manifest) -> dict[str, Any]:
    return manifest.get("assertions") or {}


def actions(manifest: Manifest) -> list[dict[str, Any]]:
    found = [body for body in assertions(manifest).values() if isinstance(body, dict)]
    return [action for body in found for action in body.get("actions") or []]


def ingredients(manifest: Manifest) -> list[dict[str, Any]]:
    return [b for b in assertions(manifest).values() if isinstance(b, dict) and "relationship" in b]


def claim(manifest: Manifest) -> dict[str, Any]:
    return manifest.get("claim.v2") or {}


def codes(manifest: Manifest) -> list[str]:
    results = manifest.get("validationResults")
    return [entry["code"] for entry in results["failure"]] if results else ["MISSING_VALIDATION_RESULTS"]


def standard(names: set[str]) -> set[str]:
    return {f"c2pa.{name}" for name in names}


def spec_version(manifest: Manifest) -> Iterator[object]:
    info = claim(manifest).get("claim_generator_info") or {}
    version = (info[0] if isinstance(info, list) else info).get("specVersion")
    if not isinstance(version, str) or version.split(".")[:2] != ["2", "4"]:
        yield version


def inception_position(manifest: Manifest) -> Iterator[object]:
    created = [
        e["url"] for e in claim(manifest).get("created_assertions") or [] if "c2pa.actions" in e["url"]
    ]
    if not created or not created[0].endswith("c2pa.actions.v2"):
        yield created
    names = [action["action"] for action in actions(manifest)]
    if "c2pa.created" in names and names[0] not in INCEPTION:
        yield names


def opened_references(manifest: Manifest) -> Iterator[object]:
    for action in actions(manifest):
        if action["action"] == "c2pa.opened":
            named = (action.get("parameters") or {}).get("ingredients") or []
            if len(named) != 1:
                yield action


def preservation_choice(manifest: Manifest) -> Iterator[object]:
    for body in assertions(manifest).values():
        parameters = body.get("parameters") or {} if isinstance(body, dict) else {}
        if "exif.originalPreservationImage" in (body.get("type"), parameters.get("type")):
            given = [parameters.get(n) for n in ("multiAssetPartIndex", "embeddedOriginalPreservationImage")]
            if given.count(None) != 1:
                yield body


def external_labels(manifest: Manifest) -> Iterator[object]:
    for body in assertions(manifest).values():
        label = body.get("label") if isinstance(body, dict) and "relationship" not in body else None
        if label and "url" in body and label.startswith(("c2pa.actions", "c2pa.hash", "c2pa.ingredient")):
            yield label


RULES: dict[str, Callable[[Manifest], list[Any]]] = {
    "mandatory_dst_for_perceptible_transformations": lambda m: [
        a["action"]
        for a in actions(m)
        if a["action"].startswith("c2pa.")
        and a["action"] not in INCEPTION | NON_EDITORIAL | {"c2pa.placed"}
        and not a.get("digitalSourceType")
    ],
    "mandatory_spec_version": lambda m: list(spec_version(m)),
    "mandatory_all_actions_included": lambda m: [
        b
        for b in assertions(m).values()
        if isinstance(b, dict) and "actions" in b and b.get("allActionsIncluded") is None
    ],
    "no_dst_for_opened_action": lambda m: [
        a for a in actions(m) if a["action"] == "c2pa.opened" and a.get("digitalSourceType")
    ],
    "well_formed_data_present": lambda m: [] if m.get("validationResults") else ["no results"],
    "well_formed_success": lambda m: [c for c in codes(m) if c.endswith(ILL_FORMED)],
    "valid_data_present": lambda m: [] if m.get("validationResults") else ["no results"],
    "valid_success": lambda m: [c for c in codes(m) if c.endswith(MISMATCHED)],
    "inception_action_position": lambda m: list(inception_position(m)),
    "no_deprecated_assertions": lambda m: [
        k for k in assertions(m) if k.startswith("stds.") or k in DEPRECATED_ASSERTIONS
    ],
    "no_unsupported_assertions": lambda m: [
        k
        for k in assertions(m)
        if k.startswith("c2pa.")
        and k.split("__")[0] not in standard(ALLOWED_ASSERTIONS) | DEPRECATED_ASSERTIONS
    ],
    "no_deprecated_actions": lambda m: [
        a["action"] for a in actions(m) if a["action"] in standard(DEPRECATED_ACTIONS)
    ],
    "no_unsupported_actions": lambda m: [
        a["action"]
        for a in actions(m)
        if a["action"].startswith("c2pa.") and a["action"] not in standard(ALLOWED_ACTIONS)
    ],
    "no_unrecognized_custom_assertions": lambda m: [k for k in assertions(m) if "." not in k],
    "no_unrecognized_custom_actions": lambda m: [a for a in actions(m) if "." not in a["action"]],
    "no_unrecognized_custom_action_parameters": lambda m: [
        p for a in actions(m) for p in a.get("parameters") or {} if p not in PARAMETERS and "." not in p
    ],
    "discouraged_legacy_action_parameters": lambda m: [
        a for a in actions(m) if {"description", "ingredient"} & set(a.get("parameters") or {})
    ],
    "active_manifest_urn": lambda m: [] if m["label"].startswith("urn:c2pa:") else [m["label"]],
    "review_ratings_datasource": lambda m: [
        b
        for b in assertions(m).values()
        if isinstance(b, dict)
        and b.get("reviewRatings")
        and str((b.get("dataSource") or {}).get("type")).startswith("humanEntry.")
    ],
    "ingredient_v3_no_active_manifest": lambda m: [
        i for i in ingredients(m) if not i.get("activeManifest") and i.get("validationResults")
    ],
    "ingredient_v3_mandatory_validation_results": lambda m: [
        i for i in ingredients(m) if i.get("activeManifest") and not i.get("validationResults")
    ],
    "ingredient_relationship_values": lambda m: [
        i for i in ingredients(m) if i["relationship"] not in {"parentOf", "inputTo", "componentOf"}
    ],
    "mandatory_dst_for_created_action": lambda m: [
        a for a in actions(m) if a["action"] == "c2pa.created" and not a.get("digitalSourceType")
    ],
    "no_deprecated_claim_fields": lambda m: ["specVersion"] if "specVersion" in claim(m) else [],
    "ingredient_v3_choice": lambda m: [
        i for i in ingredients(m) if i.get("activeManifest") and i.get("digitalSourceType")
    ],
    "alternative_content_representation_choice": lambda m: list(preservation_choice(m)),
    "forbidden_labels_in_external_references": lambda m: list(external_labels(m)),
    "no_url_in_hashes": lambda m: [
        k for k, b in assertions(m).items() if k.startswith("c2pa.hash.") and "url" in b
    ],
    "all_actions_included_opened": lambda m: [
        a
        for a in actions(m)
        if len(actions(m)) == 1
        and a["action"] == "c2pa.opened"
        and assertions(m)["c2pa.actions.v2"].get("allActionsIncluded") is not True
    ],
    "opened_action_ingredient_reference": lambda m: list(opened_references(m)),
    "no_box_hash_for_tiff": lambda m: [
        k for k in assertions(m) if k == "c2pa.hash.boxes" and "c2pa.asset-type.v2" in assertions(m)
    ],
}


def failures(report: dict[str, Any]) -> dict[str, list[Any]]:
    """What each broken rule found in the active manifest of a crJSON report; empty where all hold."""
    manifest = report["manifests"][0]
    found = {name: rule(manifest) for name, rule in RULES.items()}
    return {name: faults for name, faults in found.items() if faults}
