"""C2PA manifests: what is signed reads back in full; tampering, loss, expiry and strangers get separate answers."""

import io
import json
import shutil
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from c2pa import Builder, C2paSignerInfo, Reader, Signer
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from PIL import Image

from tests.signed_regions import protected, with_flip
from tests.unit.listener import Listener, remote_only
from tests.unit.local_authority import local_authority
from watermark.c2pa_settings import reading_context
from watermark.errors import ManifestError, SigningError, TimestampError
from watermark.label import COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA, AiLabel
from watermark.manifest import SOFT_BINDING_ALG, ManifestSigner, Source, TrustAnchors, read_manifest
from watermark.manifest_report import report_of
from watermark.manifest_timeline import read_timeline
from watermark.metadata import build_exif, build_xmp, read_metadata
from watermark.picture import MIME, WRITABLE, decode_picture, encode_picture
from watermark.signing import create_development_identity, load_remote_identity

NOW = datetime.now(UTC)
ID = "0123456789abcdef"
LABEL = AiLabel(ID, "provider", "system", "1.0", NOW)
EDIT = AiLabel(ID, "provider", "system", "1.0", NOW, COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA, edited=True)
IDENTITY = create_development_identity(NOW)
SIGNER = ManifestSigner(IDENTITY)
TRUST = TrustAnchors(IDENTITY.root_pem)
NOBODY = TrustAnchors()
needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="needs the openssl command for a local authority"
)
SIGNABLE = ("png", "jpeg", "webp", "gif", "tiff", "avif")


def unsigned(kind):
    image = np.random.default_rng(5).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    if kind in WRITABLE:
        return encode_picture(image, kind, exif=build_exif(LABEL), xmp=build_xmp(LABEL))
    out = io.BytesIO()
    Image.fromarray(image).save(out, kind)
    return out.getvalue()


@pytest.fixture(scope="module")
def signed():
    return {kind: SIGNER.sign(unsigned(kind), MIME[kind], LABEL, soft_binding=ID) for kind in SIGNABLE}


# ---- signing


@pytest.mark.parametrize("kind", SIGNABLE)
def test_a_signed_file_answers_every_question_well(signed, kind):
    report = read_manifest(signed[kind].data, MIME[kind], trust=TRUST)
    assert (report.status, report.integrity) == ("valid", "ok")
    assert (report.signature_valid, report.trusted, report.expired, report.pixels_match) == (
        True,
        True,
        False,
        True,
    )
    assert report.failures == ()
    assert report.ai_generated is True
    assert report.digital_source_type == LABEL.source_type
    assert report.actions == ("c2pa.created", "c2pa.watermarked.bound")
    assert report.soft_bindings == ((SOFT_BINDING_ALG, ID),)
    assert report.manifest_id == signed[kind].manifest_id
    assert report.manifest_id.startswith("urn:c2pa:")
    assert "DEVELOPMENT" in report.signer
    assert report.signer_is(IDENTITY)
    assert not report.signer_is(create_development_identity(NOW))


@pytest.mark.parametrize("kind", SIGNABLE)
def test_signing_changes_no_pixel_and_no_metadata(signed, kind):
    before, after = unsigned(kind), signed[kind].data
    assert np.array_equal(decode_picture(before).image, decode_picture(after).image)
    assert read_metadata(before, kind) == read_metadata(after, kind)


@pytest.mark.parametrize("kind", WRITABLE)
def test_nothing_about_the_making_is_left_unsigned_by_the_generator(signed, kind):
    """Rubric of C2PA 2.4: actions, soft binding, mining and metadata are created, not gathered, assertions."""
    with Reader(MIME[kind], io.BytesIO(signed[kind].data), context=reading_context(TRUST.pem)) as reader:
        detailed = json.loads(reader.detailed_json())
        manifest = reader.get_active_manifest()
    claim = detailed["manifests"][detailed["active_manifest"]]["claim"]
    created = " ".join(entry["url"] for entry in claim["created_assertions"])
    for label in (
        "c2pa.actions.v2",
        "c2pa.soft-binding",
        "cawg.training-mining",
        "cawg.metadata",
        "c2pa.hash",
    ):
        assert label in created
    assert not claim.get("gathered_assertions")
    assert manifest["claim_generator_info"][0]["specVersion"] == "2.4.0"
    actions = next(a for a in manifest["assertions"] if a["label"] == "c2pa.actions.v2")
    assert actions["data"]["allActionsIncluded"] is True


@pytest.mark.parametrize("kind", WRITABLE)
@pytest.mark.parametrize("parent_signed", [True, False])
def test_an_edit_keeps_its_parent(signed, kind, parent_signed):
    parent = signed["jpeg"].data if parent_signed else unsigned("jpeg")
    edited = SIGNER.sign(
        unsigned(kind), MIME[kind], EDIT, soft_binding=ID, sources=[Source(parent, "image/jpeg")]
    )
    report = read_manifest(edited.data, MIME[kind], trust=TRUST)
    assert (report.status, report.integrity, report.trusted, report.failures) == ("valid", "ok", True, ())
    assert report.actions == ("c2pa.opened", "c2pa.edited", "c2pa.watermarked.bound")
    assert report.ingredients == 1
    assert report.digital_source_type == COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA
    with Reader(MIME[kind], io.BytesIO(edited.data), context=reading_context(TRUST.pem)) as reader:
        kept = json.loads(reader.json())["manifests"]
    assert (signed["jpeg"].manifest_id in kept) == parent_signed


@pytest.mark.parametrize("kind", WRITABLE)
def test_a_change_in_the_parents_own_manifest_is_found(signed, kind):
    parent = Source(signed["png"].data, "image/png")
    data = SIGNER.sign(unsigned(kind), MIME[kind], EDIT, soft_binding=ID, sources=[parent]).data
    at = data.index(b"trainedAlgorithmicMedia") + 3  # the edit itself says "compositeWithTrained..."
    forged = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    report = read_manifest(forged, MIME[kind], trust=TRUST)
    assert (report.status, report.integrity) == ("invalid", "failed")


def test_marking_a_signed_picture_that_is_not_an_edit_still_keeps_its_parent(signed):
    again = SIGNER.sign(
        unsigned("png"),
        "image/png",
        LABEL,
        soft_binding=ID,
        sources=[Source(signed["png"].data, "image/png")],
    )
    report = read_manifest(again.data, "image/png", trust=TRUST)
    assert report.actions == ("c2pa.opened", "c2pa.watermarked.bound")
    assert (report.ingredients, report.ai_generated, report.failures) == (1, True, ())


@pytest.mark.parametrize("mime", ["image/bmp", "image/gif", "image/tiff"])
def test_a_parent_in_any_format_that_we_decode_is_taken(mime):
    out = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(out, mime.removeprefix("image/"))
    edited = SIGNER.sign(
        unsigned("png"), "image/png", EDIT, soft_binding=ID, sources=[Source(out.getvalue(), mime)]
    )
    assert read_manifest(edited.data, "image/png", trust=TRUST).ingredients == 1


def flipped(data):
    return data[:-20] + bytes([data[-20] ^ 1]) + data[-19:]


def without_a_piece_of_manifest(data):
    at = data.index(b"jumdc2pa") + 1000
    return data[:at] + bytes(400) + data[at + 400 :]


def crowded(data):
    """More boxes than anyone writes, where each container keeps its boxes."""
    crowd = b"jumb" * 12_000
    if data.startswith(b"\x89PNG"):
        chunk = b"caBX" + crowd
        return (
            data[:-12]
            + struct.pack(">I", len(crowd))
            + chunk
            + zlib.crc32(chunk).to_bytes(4, "big")
            + data[-12:]
        )
    if data.startswith(b"\xff\xd8"):
        body = b"JP\x00\x01\x00\x00\x00\x01" + crowd
        return data[:2] + b"\xff\xeb" + struct.pack(">H", len(body) + 2) + body + data[2:]
    if data.startswith(b"GIF"):
        blocks = b"".join(b"\xfc" + crowd[at : at + 252] for at in range(0, len(crowd), 252))
        return data[:-1] + b"!\xff\x0bC2PA_GIF\x01\x00\x00" + blocks + b"\x00;"
    return data + crowd


@pytest.mark.parametrize("kind", WRITABLE)
@pytest.mark.parametrize(
    ("damage", "title"),
    [
        (flipped, "source"),
        (without_a_piece_of_manifest, "source, its Content Credentials unreadable"),
        (crowded, "source, its Content Credentials unreadable"),
    ],
)
def test_a_parent_whose_manifest_is_broken_is_still_named(signed, kind, damage, title):
    parent = damage(signed[kind].data)
    assert read_manifest(parent, MIME[kind], trust=TRUST).status == "invalid"
    made = SIGNER.sign(
        unsigned("png"), "image/png", EDIT, soft_binding=ID, sources=[Source(parent, MIME[kind])]
    )
    assert read_manifest(made.data, "image/png", trust=TRUST).failures == ()
    with Reader("image/png", io.BytesIO(made.data), context=reading_context(TRUST.pem)) as reader:
        assert [i["title"] for i in reader.get_active_manifest()["ingredients"]] == [title]


@pytest.mark.parametrize("kind", WRITABLE)
def test_a_signed_file_is_never_signed_over(signed, kind):
    with pytest.raises(ManifestError, match="already signed"):
        SIGNER.sign(signed[kind].data, MIME[kind], LABEL, soft_binding=ID)


@pytest.mark.parametrize(
    ("data", "mime"), [(b"", "image/png"), (b"garbage", "image/jpeg"), (b"BM", "image/bmp")]
)
def test_what_cannot_be_signed_raises(data, mime):
    with pytest.raises(ManifestError):
        SIGNER.sign(data, mime, LABEL, soft_binding=ID)


def test_threads_share_one_signer(signed):
    def work(i):
        kind = WRITABLE[i % 3]
        made = SIGNER.sign(unsigned(kind), MIME[kind], LABEL, soft_binding=f"{i:016x}")
        report = read_manifest(made.data, MIME[kind], trust=TRUST)
        return report.status, report.soft_bindings[0][1], made.manifest_id

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(48)))
    assert [(status, value) for status, value, _ in results] == [("valid", f"{i:016x}") for i in range(48)]
    assert len({manifest_id for *_, manifest_id in results}) == 48


# ---- keys kept elsewhere


def remote_identity(broken):
    key = serialization.load_pem_private_key(IDENTITY.key_pem, None)

    def sign(data):
        if broken:
            raise SigningError(broken[0])
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return load_remote_identity(IDENTITY.chain_pem, sign, IDENTITY.root_pem)


def test_a_key_kept_elsewhere_signs():
    signer = ManifestSigner(remote_identity([]))
    made = signer.sign(unsigned("png"), "image/png", LABEL, soft_binding=ID)
    report = read_manifest(made.data, "image/png", trust=TRUST)
    assert (report.status, report.integrity, report.trusted) == ("valid", "ok", True)


@pytest.mark.parametrize("sources", [0, 1])
def test_a_key_kept_elsewhere_that_fails_says_why_and_signs_nothing(signed, sources):
    broken = []
    signer = ManifestSigner(remote_identity(broken))
    parents = [Source(signed["jpeg"].data, "image/jpeg")] * sources
    broken.append("the module is gone")
    with pytest.raises(SigningError, match="the module is gone"):
        signer.sign(unsigned("png"), "image/png", LABEL, soft_binding=ID, sources=parents)
    broken.clear()
    assert signer.sign(unsigned("png"), "image/png", LABEL, soft_binding=ID, sources=parents).manifest_id


# ---- trust


@pytest.mark.parametrize("trust", [NOBODY, TrustAnchors(create_development_identity(NOW).root_pem)])
def test_a_strangers_signature_is_sound_but_not_trusted(signed, trust):
    report = read_manifest(signed["png"].data, "image/png", trust=trust)
    assert (report.status, report.integrity, report.signature_valid) == ("valid", "ok", True)
    assert report.trusted is False
    assert report.failures == ("signingCredential.untrusted",)


def test_anchors_may_carry_comments_in_any_encoding():
    commented = TrustAnchors("# Wurzel für Prüfer\n".encode("latin-1") + IDENTITY.root_pem + b"\n")
    assert commented == TRUST


def test_unreadable_anchors_are_refused():
    with pytest.raises(ManifestError):
        TrustAnchors(b"not a certificate")


# ---- tampering and loss


@pytest.mark.parametrize("kind", SIGNABLE)
def test_changed_bytes_are_found(signed, kind):
    """Flip one bit at 60 places outside the manifest: never both valid and intact."""
    data, rng = signed[kind].data, np.random.default_rng(9)
    for at in rng.choice(protected(data, MIME[kind]), 60, replace=False):
        report = read_manifest(with_flip(data, int(at), 1 << int(rng.integers(8))), MIME[kind], trust=TRUST)
        assert (report.status, report.integrity) != ("valid", "ok"), at


def test_changed_pixels_say_which_promise_broke(signed):
    data = bytearray(signed["jpeg"].data)
    data[-20] ^= 1
    report = read_manifest(bytes(data), "image/jpeg", trust=TRUST)
    assert (report.status, report.integrity, report.pixels_match) == ("invalid", "failed", False)
    assert (report.signature_valid, report.trusted) == (True, True)
    assert "assertion.dataHash.mismatch" in report.failures


def test_a_changed_claim_is_not_credited_to_the_signer(signed):
    data = signed["png"].data
    at = data.rindex(b"watermarked.bound")  # inside the signed actions
    forged = data[:at] + b"W" + data[at + 1 :]
    report = read_manifest(forged, "image/png", trust=TRUST)
    assert (report.status, report.integrity) == ("invalid", "failed")

    at = data.index(b"created_assertions")  # inside the claim itself
    forged = data[:at] + b"C" + data[at + 1 :]
    report = read_manifest(forged, "image/png", trust=TRUST)
    assert (report.status, report.integrity, report.changed) == ("invalid", None, None), (
        "no claim can be read"
    )
    assert (report.signer, report.trusted) == (None, None)


def test_a_manifest_cut_short_is_broken_not_absent(signed):
    manifest = signed["jpeg"].manifest
    data = signed["jpeg"].data.replace(manifest[1000:1400], bytes(400))
    report = read_manifest(data, "image/jpeg", trust=TRUST)
    assert (report.status, report.integrity) == ("invalid", None)
    assert "cannot be parsed" in report.notes[0]


@pytest.mark.parametrize("kind", SIGNABLE)
def test_a_lost_manifest_is_not_present_and_can_be_recovered(signed, kind):
    copy = unsigned(kind)
    assert read_manifest(copy, MIME[kind], trust=TRUST).status == "not_present"
    stored = signed[kind].manifest
    report = read_manifest(copy, MIME[kind], trust=TRUST, stored_manifest=stored)
    assert (report.status, report.integrity, report.pixels_match) == ("recovered", "ok", False)
    assert (report.signature_valid, report.trusted) == (True, True)
    assert report.manifest_id == signed[kind].manifest_id
    assert report.soft_bindings == ((SOFT_BINDING_ALG, ID),)


def test_recovery_works_for_a_copy_in_another_format(signed):
    for kind in ("bmp", "jpeg", "gif"):
        out = io.BytesIO()
        Image.fromarray(decode_picture(signed["png"].data).image).save(out, kind)
        report = read_manifest(
            out.getvalue(), MIME[kind], trust=TRUST, stored_manifest=signed["png"].manifest
        )
        assert (report.status, report.manifest_id) == ("recovered", signed["png"].manifest_id)


@pytest.mark.parametrize(
    ("damage", "integrity"),
    [(lambda _: b"garbage", None), (lambda m: m[:2000], None), (lambda m: m[:-30] + bytes(30), "failed")],
)
def test_a_damaged_stored_manifest_recovers_nothing(signed, damage, integrity):
    stored = damage(signed["png"].manifest)
    report = read_manifest(unsigned("png"), "image/png", trust=TRUST, stored_manifest=stored)
    assert (report.status, report.integrity) == ("invalid", integrity)


def test_a_stored_manifest_with_another_claim_recovers_nothing(signed):
    stored = signed["png"].manifest
    forged = stored.replace(ID.encode(), b"f" * 16)
    assert forged != stored
    report = read_manifest(unsigned("png"), "image/png", trust=TRUST, stored_manifest=forged)
    assert (report.status, report.integrity) == ("invalid", "failed")


# ---- codes that our own files cannot show


def store_with(success=(), failure=(), state="Invalid", ingredients=()):
    def as_codes(names):
        return [{"code": name} for name in names]

    deltas = [{"validationDeltas": {"failure": as_codes(names)}} for names in ingredients]
    return {
        "validation_state": state,
        "validation_results": {
            "activeManifest": {"success": as_codes(success), "failure": as_codes(failure)},
            "ingredientDeltas": deltas,
        },
        "active_manifest": "urn:c2pa:1",
        "manifests": {"urn:c2pa:1": {"signature_info": {"common_name": "Some One"}}},
    }


SOUND = ("claimSignature.validated", "assertion.hashedURI.match", "assertion.dataHash.match")


def test_expired_and_unknown_is_not_tampered():
    failures = ("signingCredential.untrusted", "signingCredential.expired")
    report = report_of(store_with(SOUND, failures), recovered=False)
    assert (report.status, report.integrity, report.pixels_match) == ("invalid", "ok", True)
    assert (report.expired, report.trusted, report.signer) == (True, False, "Some One")


@pytest.mark.parametrize(
    ("success", "failure"),
    [
        (SOUND, ("assertion.dataHash.mismatch",)),
        (SOUND, ("assertion.hashedURI.mismatch",)),
        (SOUND, ("assertion.missing",)),
        (SOUND, ("ingredient.manifest.missing",)),
        (SOUND, ("some.code.of.the.future",)),
        (SOUND[:2], ()),
        (SOUND[1:], ("claimSignature.mismatch",)),
        ((*SOUND, "signingCredential.trusted"), ("claimSignature.mismatch",)),
        ((), ()),
    ],
)
def test_anything_but_proof_is_failure(success, failure):
    report = report_of(store_with(success, failure), recovered=False)
    assert (report.integrity, report.status) == ("failed", "invalid")
    if "claimSignature.mismatch" in failure:
        assert (report.signature_valid, report.trusted, report.signer) == (False, None, None)


def test_a_fault_in_an_ingredient_is_named_as_such():
    broken = store_with(SOUND, (), ingredients=[("assertion.hashedURI.mismatch",)])
    report = report_of(broken, recovered=False)
    assert report.integrity == "failed"
    assert any("ingredient" in note for note in report.notes)
    unknown = store_with(SOUND, (), "Valid", ingredients=[("signingCredential.untrusted",)])
    assert report_of(unknown, recovered=False).integrity == "ok"


@pytest.mark.parametrize("store", [{}, {"manifests": []}, {"active_manifest": 3, "validation_results": "x"}])
def test_a_report_of_unexpected_shape_is_failure(store):
    assert report_of(store, recovered=False).integrity == "failed"
    assert report_of(store, recovered=True).status == "invalid"


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        ({"digitalSourceType": LABEL.source_type}, True),
        (
            {"digitalSourceType": LABEL.source_type.replace("trainedAlgorithmicMedia", "digitalCapture")},
            False,
        ),
        ({"description": "AI Generated Image"}, True),
        ({"digitalSourceType": "trainedAlgorithmicMedia"}, None),
        ({}, None),
    ],
)
def test_how_strangers_say_ai(action, answer):
    store = store_with(SOUND, (), "Valid")
    assertion = {"label": "c2pa.actions", "data": {"actions": [{"action": "c2pa.created", **action}]}}
    store["manifests"]["urn:c2pa:1"]["assertions"] = [assertion]
    assert report_of(store, recovered=False).ai_generated is answer


def test_what_the_parent_says_counts():
    store = store_with(SOUND, (), "Valid")
    store["manifests"]["urn:c2pa:1"]["ingredients"] = [
        {"relationship": "parentOf", "active_manifest": "urn:c2pa:0"}
    ]
    action = {"action": "c2pa.created", "digitalSourceType": LABEL.source_type}
    store["manifests"]["urn:c2pa:0"] = {
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
        "ingredients": [{"relationship": "parentOf", "active_manifest": "urn:c2pa:1"}],  # a loop
    }
    assert report_of(store, recovered=False).ai_generated is True


# ---- network


def test_nothing_that_a_file_names_is_fetched(signed):
    listener = Listener()
    try:
        hostile = remote_only(listener.url)
        report = read_manifest(hostile, "image/jpeg", trust=TRUST)
        assert report.status == "not_present"
        assert any("not fetched" in note for note in report.notes)
        assert listener.url not in repr(report)
        read_manifest(hostile, "image/jpeg", trust=NOBODY)
        stored = signed["jpeg"].manifest
        assert read_manifest(hostile, "image/jpeg", trust=TRUST, stored_manifest=stored).status == "recovered"
        SIGNER.sign(
            unsigned("png"), "image/png", EDIT, soft_binding=ID, sources=[Source(hostile, "image/jpeg")]
        )
        read_timeline(hostile, "image/jpeg", trust=TRUST)
        assert listener.count == 0
        assert listener.counts(), "the listener itself must be able to count"
    finally:
        listener.close()


# ---- timestamps


def test_an_authority_that_does_not_answer_signs_nothing():
    listener = Listener()
    try:
        signer = ManifestSigner(IDENTITY, tsa_url=listener.url)
        with pytest.raises(TimestampError):
            signer.sign(unsigned("png"), "image/png", LABEL, soft_binding=ID)
        assert listener.count >= 1
    finally:
        listener.close()


@needs_openssl
def test_a_timestamp_is_fetched_and_its_time_told_where_its_authority_is_trusted(tmp_path):
    url, stop = local_authority(tmp_path)
    try:
        signer = ManifestSigner(IDENTITY, tsa_url=url)
        made = signer.sign(unsigned("jpeg"), "image/jpeg", LABEL, soft_binding=ID)
    finally:
        stop()
    homemade = read_manifest(made.data, "image/jpeg", trust=TRUST)
    assert (homemade.status, homemade.trusted, homemade.signed_at) == ("valid", True, None)
    assert "timeStamp.untrusted" in homemade.codes
    assert "timestamp" in homemade.notes[0]
    both = TrustAnchors(IDENTITY.root_pem + (tmp_path / "root.pem").read_bytes())
    report = read_manifest(made.data, "image/jpeg", trust=both)
    assert (report.status, report.integrity, report.trusted, report.notes) == ("valid", "ok", True, ())
    assert abs(datetime.fromisoformat(report.signed_at) - datetime.now(UTC)) < timedelta(minutes=5)


@needs_openssl
def test_a_homemade_timestamp_of_an_older_claim_is_not_taken_for_a_trusted_one(tmp_path):
    """The library calls every authority trusted there."""
    url, stop = local_authority(tmp_path)
    definition = {
        "claim_version": 1,
        "claim_generator_info": [{"name": "x", "version": "1"}],
        "format": "image/png",
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [{"action": "c2pa.created"}]}}],
    }
    info = C2paSignerInfo(b"es256", IDENTITY.chain_pem, IDENTITY.key_pem, url.encode())
    out = io.BytesIO()
    try:
        Builder(definition).sign(Signer.from_info(info), "image/png", io.BytesIO(unsigned("png")), out)
    finally:
        stop()
    report = read_manifest(out.getvalue(), "image/png", trust=TRUST)
    assert report.status == "valid"
    assert "timeStamp.trusted" in report.codes
    assert report.signed_at is None
    assert "timestamp" in report.notes[0]
