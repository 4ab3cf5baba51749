"""Nothing that an upload names is fetched, whichever route it takes."""

import base64
import io
from collections.abc import Iterator

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from service.app import create_app
from service.generators.builtin import draw
from service.runtime import build_runtime
from service.settings import Settings
from tests.unit.listener import Listener
from watermark.picture import encode_picture


@pytest.fixture
def listener() -> Iterator[Listener]:
    listening = Listener()
    yield listening
    listening.close()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("data"), prompt_classifiers=("ngram",), image_classifiers=()
    )
    with TestClient(create_app(build_runtime(settings))) as client:
        yield client


def hostile(url: str, format_: str) -> bytes:
    """A picture whose XMP says that its manifest, its original and its thumbnail are at `url`."""
    xmp = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
      xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="{url}"
      xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"
      dcterms:provenance="{url}" xmpMM:OriginalDocumentID="{url}"/></rdf:RDF></x:xmpmeta>"""
    return encode_picture(draw("sea", 0, 192, 192), format_, xmp=xmp.encode())


@pytest.mark.parametrize("format_", ["jpeg", "png", "webp", "tiff", "avif", "gif"])
def test_a_hostile_upload_causes_no_request(client: TestClient, listener: Listener, format_: str) -> None:
    data = hostile(listener.url, format_)
    file = {"file": (f"a.{format_}", data, f"image/{format_}")}
    verified = client.post("/v1/verify", files=file)
    assert verified.status_code == 200
    assert any("not fetched" in finding["text"] for finding in verified.json()["findings"])
    assert client.post("/v1/content_provenance_checks", files=file).status_code == 200
    marked = client.post("/v1/mark", files=file)
    assert marked.status_code == 200
    again = client.post("/v1/verify", files={"file": ("b", marked.content, marked.headers["content-type"])})
    assert again.json()["signals"]["c2pa"]["status"] == "valid"
    edited = client.post("/v1/images/edits", data={"prompt": "a red forest"}, files={"image": file["file"]})
    assert edited.status_code == 200
    made = base64.b64decode(edited.json()["data"][0]["b64_json"])
    assert Image.open(io.BytesIO(made)).size == (192, 192)
    assert listener.count == 0
    assert listener.counts(), "the listener itself must be able to count"


def test_a_url_in_a_form_is_not_fetched_either(client: TestClient, listener: Listener) -> None:
    plain = io.BytesIO()
    Image.fromarray(np.zeros((192, 192, 3), np.uint8)).save(plain, "PNG")
    for field in ("image", "image_url", "mask"):
        form = {"prompt": "sea", field: listener.url}
        client.post("/v1/images/edits", data=form, files={"image": ("a.png", plain.getvalue(), "image/png")})
    assert listener.count == 0
    assert listener.counts()
