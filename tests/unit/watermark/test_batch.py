"""Many pictures at once get the answers that they get alone."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from watermark import (
    BadKey,
    BadOption,
    BadPayload,
    Detection,
    ImageTooSmall,
    detect,
    detect_batch,
    embed,
    embed_batch,
)

OTHER_KEY = bytes(range(40, 72))


@pytest.fixture(scope="module")
def pictures(make_picture, key) -> list[np.ndarray]:
    """Marked, turned, cropped, rescaled, of another key, unmarked, with alpha, grey, flat; some of one size."""
    marked = embed_batch([make_picture(i) for i in (1, 2)], [b"picture1", b"picture2"], key=key)
    alpha = np.dstack([marked[0], np.full(marked[0].shape[:2], 200, np.uint8)])
    return [
        *marked,
        np.ascontiguousarray(np.rot90(marked[0])),
        np.ascontiguousarray(marked[1][40:340, 60:420]),
        cv2.resize(marked[1], None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA),
        embed(make_picture(3), b"picture3", key=OTHER_KEY),
        make_picture(4),
        alpha,
        cv2.cvtColor(marked[1], cv2.COLOR_RGB2GRAY),
        np.full((128, 160, 3), 90, np.uint8),
    ]


def same(batch: list[Detection], alone: list[Detection]) -> None:
    assert len(batch) == len(alone)
    for got, expected in zip(batch, alone, strict=True):
        assert (got.status, got.payload, got.key_id) == (expected.status, expected.payload, expected.key_id)
        assert got.others == expected.others
        assert got.p_value == pytest.approx(expected.p_value, rel=1e-2)
        assert (got.geometry is None) == (expected.geometry is None)
        if got.geometry and expected.geometry:
            assert vars(got.geometry) == pytest.approx(vars(expected.geometry), abs=1e-3)


@pytest.mark.parametrize("keys", [1, 2])
def test_torch_answers_as_detect_does(pictures, key, keys):
    searched = [OTHER_KEY, key][-keys:]
    alone = [detect(picture, key=searched) for picture in pictures]
    same(detect_batch(pictures, key=searched, device="cpu"), alone)
    assert [found.payload for found in alone[:3]] == [b"picture1", b"picture2", b"picture1"]
    assert alone[5].payload == (b"picture3" if keys == 2 else None)
    assert not alone[6].present


def test_small_batches_change_nothing(pictures, key, monkeypatch):
    whole = detect_batch(pictures[:3], key=key, effort="fast", device="cpu")
    monkeypatch.setattr("watermark.batch.PIXELS_AT_ONCE", {"cpu": 1, "cuda": 1})
    same(detect_batch(pictures[:3], key=key, effort="fast", device="cpu"), whole)


def test_threads_keep_the_order(make_picture, pictures, key):
    alone = [detect(picture, key=key, effort="fast") for picture in pictures]
    assert detect_batch(pictures, key=key, effort="fast", threads=3) == alone
    covers = [make_picture(i) for i in (1, 2, 3)]
    payloads = [bytes([i]) * 8 for i in range(3)]
    marked = embed_batch(covers, payloads, key=key, threads=3)
    for got, cover, payload in zip(marked, covers, payloads, strict=True):
        np.testing.assert_array_equal(got, embed(cover, payload, key=key))


def test_presence_maps_agree(pictures, key):
    (alone,) = (detect(pictures[0], key=key, localize=True),)
    (batch,) = detect_batch(pictures[:1], key=key, localize=True, device="cpu")
    assert alone.presence is not None
    assert batch.presence is not None
    np.testing.assert_allclose(batch.presence, alone.presence, atol=1e-3)


@pytest.mark.parametrize("device", [None, "cpu"])
def test_refuses_what_detect_refuses(pictures, key, device):
    with pytest.raises(BadKey):
        detect_batch(pictures[:1], key=b"short", device=device)
    with pytest.raises(BadOption):
        detect_batch(pictures[:1], key=key, effort="more", device=device)
    with pytest.raises(ImageTooSmall):
        detect_batch([pictures[0], np.zeros((20, 300, 3), np.uint8)], key=key, effort="fast", device=device)
    assert detect_batch([], key=key, device=device) == []


def test_one_payload_a_picture(pictures, key):
    with pytest.raises(BadPayload, match="got 1 for 2"):
        embed_batch(pictures[:2], [b"picture1"], key=key)


def test_importing_the_package_imports_no_torch():
    code = "import sys, watermark; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
