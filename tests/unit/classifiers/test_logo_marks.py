import io

import cv2
import numpy as np
import pytest
from PIL import Image

from classifiers.errors import BrandInvalid
from classifiers.logo_marks import MAX_BYTES, MAX_PIXELS, SIDE, read_mark

HEAD = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 24 24"'
TRIANGLE = f'<svg {HEAD}><path d="M0 24L12 0l12 24z"/></svg>'


def _png(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def test_an_svg_becomes_its_silhouette() -> None:
    mark = read_mark(TRIANGLE.encode(), "a.svg")
    assert mark.shape == (SIDE, SIDE)
    assert mark[-2, SIDE // 2] > 200
    assert mark[2, 2] < 50
    assert 0.4 < mark.mean() / 255 < 0.6


def test_the_same_mark_from_svg_from_transparency_and_from_paper() -> None:
    drawn = read_mark(TRIANGLE.encode(), "a.svg")
    cover = np.zeros((200, 300), np.uint8)
    cv2.fillPoly(cover, [np.array([(50, 180), (130, 20), (210, 180)])], 255)
    white = np.dstack([np.full((200, 300, 3), 255, np.uint8), cover])
    paper = np.full((200, 300, 3), 240, np.uint8)
    paper[cover > 0] = (200, 30, 30)
    for picture in (white, paper):
        mark = read_mark(_png(picture), "a.png")
        both = np.minimum(mark, drawn).sum() / np.maximum(mark, drawn).sum()
        assert both > 0.9


def test_white_inside_a_coloured_mark_is_ground() -> None:
    picture = np.zeros((100, 100, 4), np.uint8)
    cv2.circle(picture, (50, 50), 48, (200, 0, 0, 255), -1)
    cv2.circle(picture, (50, 50), 20, (255, 255, 255, 255), -1)
    mark = read_mark(_png(picture), "ring.png")
    assert mark[SIDE // 2, SIDE // 2] < 30
    assert mark[SIDE // 2, 10] > 200


@pytest.mark.parametrize(
    ("svg", "says"),
    [
        (f'<svg {HEAD}><image href="/etc/hostname" width="9" height="9"/></svg>', "<image>"),
        (f"<svg {HEAD}><text>a</text></svg>", "<text>"),
        (f'<svg {HEAD}><style>@import url(x)</style><path d="M0 0h9v9z"/></svg>', "<style>"),
        (f'<svg {HEAD}><g id="a"/><use href="#a"/></svg>', "<use>"),
        (f'<svg {HEAD}><linearGradient id="a" xlink:href="file:///etc/passwd"/></svg>', "refers to"),
        (f'<svg {HEAD}><path d="M0 0h9v9z" style="fill:url(http://example.com/a)"/></svg>', "refers to"),
        (f'<!DOCTYPE svg [<!ENTITY a "b">]><svg {HEAD}><title>&a;</title></svg>', "no readable SVG"),
        (f"<svg {HEAD}>" + "<g>" * 40 + "</g>" * 40 + "</svg>", "levels"),
        (f"<svg {HEAD}>" + "<path/>" * 3000 + "</svg>", "elements"),
        (f'<svg {HEAD}><path d="M0 0h24v24H0z"/></svg>', "nothing visible|filled rectangle"),
        (f"<svg {HEAD}></svg>", "nothing visible|cannot be drawn"),
        ("<html/>", "<html>"),
        ("not xml", "no readable SVG"),
        ("", "no readable SVG"),
    ],
)
def test_an_svg_with_more_or_less_than_shapes_is_refused(svg: str, says: str) -> None:
    with pytest.raises(BrandInvalid, match=says):
        read_mark(svg.encode(), "bad.svg")


def test_a_tall_svg_is_not_drawn_at_the_height_it_asks_for() -> None:
    tall = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1000000"><path d="M0 0h1v9e5z"/></svg>'
    with pytest.raises(BrandInvalid, match="line"):
        read_mark(tall.encode(), "tall.svg")


def test_pictures_that_are_none_or_too_large_are_refused() -> None:
    for data in (b"", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, b"GIF89a" + b"\0" * 50):
        with pytest.raises(BrandInvalid, match="no readable picture"):
            read_mark(data, "a.png")
    with pytest.raises(BrandInvalid, match="bytes"):
        read_mark(b"\0" * (MAX_BYTES + 1), "a.png")
    side = int(MAX_PIXELS**0.5) + 1
    with pytest.raises(BrandInvalid, match="pixels|no readable"):
        read_mark(_png(np.zeros((side, side), np.uint8)), "a.png")
    with pytest.raises(BrandInvalid, match="nothing visible"):
        read_mark(_png(np.full((50, 50, 3), 9, np.uint8)), "a.png")
