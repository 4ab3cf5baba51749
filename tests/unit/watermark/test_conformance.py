"""Our manifests break no rule of the C2PA conformance rubric: six formats, created and edited; the rules can fail."""

import copy
import io
import json
from datetime import UTC, datetime

import numpy as np
import pytest
from c2pa import Reader

from tests.unit.watermark.c2pa_rubric import RULES, failures
from watermark.c2pa_settings import reading_context
from watermark.label import COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA, AiLabel
from watermark.manifest import SOFT_BINDING_ALG, ManifestSigner, Source
from watermark.metadata import build_exif, build_xmp
from watermark.picture import MIME, WRITABLE, encode_picture
from watermark.signing import create_development_identity
from watermark.thumbnail import make_thumbnail

NOW = datetime.now(UTC)
ID = "0123456789abcdef"
LABEL = AiLabel(ID, "provider", "system", "1.0", NOW)
EDIT = AiLabel(ID, "provider", "system", "1.0", NOW, COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA, edited=True)
IDENTITY = create_development_identity(NOW)
SIGNER = ManifestSigner(IDENTITY)
IMAGE = np.random.default_rng(5).integers(0, 256, (300, 400, 3), dtype=np.uint8)


def unsigned(kind, label=LABEL):
    return encode_picture(IMAGE, kind, exif=build_exif(label), xmp=build_xmp(label))


def created(kind):
    made = SIGNER.sign(
        unsigned(kind), MIME[kind], LABEL, soft_binding=ID, thumbnail=make_thumbnail(IMAGE, 64)
    )
    return made.data


def edited(kind, *sources):
    thumbnail = make_thumbnail(IMAGE, 64)
    made = SIGNER.sign(
        unsigned(kind, EDIT), MIME[kind], EDIT, soft_binding=ID, sources=sources, thumbnail=thumbnail
    )
    return made.data


def report_on(data, kind):
    with Reader(MIME[kind], io.BytesIO(data), context=reading_context(IDENTITY.root_pem)) as reader:
        assert reader.get_validation_state() == "Trusted"
        return json.loads(reader.crjson())


@pytest.mark.parametrize("kind", WRITABLE)
def test_a_created_picture_breaks_no_rule(kind):
    report = report_on(created(kind), kind)
    assert failures(report) == {}
    manifest = report["manifests"][0]
    assert manifest["claim.v2"]["gathered_assertions"] == []
    assert [a["action"] for a in manifest["assertions"]["c2pa.actions.v2"]["actions"]] == [
        "c2pa.created",
        "c2pa.watermarked.bound",
    ]
    assert manifest["assertions"]["c2pa.soft-binding"]["alg"] == SOFT_BINDING_ALG
    assert manifest["assertions"]["c2pa.thumbnail.claim"]["format"] == "image/jpeg"
    assert {"cawg.training-mining", "cawg.metadata"} < manifest["assertions"].keys()
    assert any(name.startswith("c2pa.hash.") for name in manifest["assertions"])


@pytest.mark.parametrize("kind", WRITABLE)
@pytest.mark.parametrize("parent_kind", WRITABLE)
def test_an_edited_picture_breaks_no_rule_and_keeps_its_parent(kind, parent_kind):
    parent = Source(created(parent_kind), MIME[parent_kind], thumbnail=make_thumbnail(IMAGE, 32))
    report = report_on(edited(kind, parent), kind)
    assert failures(report) == {}
    actions = report["manifests"][0]["assertions"]["c2pa.actions.v2"]["actions"]
    assert [a["action"] for a in actions] == ["c2pa.opened", "c2pa.edited", "c2pa.watermarked.bound"]
    assert len(report["manifests"]) == 2, "the parent's own manifest is carried along"


def test_an_edit_of_several_pictures_names_the_others_as_inputs():
    sources = [Source(created("png"), "image/png"), Source(unsigned("jpeg"), "image/jpeg", "reference")]
    report = report_on(edited("png", *sources), "png")
    assert failures(report) == {}
    found = report["manifests"][0]["assertions"]
    assert [found[f"c2pa.ingredient.v3{n}"]["relationship"] for n in ("", "__1")] == ["parentOf", "inputTo"]
    assert len(found["c2pa.actions.v2"]["actions"][1]["parameters"]["ingredients"]) == 1


def test_two_soft_bindings_break_no_rule():
    made = SIGNER.sign(
        unsigned("png"),
        "image/png",
        LABEL,
        soft_binding=ID,
        other_bindings=[("io.iscc.v0", "EEA4GQZQTY6J5DTH")],
    )
    report = report_on(made.data, "png")
    assert failures(report) == {}
    assert report["manifests"][0]["assertions"]["c2pa.soft-binding__1"]["alg"] == "io.iscc.v0"


# ---- every rule can fail


def broken(rule, manifest):
    found = manifest["assertions"]
    actions = found["c2pa.actions.v2"]["actions"]
    claim = manifest["claim.v2"]
    ingredient = found["c2pa.ingredient.v3"]
    human = {"reviewRatings": [{}], "dataSource": {"type": "humanEntry.anonymous"}}

    def only_opened():
        found["c2pa.actions.v2"].update(actions=actions[:1], allActionsIncluded=False)

    changes = {
        "mandatory_dst_for_perceptible_transformations": lambda: actions[1].pop("digitalSourceType"),
        "mandatory_spec_version": lambda: claim["claim_generator_info"].update(specVersion="2.2.0"),
        "mandatory_all_actions_included": lambda: found["c2pa.actions.v2"].pop("allActionsIncluded"),
        "no_dst_for_opened_action": lambda: actions[0].update(digitalSourceType="x"),
        "well_formed_data_present": lambda: manifest.pop("validationResults"),
        "well_formed_success": lambda: manifest["validationResults"]["failure"].append(
            {"code": "claim.missing"}
        ),
        "valid_data_present": lambda: manifest.pop("validationResults"),
        "valid_success": lambda: manifest["validationResults"]["failure"].append(
            {"code": "assertion.dataHash.mismatch"}
        ),
        "inception_action_position": lambda: claim.update(created_assertions=[]),
        "no_deprecated_assertions": lambda: found.update({"stds.exif": {}}),
        "no_unsupported_assertions": lambda: found.update({"c2pa.unheard-of": {}}),
        "no_deprecated_actions": lambda: actions.append({"action": "c2pa.watermarked"}),
        "no_unsupported_actions": lambda: actions.append({"action": "c2pa.baked"}),
        "no_unrecognized_custom_assertions": lambda: found.update({"nodots": {}}),
        "no_unrecognized_custom_actions": lambda: actions.append({"action": "nodots"}),
        "no_unrecognized_custom_action_parameters": lambda: actions[0]["parameters"].update(nodots=1),
        "discouraged_legacy_action_parameters": lambda: actions[0]["parameters"].update(description=""),
        "active_manifest_urn": lambda: manifest.update(label="urn:uuid:1"),
        "review_ratings_datasource": lambda: found.update({"x.y": human}),
        "ingredient_v3_no_active_manifest": lambda: ingredient.pop("activeManifest"),
        "ingredient_v3_mandatory_validation_results": lambda: ingredient.pop("validationResults"),
        "ingredient_relationship_values": lambda: ingredient.update(relationship="cousinOf"),
        "mandatory_dst_for_created_action": lambda: actions.append({"action": "c2pa.created"}),
        "no_deprecated_claim_fields": lambda: claim.update(specVersion="2.4.0"),
        "ingredient_v3_choice": lambda: ingredient.update(digitalSourceType="x"),
        "alternative_content_representation_choice": lambda: found.update(
            {"x.y": {"type": "exif.originalPreservationImage"}}
        ),
        "forbidden_labels_in_external_references": lambda: found.update(
            {"x.y": {"label": "c2pa.hash.data", "url": "u"}}
        ),
        "no_url_in_hashes": lambda: found["c2pa.hash.data"].update(url="u"),
        "all_actions_included_opened": only_opened,
        "opened_action_ingredient_reference": lambda: actions[0].pop("parameters"),
        "no_box_hash_for_tiff": lambda: found.update({"c2pa.hash.boxes": {}, "c2pa.asset-type.v2": {}}),
    }
    changes[rule]()
    return {"manifests": [manifest]}


@pytest.fixture(scope="module")
def sound():
    return report_on(edited("png", Source(created("jpeg"), "image/jpeg")), "png")["manifests"][0]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_can_fail(sound, rule):
    assert rule in failures(broken(rule, copy.deepcopy(sound)))


def test_there_are_as_many_rules_as_the_rubric_has():
    assert len(RULES) == 31
