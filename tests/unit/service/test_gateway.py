"""The path of a request with fakes that implement the real Protocols: exactly one audit entry, nothing
unmarked leaves."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import watermark
from classifiers import CATEGORIES, Scores
from safety import Guard, Policy
from safety.audit_entry import AuditEntry
from safety.errors import AuditAppendFailed, SafetyError
from service.errors import BadRequest, CannotRecord, Refused, StageFailed, UpstreamRefused
from service.gateway import Gateway, visible
from service.generators import GeneratedImage, GenerationRequest, create_generator
from service.generators.builtin import draw
from service.keys import Keys, load_or_create_keys
from service.marking import Marker
from service.runtime import open_lookalikes
from service.settings import Settings
from service.stores import audit_sqlite, registry_sqlite
from service.trail import Trail
from service.verification import Verifier
from service.verification_report import VerificationReport
from watermark.errors import ImageTooFlat, ImageTooSmall, UnsupportedPicture
from watermark.manifest import TrustAnchors, read_manifest
from watermark.manifest_timeline import read_timeline
from watermark.picture import Limits, decode_picture

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def scores(unsafe: float) -> Scores:
    return Scores(unsafe, dict.fromkeys(CATEGORIES, 0.0) | {"sexual": unsafe}, "fake@1")


@dataclass
class FakePromptClassifier:
    unsafe: float = 0.0
    model: str = "fake-prompt@1"
    broken: bool = False
    seen: list[str] = field(default_factory=list)

    def score(self, text: str) -> Scores:
        self.seen.append(text)
        if self.broken:
            raise RuntimeError("model crashed")
        return scores(self.unsafe)


@dataclass
class FakeImageClassifier:
    """Flags the pictures whose turn is in `unsafe_turns`."""

    unsafe_turns: tuple[int, ...] = ()
    model: str = "fake-image@1"
    broken: bool = False
    turns: int = 0

    def score(self, image: NDArray[np.uint8]) -> Scores:
        if self.broken:
            raise RuntimeError("model crashed")
        self.turns += 1
        return scores(1.0 if self.turns - 1 in self.unsafe_turns else 0.0)


@dataclass
class FakeGenerator:
    name: str = "fake-generator"
    version: str = "7"
    side: int = 256
    broken: bool = False
    calls: int = 0

    def generate(self, request: GenerationRequest) -> list[GeneratedImage]:
        self.calls += 1
        if self.broken:
            raise StageFailed("upstream generator: down")
        return [GeneratedImage(draw(request.prompt, i, self.side, self.side)) for i in range(request.n)]

    def close(self) -> None:
        pass


class FullDisk:
    """An audit log that cannot append."""

    def append(self, entry: AuditEntry) -> int:
        raise AuditAppendFailed("disk full")


@dataclass
class Rig:
    gateway: Gateway
    prompts: FakePromptClassifier
    images: FakeImageClassifier
    generator: FakeGenerator
    audit: audit_sqlite.AuditLog
    registry: registry_sqlite.Registry
    keys: Keys

    def entries(self) -> list[AuditEntry]:
        return list(self.audit.entries())

    def generate(self, prompt: str = "a harbour", n: int = 1, format_: str = "png"):
        request = GenerationRequest(prompt, n, None, None, None, None)
        return self.gateway.generate(request, format_, None, Trail("req_1", "generation"))


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    keys = load_or_create_keys(Settings(data_dir=tmp_path), NOW)
    registry = registry_sqlite.create(tmp_path / "registry.sqlite")
    audit = audit_sqlite.create(tmp_path / "audit.sqlite", signing_key=keys.audit, clock=lambda: NOW)
    prompts, images, generator = FakePromptClassifier(), FakeImageClassifier(), FakeGenerator()
    guard = Guard(prompt_classifiers=[prompts], image_classifiers=[images])
    lookalikes = open_lookalikes(Settings(data_dir=tmp_path), registry)
    marker = Marker(keys, "Test provider", registry, lambda: NOW, likeness=lookalikes)
    gateway = Gateway(guard, generator, marker, audit, keys.prompt_hash, Limits(), lambda: NOW)
    yield Rig(gateway, prompts, images, generator, audit, registry, keys)
    lookalikes.close()
    audit.close()
    registry.close()


def test_allowed_request_leaves_marked_registered_and_recorded(rig: Rig) -> None:
    pictures = rig.generate(n=2)
    assert len(pictures) == 2
    (entry,) = rig.entries()
    assert entry.outcome == "allowed"
    assert entry.record_ids == tuple(p.id for p in pictures)
    assert entry.generator == "fake-generator"
    assert "harbour" not in entry.canonical().decode()
    assert [judged.stage for judged in entry.judgements] == ["input", "output", "output"]
    assert {judged.models for judged in entry.judgements} == {("fake@1",)}
    verifier = Verifier(rig.keys, TrustAnchors(rig.keys.identity.root_pem), rig.registry, Limits())
    for picture in pictures:
        report = verifier.verify(picture.data)
        assert report.record is not None
        assert report.record.id == picture.id
        assert report.record.exact_file
        assert report.signals.c2pa.status == "valid"
        assert report.signals.watermark.payload == picture.id
        assert report.signals.metadata.record_id == picture.id
        assert not [f for f in report.findings if f.severity != "info"]


def test_same_prompt_same_hash_other_prompt_other_hash(rig: Rig) -> None:
    for prompt in ("one", "one", "two"):
        rig.generate(prompt)
    first, second, third = (e.prompt_hash for e in rig.entries())
    assert first == second != third


def test_blocked_prompt_never_reaches_the_generator(rig: Rig) -> None:
    rig.prompts.unsafe = 1.0
    with pytest.raises(Refused) as caught:
        rig.generate()
    assert caught.value.decision.stage == "input"
    assert rig.generator.calls == 0
    (entry,) = rig.entries()
    assert (entry.outcome, entry.stage, entry.action) == ("blocked", "input", "block")
    assert "sexual" in entry.categories


def test_one_blocked_picture_refuses_all(rig: Rig) -> None:
    rig.images.unsafe_turns = (1,)
    with pytest.raises(Refused) as caught:
        rig.generate(n=3)
    assert caught.value.decision.stage == "output"
    (entry,) = rig.entries()
    assert (entry.outcome, entry.stage, entry.record_ids) == ("blocked", "output", ())
    assert rig.registry.count() == 0


@pytest.mark.parametrize("part", ["prompts", "images", "generator"])
def test_a_broken_stage_refuses_and_is_recorded(rig: Rig, part: str) -> None:
    getattr(rig, part).broken = True
    with pytest.raises((SafetyError, StageFailed)):
        rig.generate()
    (entry,) = rig.entries()
    assert entry.outcome == "failed"
    assert entry.detail
    assert rig.registry.count() == 0


def test_a_picture_that_cannot_be_marked_refuses_and_is_recorded(rig: Rig) -> None:
    rig.generator.side = 64
    with pytest.raises(ImageTooSmall):
        rig.generate()
    (entry,) = rig.entries()
    assert (entry.outcome, entry.stage) == ("failed", "marking")


@pytest.mark.parametrize("unsafe", [0.0, 1.0])
def test_what_cannot_be_recorded_does_not_happen(rig: Rig, unsafe: float) -> None:
    rig.prompts.unsafe = unsafe
    rig.gateway._audit = FullDisk()
    with pytest.raises(CannotRecord):
        rig.generate()


def test_mark_keeps_the_format_or_writes_png(rig: Rig) -> None:
    pixels = Image.fromarray(draw("sea", 0, 200, 300))
    for format_, mime in (
        ("JPEG", "image/jpeg"),
        ("WEBP", "image/webp"),
        ("PNG", "image/png"),
        ("AVIF", "image/avif"),
        ("TIFF", "image/tiff"),
        ("GIF", "image/gif"),
        ("BMP", "image/png"),
    ):
        file = io.BytesIO()
        pixels.save(file, format_)
        marked = rig.gateway.mark(file.getvalue(), None, "", Trail("req_2", "mark"))
        assert marked.mime == mime
        assert read_manifest(marked.data, mime, trust=TrustAnchors()).status == "valid"
    assert [e.kind for e in rig.entries()] == ["mark"] * 7


def test_moderation_is_recorded_but_not_a_refusal(rig: Rig) -> None:
    rig.prompts.unsafe = 1.0
    decision = rig.gateway.moderate("anything", Trail("req_3", "moderation"))
    assert decision.action == "block"
    (entry,) = rig.entries()
    assert (entry.kind, entry.outcome) == ("moderation", "blocked")


def test_what_transparency_hides_is_judged_on_every_ground() -> None:
    """Black letters in the alpha channel of a black picture show on white, and nowhere else."""
    image = np.zeros((64, 64, 4), np.uint8)
    image[20:40, 20:40, 3] = 255
    views = visible(image)
    assert len(views) == 3
    assert len({view.tobytes() for view in views}) == 2
    assert all(view.shape == (64, 64, 3) and view.dtype == np.uint8 for view in views)
    opaque = np.full((64, 64, 4), 255, np.uint8)
    assert len(visible(opaque)) == len(visible(opaque[..., :3])) == 1


def test_transparent_upload_is_judged_as_it_can_be_seen(rig: Rig) -> None:
    rig.images.unsafe_turns = (1,)  # the view on white
    pixels = np.dstack([draw("sea", 0, 200, 200), np.tile(np.arange(200, dtype=np.uint8), (200, 1))])
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    with pytest.raises(Refused):
        rig.gateway.mark(file.getvalue(), None, "", Trail("req_4", "mark"))
    assert rig.entries()[0].outcome == "blocked"


def test_upstream_refusal_is_recorded_as_blocked(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(request: GenerationRequest) -> list[GeneratedImage]:
        raise UpstreamRefused("no", code="moderation_blocked")

    monkeypatch.setattr(rig.generator, "generate", refuse)
    with pytest.raises(UpstreamRefused):
        rig.generate()
    (entry,) = rig.entries()
    assert (entry.outcome, entry.stage) == ("blocked", "generator")


def test_a_blocklist_hit_is_named_as_one(tmp_path: Path, rig: Rig) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('schema_version = 1\nname = "t"\n[lists]\nblock = ["acme rocket"]\n')
    rig.gateway._guard = Guard(
        Policy.load(policy), prompt_classifiers=[rig.prompts], image_classifiers=[rig.images]
    )
    with pytest.raises(Refused, match="blocklist") as caught:
        rig.generate("an acme rocket")
    assert caught.value.categories == ("blocklist",)
    assert rig.entries()[0].categories == ("blocklist",)


def test_too_large_to_mark(rig: Rig) -> None:
    file = io.BytesIO()
    Image.fromarray(draw("sea", 0, 200, 200)).save(file, "PNG")
    with pytest.raises(BadRequest, match="megapixels"):
        rig.gateway.mark(file.getvalue(), None, "", Trail("req_5", "mark"), max_pixels=39_999)


def test_an_animation_is_not_marked_silently_as_its_first_frame(rig: Rig) -> None:
    frames = [Image.fromarray(draw("sea", i, 200, 200)) for i in range(3)]
    file = io.BytesIO()
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:])
    with pytest.raises(UnsupportedPicture, match="animation"):
        rig.gateway.mark(file.getvalue(), None, "", Trail("req_6", "mark"))


@pytest.mark.parametrize("format_", ["png", "jpeg"])
def test_a_picture_of_ours_keeps_its_id_when_it_is_marked_again(rig: Rig, format_: str) -> None:
    (first,) = rig.generate(format_=format_)
    again = rig.gateway.mark(first.data, None, "", Trail("req_7", "mark"))
    assert again.id == first.id
    assert rig.registry.count() == 1
    verifier = Verifier(rig.keys, TrustAnchors(rig.keys.identity.root_pem), rig.registry, Limits())
    report = verifier.verify(again.data)
    assert report.verdict == "ours"
    assert report.findings == []
    assert report.signals.c2pa.ingredients == 1
    assert report.signals.metadata.record_id == first.id


def test_a_watermark_of_ours_is_replaced_on_request(rig: Rig) -> None:
    (first,) = rig.generate(format_="png")
    again = rig.gateway.mark(first.data, None, "", Trail("req_9", "mark"), replace_mark=True)
    assert again.id != first.id
    record = rig.registry.get(again.id)
    assert record is not None
    assert record.parent == first.id
    found = watermark.detect(decode_picture(again.data).image, key=rig.keys.watermark)
    assert found.payload == bytes.fromhex(again.id)
    assert found.others == ()
    parent = rig.registry.get(first.id)
    assert parent is not None
    assert (record.generator, record.generator_version) == (parent.generator, parent.generator_version)


def test_a_flat_picture_is_refused_on_request(rig: Rig) -> None:
    flat = png(np.full((256, 256, 3), 200, np.uint8))
    with pytest.raises(ImageTooFlat, match="flat"):
        rig.gateway.mark(flat, None, "", Trail("req_10", "mark"), refuse_flat=True)
    assert rig.registry.count() == 0
    assert rig.gateway.mark(flat, None, "", Trail("req_11", "mark")).id


# ---- edits


def png(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


SEA = draw("sea", 0, 256, 320)


def hole(height: int = 256, width: int = 320) -> bytes:
    pixels = np.full((height, width, 4), 255, np.uint8)
    pixels[:64, :64, 3] = 0
    return png(pixels)


@pytest.fixture
def editing(rig: Rig) -> Rig:
    """The rig around the built-in generator, which can edit."""
    rig.gateway._generator = create_generator("builtin")
    return rig


def edit(rig: Rig, *files: bytes, mask: bytes | None = None, n: int = 1, size: int | None = None):
    request = GenerationRequest("a red forest", n, size, size, None, None)
    return rig.gateway.edit(request, files, mask, "png", None, Trail("req_9", "edit"))


def report_on(rig: Rig, data: bytes) -> VerificationReport:
    trust = TrustAnchors(rig.keys.identity.root_pem)
    return Verifier(rig.keys, trust, rig.registry, Limits()).verify(data)


def test_an_edit_is_a_new_picture_that_names_what_it_was_made_from(editing: Rig) -> None:
    first, second = edit(editing, png(SEA), n=2)
    assert first.id != second.id
    record = editing.registry.get(first.id)
    assert record is not None
    assert (record.kind, record.generator, record.parent) == ("edit", "countermark-builtin", None)
    report = report_on(editing, first.data)
    assert (report.verdict, report.signals.c2pa.status, report.signals.c2pa.ingredients) == (
        "ours",
        "valid",
        1,
    )
    assert report.signals.c2pa.actions == ["c2pa.opened", "c2pa.edited", "c2pa.watermarked.bound"]
    assert report.signals.metadata.record_id == first.id
    (entry,) = editing.entries()
    assert (entry.kind, entry.outcome, entry.record_ids) == ("edit", "allowed", (first.id, second.id))


def test_an_edit_of_ours_is_a_child_and_keeps_the_history(editing: Rig) -> None:
    request = GenerationRequest("a harbour", 1, 256, 256, None, None)
    (parent,) = editing.gateway.generate(request, "png", None, Trail("req_8", "generation"))
    stripped = png(np.asarray(Image.open(io.BytesIO(parent.data)).convert("RGB")))
    for source in (parent.data, stripped):  # by the file's hash; by its mark and likeness
        (child,) = edit(editing, source)
        record = editing.registry.get(child.id)
        assert record is not None
        assert record.parent == parent.id
    (child,) = edit(editing, parent.data)
    kept = editing.registry.get(parent.id)
    assert kept is not None
    history = read_timeline(child.data, "image/png", trust=TrustAnchors(editing.keys.identity.root_pem))
    assert [c.manifest_id for c in history][1:] == [kept.manifest_id]
    assert history[0].ingredients[0].thumbnail is not None


def test_a_mask_says_where_an_edit_may_happen(editing: Rig) -> None:
    (made,) = edit(editing, png(SEA), mask=hole())
    pixels = np.asarray(Image.open(io.BytesIO(made.data)).convert("RGB")).astype(int)
    assert np.abs(pixels[200:] - SEA[200:]).max() < 32  # the watermark alone
    assert np.abs(pixels[:64, :64] - SEA[:64, :64]).mean() > 10


def test_references_become_inputs(editing: Rig) -> None:
    (made,) = edit(editing, png(SEA), png(draw("a purple city", 0, 160, 160)), size=256)
    assert (made.width, made.height) == (256, 256)
    (now,) = read_timeline(made.data, "image/png", trust=TrustAnchors())
    assert [i.relationship for i in now.ingredients] == ["parentOf", "inputTo"]


@pytest.mark.parametrize("turn", [0, 1, 2])
def test_a_blocked_picture_refuses_the_edit(editing: Rig, turn: int) -> None:
    editing.images.unsafe_turns = (turn,)  # the edited picture, the reference, the result
    with pytest.raises(Refused):
        edit(editing, png(SEA), png(SEA))
    (entry,) = editing.entries()
    assert (entry.outcome, entry.stage) == ("blocked", "output" if turn == 2 else "input")
    assert editing.registry.count() == 0


def test_a_blocked_prompt_refuses_the_edit(editing: Rig) -> None:
    editing.prompts.unsafe = 1.0
    with pytest.raises(Refused):
        edit(editing, png(SEA))
    assert editing.images.turns == 0


def test_a_generator_without_edit_says_so(rig: Rig) -> None:
    with pytest.raises(BadRequest, match="does not edit") as caught:
        edit(rig, png(SEA))
    assert caught.value.code == "edits_unsupported"


@pytest.mark.parametrize(
    ("files", "mask", "words"),
    [
        ([], None, "expected 1 to 16"),
        ([png(SEA)] * 17, None, "expected 1 to 16"),
        ([png(SEA[:100, :100])], None, "at least 128"),
        ([png(SEA)], hole(256, 256), "expected the picture's 320x256"),
        ([png(SEA)], png(SEA), "nothing in it is transparent"),
    ],
)
def test_inputs_that_do_not_fit(editing: Rig, files: list[bytes], mask: bytes | None, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        edit(editing, *files, mask=mask)


def test_too_much_work_is_refused(editing: Rig) -> None:
    with pytest.raises(BadRequest, match="megapixels"):
        edit(editing, png(SEA), n=10, size=3000)


@pytest.mark.parametrize("wanted", [True, False])
def test_thumbnails_are_in_manifests_or_not(editing: Rig, wanted: bool) -> None:
    clock = editing.gateway._clock
    editing.gateway._marker = Marker(editing.keys, "provider", editing.registry, clock, thumbnails=wanted)
    (made,) = edit(editing, png(SEA))
    (now,) = read_timeline(made.data, "image/png", trust=TrustAnchors())
    assert (now.thumbnail is not None) == (now.ingredients[0].thumbnail is not None) == wanted
