import numpy as np
import pytest

from watermark.errors import BadImage, BadKey, BadPayload, ImageTooSmall, WatermarkError
from watermark.inputs import check_image, check_key, check_payload, rgb_of


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((200, 200, 3), np.float32),
        np.zeros((200, 200), np.int32),
        np.zeros((200,), np.uint8),
        np.zeros((200, 200, 2), np.uint8),
        np.zeros((1, 200, 200, 3), np.uint8),
        [[1, 2], [3, 4]],
        None,
    ],
)
def test_refuses_what_is_no_picture(image):
    with pytest.raises(BadImage, match="got .* expected"):
        check_image(image)


@pytest.mark.parametrize("shape", [(127, 500, 3), (500, 127, 4), (0, 0, 3)])
def test_refuses_small_pictures(shape):
    with pytest.raises(ImageTooSmall, match=f"{shape[1]}x{shape[0]}"):
        check_image(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("shape", [(128, 128, 3), (128, 3000, 4)])
def test_accepts_from_128_px(shape):
    image = np.zeros(shape, np.uint8)
    assert check_image(image) is image


@pytest.mark.parametrize("key", [b"", b"x" * 15, b"x" * 65, "sixteen letters!", None])
def test_refuses_bad_keys(key):
    with pytest.raises(BadKey):
        check_key(key)


@pytest.mark.parametrize("payload", [b"", b"x" * 7, b"x" * 9, "8 chars!", 12345678])
def test_refuses_bad_payloads(payload):
    with pytest.raises(BadPayload):
        check_payload(payload)


def test_errors_are_both_ours_and_value_errors():
    for error in (BadImage, ImageTooSmall, BadKey, BadPayload):
        assert issubclass(error, WatermarkError)
        assert issubclass(error, ValueError)


def test_secrets_do_not_appear_in_messages():
    with pytest.raises(BadKey) as caught:
        check_key(b"hunter2hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_every_accepted_picture_has_an_rgb_view(depth):
    levels = 257 if depth == np.uint16 else 1
    grey = (np.arange(40000).reshape(200, 200) % 256 * levels).astype(depth)
    seen = rgb_of(grey)
    assert seen.shape == (200, 200, 3)
    assert np.array_equal(seen[..., 1], np.arange(40000).reshape(200, 200) % 256)
    assert np.array_equal(rgb_of(np.dstack([grey] * 4)), seen)
