"""The soft binding routes: what they find, what they refuse, who may ask."""

import base64
import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from PIL import Image

import watermark
from service.app import create_app
from service.errors import StartupError
from service.resolution_access import ResolutionAccess
from service.runtime import build_runtime
from service.settings import Settings
from tests.unit.service.likeness_fake import FakeComparison
from watermark.errors import ManifestError
from watermark.fingerprint import fingerprint
from watermark.manifest import SOFT_BINDING_ALG, TrustAnchors, read_manifest
from watermark.manifest_active import active_manifest_alone


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("data"), image_classifiers=(), prompt_classifiers=("ngram",)
    )
    with TestClient(create_app(build_runtime(settings))) as client:
        yield client


@pytest.fixture(scope="module")
def made(client: TestClient) -> dict[str, Any]:
    body = {"prompt": "a lighthouse by the sea", "size": "512x512"}
    row = client.post("/v1/images/generations", json=body).json()["data"][0]
    data = base64.b64decode(row["b64_json"])
    image = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    record = client.app.state.runtime.registry.get(row["countermark_id"])
    return {"id": row["countermark_id"], "data": data, "image": image, "urn": record.manifest_id}


def urns(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    assert all(0 <= match["similarityScore"] <= 100 for match in answer.json()["matches"])
    return [match["manifestId"] for match in answer.json()["matches"]]


def test_the_five_routes_are_described(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {"get", "post"} <= set(paths["/matches/byBinding"])
    for path in ("/matches/byContent", "/manifests/{manifest_id}", "/services/supportedAlgorithms"):
        assert path in paths


def test_a_binding_leads_to_its_manifest(client: TestClient, made: dict[str, Any]) -> None:
    query = {"alg": SOFT_BINDING_ALG, "value": b64(made["id"])}
    assert urns(client.get("/matches/byBinding", params=query)) == [made["urn"]]
    assert urns(client.post("/matches/byBinding", json=query)) == [made["urn"]]
    assert urns(client.get("/matches/byBinding", params=query | {"value": b64("0" * 16)})) == []
    iscc = {"alg": "io.iscc.v0", "value": b64(fingerprint(made["image"]).iscc)}
    assert urns(client.get("/matches/byBinding", params=iscc)) == [made["urn"]]


@pytest.mark.parametrize("alg", [None, SOFT_BINDING_ALG, "countermark.features.1"])
def test_a_copy_without_metadata_leads_to_its_manifest(
    client: TestClient, made: dict[str, Any], alg: str | None
) -> None:
    copy = png(np.ascontiguousarray(made["image"][20:, 30:]))
    params = {"alg": alg} if alg else {}
    answer = client.post(
        "/matches/byContent", params=params, content=copy, headers={"content-type": "image/png"}
    )
    assert urns(answer) == [made["urn"]]


def test_a_copied_mark_does_not_hide_the_own_one(client: TestClient, made: dict[str, Any]) -> None:
    """The first mark's record is another picture; the second is this one's."""
    parts = client.app.state.runtime
    other = client.post("/v1/images/generations", json={"prompt": "a forest", "size": "512x512"}).json()
    copied = bytes.fromhex(other["data"][0]["countermark_id"])
    twice = watermark.embed(made["image"], copied, key=parts.keys.watermark, strength=1.5)
    found = watermark.detect(twice, key=parts.keys.all_watermarks)
    assert (found.payload, [one.payload.hex() for one in found.others]) == (copied, [made["id"]])
    answer = client.post(
        "/matches/byContent",
        params={"alg": SOFT_BINDING_ALG},
        content=png(twice),
        headers={"content-type": "image/png"},
    )
    assert urns(answer) == [made["urn"]]


def test_a_crop_that_fingerprints_do_not_recognise_leads_to_its_manifest(
    client: TestClient, made: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its mark says where in the registered picture it must lie, and there it lies."""
    small = np.asarray(Image.fromarray(made["image"][150:340, 130:350]).resize((440, 380)))
    lookalikes = client.app.state.runtime.lookalikes
    monkeypatch.setattr(lookalikes, "compare", lambda image, record_id: FakeComparison("no_match"))
    answer = client.post(
        "/matches/byContent",
        params={"alg": SOFT_BINDING_ALG},
        content=png(small),
        headers={"content-type": "image/png"},
    )
    assert urns(answer) == [made["urn"]]


def test_another_picture_leads_nowhere_whatever_the_hint_says(
    client: TestClient, made: dict[str, Any]
) -> None:
    other = png(np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8))
    hint = {"hintAlg": SOFT_BINDING_ALG, "hintValue": b64(made["id"])}
    answer = client.post(
        "/matches/byContent", params=hint, content=other, headers={"content-type": "image/png"}
    )
    assert urns(answer) == []


def test_manifests_come_whole_or_alone(client: TestClient, made: dict[str, Any]) -> None:
    whole = client.get(f"/manifests/{made['urn']}")
    assert whole.headers["content-type"] == "application/c2pa"
    alone = client.get(f"/manifests/{made['urn']}", params={"returnActiveManifest": "true"})
    assert alone.status_code == 200
    stored = read_manifest(made["data"], "image/png", trust=TrustAnchors(), stored_manifest=alone.content)
    assert stored.manifest_id == made["urn"]
    assert client.get("/manifests/urn:c2pa:none").status_code == 404


def test_an_active_manifest_alone_is_smaller_than_its_store() -> None:
    def box(kind: bytes, body: bytes) -> bytes:
        return (len(body) + 8).to_bytes(4, "big") + kind + body

    head, old, new = box(b"jumd", b"h"), box(b"jumb", b"old"), box(b"jumb", b"new")
    assert active_manifest_alone(box(b"jumb", head + old + new)) == box(b"jumb", head + new)
    for bad in (b"", b"x", box(b"jumb", head), box(b"free", head + new), box(b"jumb", head + new)[:-1]):
        with pytest.raises(ManifestError):
            active_manifest_alone(bad)


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({}, 400),
        ({"alg": SOFT_BINDING_ALG}, 400),
        ({"alg": "com.example.none", "value": "YQ=="}, 400),
        ({"alg": SOFT_BINDING_ALG, "value": "not base64!"}, 400),
        ({"alg": "io.iscc.v0", "value": "YQ=="}, 400),
        ({"alg": SOFT_BINDING_ALG, "value": "YQ==", "maxResults": 0}, 400),
        ({"alg": SOFT_BINDING_ALG, "value": "A" * 5000}, 414),
    ],
)
def test_bad_questions(client: TestClient, params: dict[str, Any], status: int) -> None:
    assert client.get("/matches/byBinding", params=params).status_code == status


@pytest.mark.parametrize(("kind", "status"), [("text/html", 415), ("audio/wav", 415), ("image/png", 415)])
def test_what_is_no_picture_is_refused(client: TestClient, kind: str, status: int) -> None:
    answer = client.post("/matches/byContent", content=b"no picture", headers={"content-type": kind})
    assert answer.status_code == status


def test_algorithms(client: TestClient) -> None:
    assert client.get("/services/supportedAlgorithms").json() == {
        "watermarks": [{"alg": SOFT_BINDING_ALG}],
        "fingerprints": [{"alg": "io.iscc.v0"}, {"alg": "countermark.features.1"}],
    }


SIGNER = ECKey.generate_key("P-256", parameters={"kid": "1"})


@pytest.fixture
def access(tmp_path: Path) -> ResolutionAccess:
    (tmp_path / "keys").write_text("first-key-of-a-caller\nsecond-key-of-a-caller\n")
    (tmp_path / "jwks").write_text(json.dumps({"keys": [SIGNER.as_dict(private=False)]}))
    return ResolutionAccess(
        Settings(
            resolution_access="protected",
            resolution_key_file=tmp_path / "keys",
            resolution_jwks_file=tmp_path / "jwks",
            resolution_audience="us",
        )
    )


def token(key: Any = SIGNER, alg: str = "ES256", **changes: Any) -> str:
    claims = {"exp": int(time.time()) + 60, "aud": "us", "scope": "openid fetch:manifests"} | changes
    return jwt.encode({"alg": alg, "kid": "1"}, claims, key)


def test_keys_and_tokens_open(access: ResolutionAccess) -> None:
    assert access.allows("second-key-of-a-caller", None)
    assert access.allows(None, f"Bearer {token()}")


STRANGER = ECKey.generate_key("P-256", parameters={"kid": "1"})
BAD_TOKENS: dict[str, Callable[[], str]] = {
    "expired": lambda: token(exp=1),
    "no expiry": lambda: token(exp=None),
    "not yet": lambda: token(nbf=int(time.time()) + 60),
    "another audience": lambda: token(aud="them"),
    "another scope": lambda: token(scope="fetch:manifestsx"),
    "a stranger's": lambda: token(STRANGER),
    "a shared secret": lambda: token(OctKey.generate_key(256, {"kid": "1"}), "HS256"),
    "unsigned": lambda: (
        "eyJhbGciOiJub25lIn0." + base64.urlsafe_b64encode(b'{"scope":"fetch:manifests"}').decode() + "."
    ),
    "cut": lambda: token()[:-3],
    "empty": lambda: "",
}


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_other_tokens_do_not(name: str, access: ResolutionAccess) -> None:
    assert not access.allows(None, f"Bearer {BAD_TOKENS[name]()}")


@pytest.mark.parametrize(
    "headers", [(None, None), ("", ""), ("first-key", None), (None, "Basic YTpi"), ("é", "é")]
)
def test_other_headers_do_not(headers: tuple[str | None, str | None], access: ResolutionAccess) -> None:
    assert not access.allows(*headers)


def test_protection_without_keys_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="resolution_key_file or resolution_jwks_file"):
        ResolutionAccess(Settings(resolution_access="protected"))
    (tmp_path / "keys").write_text("short")
    with pytest.raises(StartupError, match="longer"):
        ResolutionAccess(Settings(resolution_key_file=tmp_path / "keys"))
    with pytest.raises(StartupError, match="JWKS"):
        ResolutionAccess(Settings(resolution_jwks_file=tmp_path / "keys"))


def test_protected_routes_answer_401(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("first-key-of-a-caller")
    settings = Settings(
        data_dir=tmp_path / "data",
        image_classifiers=(),
        prompt_classifiers=("ngram",),
        resolution_access="protected",
        resolution_key_file=tmp_path / "keys",
    )
    with TestClient(create_app(build_runtime(settings))) as client:
        query = {"alg": SOFT_BINDING_ALG, "value": b64("0" * 16)}
        for call in (
            lambda **k: client.get("/matches/byBinding", params=query, **k),
            lambda **k: client.post("/matches/byBinding", json=query, **k),
            lambda **k: client.post("/matches/byContent", content=b"x", **k),
            lambda **k: client.get("/manifests/urn:c2pa:1", **k),
        ):
            closed = call()
            assert closed.status_code == 401
            assert "fetch:manifests" in closed.headers["WWW-Authenticate"]
            assert call(headers={"X-API-Key": "first-key-of-a-caller"}).status_code != 401
        assert client.get("/services/supportedAlgorithms").status_code == 200
