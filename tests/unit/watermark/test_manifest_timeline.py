"""The history of a manifest store: read in order, shown safely, faults named where they are."""

import io
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from watermark.label import COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA, TRAINED_ALGORITHMIC_MEDIA, AiLabel
from watermark.manifest import ManifestSigner, Source, TrustAnchors
from watermark.manifest_report import faulty_manifests, recorded_faults
from watermark.manifest_timeline import _Walk, read_stored_timeline, read_timeline
from watermark.picture import encode_picture
from watermark.signing import create_development_identity
from watermark.thumbnail import make_thumbnail

CORPUS = Path(__file__).parents[4] / "shared" / "corpora" / "c2pa-public-testfiles"
NOW = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
ID = "0123456789abcdef"
LABEL = AiLabel(ID, "provider", "model", "1.0", NOW)
EDIT = AiLabel(ID, "provider", "editor", "2", NOW, COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA, edited=True)
IDENTITY = create_development_identity(datetime.now(UTC))
SIGNER = ManifestSigner(IDENTITY)
TRUST = TrustAnchors(IDENTITY.root_pem)
IMAGE = np.random.default_rng(5).integers(0, 256, (200, 300, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def first():
    data = encode_picture(IMAGE, "jpeg")
    return SIGNER.sign(data, "image/jpeg", LABEL, soft_binding=ID, thumbnail=make_thumbnail(IMAGE, 64))


@pytest.fixture(scope="module")
def second(first):
    sources = [Source(first.data, "image/jpeg", "before", make_thumbnail(IMAGE, 32))]
    thumbnail = make_thumbnail(255 - IMAGE)
    data = encode_picture(255 - IMAGE, "png")
    return SIGNER.sign(data, "image/png", EDIT, soft_binding=ID, sources=sources, thumbnail=thumbnail)


def size(jpeg):
    with Image.open(io.BytesIO(jpeg)) as picture:
        assert picture.format == "JPEG"
        return picture.size


def test_the_history_of_an_edit(first, second):
    now, before = read_timeline(second.data, "image/png", trust=TRUST)
    assert (now.manifest_id, now.depth, now.sound) == (second.manifest_id, 0, True)
    assert [(s.action, s.software) for s in now.steps] == [
        ("c2pa.opened", None),
        ("c2pa.edited", "editor 2"),
        ("c2pa.watermarked.bound", now.claim_generator),
    ]
    assert now.steps[1].when == "2026-11-22T01:02:03Z"
    assert now.steps[1].digital_source_type == COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA
    (ingredient,) = now.ingredients
    assert (ingredient.title, ingredient.relationship) == ("before", "parentOf")
    assert ingredient.manifest_id == first.manifest_id
    assert "DEVELOPMENT" in now.signer
    assert now.claim_generator.startswith("Countermark")
    assert (size(now.thumbnail), size(ingredient.thumbnail), size(before.thumbnail)) == (
        (300, 200),
        (32, 21),
        (64, 43),
    )
    assert (before.manifest_id, before.depth, before.ingredients) == (first.manifest_id, 1, ())
    assert (before.steps[0].action, before.steps[0].digital_source_type) == (
        "c2pa.created",
        TRAINED_ALGORITHMIC_MEDIA,
    )


def test_a_stored_manifest_tells_its_history_without_the_picture(second):
    stored = read_stored_timeline(second.manifest, trust=TRUST)
    assert [c.manifest_id for c in stored] == [
        c.manifest_id for c in read_timeline(second.data, "image/png", trust=TRUST)
    ]
    assert size(stored[0].thumbnail) == (300, 200)


def test_a_picture_without_a_manifest_has_no_history():
    assert read_timeline(encode_picture(IMAGE, "png"), "image/png", trust=TRUST) == ()
    assert read_stored_timeline(b"garbage", trust=TRUST) == ()


def test_a_fault_takes_the_signer_away(second):
    at = second.data.rindex(b"watermarked.bound")
    forged = second.data[:at] + b"W" + second.data[at + 1 :]
    now, before = read_timeline(forged, "image/png", trust=TRUST)
    assert (now.sound, now.signer) == (False, None)
    assert (before.sound, before.signer is not None) == (True, True)


def test_a_parent_that_was_broken_when_it_was_taken_in_stays_so(first):
    broken = bytearray(first.data)
    broken[-20] ^= 1
    made = SIGNER.sign(
        encode_picture(IMAGE, "png"),
        "image/png",
        EDIT,
        soft_binding=ID,
        sources=[Source(bytes(broken), "image/jpeg")],
    )
    now, before = read_timeline(made.data, "image/png", trust=TRUST)
    assert (now.sound, before.sound, before.signer) == (True, False, None)


@pytest.mark.parametrize(
    ("recorded", "faults"),
    [
        ({"validation_status": [{"code": "claimSignature.mismatch"}]}, ("claimSignature.mismatch",)),
        ({"validation_status": [{"code": "signingCredential.untrusted"}]}, ()),
        ({"validation_status": [{"code": "assertion.hashedURI.match"}]}, ()),
        ({"validation_results": {"activeManifest": {"failure": [{"code": "x.y"}]}}}, ("x.y",)),
        ({"validation_results": 7, "validation_status": "x"}, ()),
        ({}, ()),
    ],
)
def test_recorded_faults(recorded, faults):
    assert recorded_faults(recorded) == faults


def test_a_fault_without_an_address_is_the_active_manifests():
    results = {"activeManifest": {"failure": [{"code": "claim.missing"}]}}
    assert faulty_manifests({"active_manifest": "a", "validation_results": results}) == {"a"}


class NoReader:
    """A reader whose resources are what a hostile store may hold."""

    def __init__(self, resource=b""):
        self.resource, self.calls = resource, 0

    def resource_to_stream(self, identifier, stream):
        self.calls += 1
        stream.write(self.resource)


def walk(manifests, reader=None):
    store = {"active_manifest": "a", "manifests": manifests}
    return _Walk(store, reader or NoReader()).credentials()


def test_loops_end():
    there = {"ingredients": [{"active_manifest": "b"}, {"active_manifest": "a"}]}
    back = {"ingredients": [{"active_manifest": "a"}, {"active_manifest": "b"}]}
    assert [c.manifest_id for c in walk({"a": there, "b": back})] == ["a", "b"]


def test_crowds_are_cut():
    crowd = [{"active_manifest": f"m{n}", "title": "t" * 5000} for n in range(500)]
    actions = [{"action": "c2pa.edited", "when": ["x"]}] * 500
    busy = {"ingredients": crowd, "assertions": [{"label": "c2pa.actions", "data": {"actions": actions}}]}
    found = walk({"a": busy} | {f"m{n}": busy for n in range(500)})
    assert len(found) == 41  # the active one and those of the 40 ingredients that are walked
    assert all(len(c.steps) == 40 and len(c.ingredients) == 40 for c in found)
    assert max(len(i.title) for i in found[0].ingredients) == 200


def test_a_chain_is_cut():
    chain = {f"m{n}": {"ingredients": [{"active_manifest": f"m{n + 1}"}]} for n in range(500)}
    found = walk({"a": {"ingredients": [{"active_manifest": "m0"}]}} | chain)
    assert len(found) == 50


@pytest.mark.parametrize(
    "resource", [b"", b"<svg onload=alert(1)>", b"\xff\xd8\xff" + bytes(5000), bytes(2 << 20)]
)
def test_a_thumbnail_that_is_no_picture_is_not_shown(resource):
    (found,) = walk({"a": {"thumbnail": {"identifier": "x"}}}, NoReader(resource))
    assert found.thumbnail is None


def test_thumbnails_are_made_anew_and_counted():
    hidden = io.BytesIO()
    Image.fromarray(IMAGE).save(hidden, "PNG", pnginfo=None)
    reader = NoReader(hidden.getvalue() + b"<script>")
    crowd = [{"title": str(n), "thumbnail": {"identifier": "x"}} for n in range(30)]
    (found,) = walk({"a": {"thumbnail": {"identifier": "x"}, "ingredients": crowd}}, reader)
    shown = [found.thumbnail, *(i.thumbnail for i in found.ingredients)]
    assert reader.calls == 12
    assert sum(t is not None for t in shown) == 12
    assert b"<script>" not in b"".join(filter(None, shown))
    assert size(found.thumbnail or found.ingredients[0].thumbnail) == (300, 200)


@pytest.mark.parametrize("junk", [None, 7, [], "x", {"a": 7}, {"a": {"ingredients": {}, "assertions": 3}}])
def test_junk_is_no_history(junk):
    assert len(walk(junk)) == (junk == {"a": {"ingredients": {}, "assertions": 3}})


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the C2PA public test files are not here")
def test_public_files_tell_histories():
    found = {
        path.name: read_timeline(path.read_bytes(), "image/jpeg", trust=TrustAnchors())
        for path in sorted(CORPUS.iterdir())
    }
    assert sum(1 for timeline in found.values() if timeline) == 24
    long = found["image_jpeg_adobe-20220124-CAIAIIICAICIICAIICICA.jpg"]
    assert len(long) > 3
    assert any(step.action == "c2pa.opened" for step in long[0].steps)
    broken = found["image_jpeg_adobe-20220124-CIE-sig-CA.jpg"]
    assert any(not credential.sound for credential in broken)
