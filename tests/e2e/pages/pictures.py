"""Pictures for the browser tests, made here so that no file is needed."""

import base64
import io
import json
import urllib.request

import numpy as np
from PIL import Image


def unmarked_png(seed: int = 1, side: int = 320) -> bytes:
    """A textured picture that carries no mark of any kind."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (side // 16, side // 16, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    grain = rng.normal(0, 6, (side, side, 3))
    out = io.BytesIO()
    Image.fromarray((np.asarray(image) + grain).clip(0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def generated_png(url: str) -> bytes:
    """A picture that the server at `url` made and marked."""
    body = json.dumps(
        {"prompt": "a red barn in a wheat field", "size": "512x512", "output_format": "png"}
    ).encode()
    request = urllib.request.Request(
        url + "/v1/images/generations", body, {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return base64.b64decode(json.load(answer)["data"][0]["b64_json"])


def upload(data: bytes, name: str = "picture.png", mime: str = "image/png") -> dict[str, object]:
    """A file as playwright's set_input_files takes it."""
    return {"name": name, "mimeType": mime, "buffer": data}
