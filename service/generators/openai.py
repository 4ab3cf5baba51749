"""Any server that speaks OpenAI's Images API: OpenAI itself, Azure, LiteLLM, LocalAI, vLLM ...

What comes back as `b64_json` is decoded with the same caps as an upload. A picture given as a URL is
refused rather than fetched (a URL inside an answer is not ours to follow). A refusal by the upstream is
passed on as a refusal with the upstream's words.
"""

import base64
import binascii
import json
from typing import Any

import httpx2
import numpy as np

from service.errors import StageFailed, UpstreamRefused
from service.generators import EditRequest, GeneratedImage, GenerationRequest
from watermark.errors import PictureError
from watermark.picture import decode_picture, encode_picture

MAX_ANSWER_BYTES = 256 * 1024 * 1024  # ten 3840x2160 PNGs in base64 stay below this


class OpenAIGenerator:
    """One upstream; the connection pool is shared by all threads."""

    def __init__(
        self,
        base_url: str,
        model: str,
        version: str,
        api_key: str,
        timeout_s: float,
        extra_body: dict[str, Any],
    ) -> None:
        self.name, self.version = model, version
        self._model, self._extra = model, extra_body
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx2.Client(
            base_url=base_url, headers=headers, timeout=timeout_s, follow_redirects=False
        )

    def generate(self, request: GenerationRequest) -> list[GeneratedImage]:
        """Ask the upstream for `request.n` pictures; see the module for what is refused."""
        return _pictures(self._post("images/generations", json=self._fields(request)), request.n)

    def edit(self, request: EditRequest) -> list[GeneratedImage]:
        """Send pictures and mask along, as PNG without metadata; otherwise as `generate`."""
        names = ("image[]",) * len(request.images) if len(request.images) > 1 else ("image",)
        files = [
            (name, (f"{number}.png", encode_picture(image, "png"), "image/png"))
            for number, (name, image) in enumerate(zip(names, request.images, strict=True))
        ]
        if request.mask is not None:  # the API's masks are transparent where the picture may change
            kept = np.where(request.mask, 0, 255).astype(np.uint8)
            mask = np.dstack([np.zeros((*kept.shape, 3), np.uint8), kept])
            files.append(("mask", ("mask.png", encode_picture(mask, "png"), "image/png")))
        fields = {name: _form_text(value) for name, value in self._fields(request).items()}
        return _pictures(self._post("images/edits", data=fields, files=files), request.n)

    def _fields(self, request: GenerationRequest) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self._model, "prompt": request.prompt, "n": request.n} | self._extra
        if request.width and request.height:
            body["size"] = f"{request.width}x{request.height}"
        if request.quality:
            body["quality"] = request.quality
        if request.background:
            body["background"] = request.background
        return body

    def close(self) -> None:
        """Close the connection pool."""
        self._client.close()

    def _post(self, path: str, **content: Any) -> dict[str, Any]:
        try:
            with self._client.stream("POST", path, **content) as response:
                parts, size = [], 0
                for part in response.iter_bytes():
                    size += len(part)
                    if size > MAX_ANSWER_BYTES:
                        raise StageFailed("upstream generator: the answer is too large.")
                    parts.append(part)
                status = response.status_code
            answer = httpx2.Response(status, content=b"".join(parts)).json()
        except httpx2.HTTPError as error:
            raise StageFailed(
                f"upstream generator: {type(error).__name__}; check that it runs and answers."
            ) from error
        except ValueError as error:
            raise StageFailed("upstream generator: the answer is not JSON.") from error
        if not isinstance(answer, dict):
            raise StageFailed("upstream generator: the answer is not a JSON object.")
        if status in {400, 422}:
            detail = answer.get("error")
            detail = detail if isinstance(detail, dict) else {}
            words, code = str(detail.get("message", ""))[:300], str(detail.get("code") or "")[:64]
            raise UpstreamRefused(f"The image generator refused the request: {words}", code=code or None)
        if status != 200:  # its words may repeat the prompt and this message is logged: the number is enough
            raise StageFailed(f"upstream generator: HTTP {status}; see its own log.")
        return answer


def _form_text(value: object) -> str:
    """Write a field as multipart forms carry it."""
    return value if isinstance(value, str) else json.dumps(value)


def _pictures(answer: dict[str, Any], n: int) -> list[GeneratedImage]:
    rows = answer.get("data")
    if not isinstance(rows, list) or len(rows) != n:
        count = len(rows) if isinstance(rows, list) else "no"
        raise StageFailed(f"upstream generator: got {count} pictures, expected {n}.")
    return [_picture(row) for row in rows]


def _picture(row: object) -> GeneratedImage:
    encoded = row.get("b64_json") if isinstance(row, dict) else None
    if not isinstance(encoded, str):
        raise StageFailed(
            "upstream generator: expected b64_json, got none; set extra_body.response_format or choose another model."
        )
    try:
        data = base64.b64decode(encoded, validate=True)
        picture = decode_picture(data)
    except (binascii.Error, PictureError) as error:
        raise StageFailed(f"upstream generator: a picture cannot be read ({error}).") from error
    return GeneratedImage(picture.image, source=data, source_mime=picture.mime)


def create(
    base_url: str = "https://api.openai.com/v1/",
    model: str = "gpt-image-2.5-flare",
    version: str = "not stated",
    api_key: str = "",
    timeout_s: float = 300.0,
    extra_body: dict[str, Any] | None = None,
) -> OpenAIGenerator:
    """Build the plug-in.

    `base_url` ends with the API's version part (".../v1"). `model` is what is asked for and written into the marks,
    whatever model the client names: which generator runs is the operator's choice. `version` is the model's.
    `extra_body` is sent along with each request: `{"response_format": "b64_json"}` for servers that answer with URLs
    unless told otherwise (LocalAI, older models); OpenAI's present models refuse that field.
    """
    return OpenAIGenerator(base_url.rstrip("/") + "/", model, version, api_key, timeout_s, extra_body or {})
