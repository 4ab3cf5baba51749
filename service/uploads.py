"""Get pictures out of a request.

One from the multipart field `file` (also `image`, `image[]`) or a raw body; several and a mask for an edit.
Bodies are capped while they arrive and stay in memory: nothing that is uploaded touches the disk.
"""

from collections.abc import Collection

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import BadRequest

MULTIPART_SLACK = 64 * 1024  # boundaries, part headers and small text fields around the largest allowed file
BODIES_AT_ONCE = 8  # largest bodies that may be in memory together: 256 MiB with the default limit
_FIELDS = ("file", "image", "image[]")
_MAX_TEXT_BYTES = 256 * 1024  # of one text field: the longest prompt in UTF-8, and a boundary around it
_EDIT_FILES = 17  # OpenAI's 16 pictures, and a mask

_BINARY = {"type": "string", "format": "binary"}
PICTURE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "required": ["file"], "properties": {"file": _BINARY}}
            },
            "image/*": {"schema": _BINARY},
        },
    }
}
"""What OpenAPI says of a route that reads its body with `read_picture`."""

EDIT_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image", "prompt"],
                    "properties": {
                        "image": {"type": "array", "items": _BINARY, "maxItems": 16},
                        "mask": _BINARY,
                        "prompt": {"type": "string"},
                        "n": {"type": "integer", "minimum": 1, "maximum": 10},
                        "size": {"type": "string"},
                        "output_format": {"type": "string", "enum": ["png", "jpeg", "webp"]},
                    },
                }
            }
        },
    }
}
"""What OpenAPI says of the route that reads its body with `read_edit`."""


def keep_uploads_in_memory(max_bytes: int) -> None:
    """Make the multipart parser spool to memory only, up to the largest allowed body."""
    MultiPartParser.spool_max_size = max_bytes + MULTIPART_SLACK


class BodyLimit:
    """ASGI middleware: 413 for a body over `max_bytes`, 503 when all bodies together fill `BODIES_AT_ONCE` of them.

    Bodies are held in memory until their request ends, so the second cap bounds what slow uploads can fill.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app, self._max_bytes = app, max_bytes + MULTIPART_SLACK
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the body as it comes in."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        too_large = not declared.isdigit() or int(declared[:20]) > self._max_bytes
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            if too_large:
                raise self._body_too_large()
            message = await receive()
            size = len(message.get("body", b""))
            seen += size
            self._held += size
            if seen > self._max_bytes:
                raise self._body_too_large()
            if self._held > BODIES_AT_ONCE * self._max_bytes:
                raise HTTPException(503, "The service is receiving too much at once; try again in a moment.")
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            self._held -= seen

    def _body_too_large(self) -> HTTPException:
        """Make an HTTPException: FastAPI passes those through its body parsing."""
        limit = max(1, (self._max_bytes - MULTIPART_SLACK) // (1024 * 1024))
        return HTTPException(413, f"The upload is larger than {limit} MiB; send a smaller file.")


async def read_picture(
    request: Request, known: Collection[str] | None = None
) -> tuple[bytes, dict[str, str]]:
    """Return the uploaded file's bytes and the text fields sent with it; `known` names those that may be.

    Raises:
        BadRequest: neither form carries exactly one file, or one carries a field that is not known.

    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "multipart/form-data":
        if kind.startswith("text/") or kind in {"application/json", "application/x-www-form-urlencoded"}:
            raise BadRequest(
                f"Expected a picture, got {kind}: send multipart with a field `file`, "
                "or a raw body with an image/* type.",
                code="unsupported_content_type",
            )
        return await request.body(), {}
    form = await _form(request, max_files=4)
    try:
        files = [v for name, v in form.multi_items() if name in _FIELDS and isinstance(v, UploadFile)]
        if len(files) != 1:
            raise BadRequest(
                f"Expected one file in the field `file`, got {len(files)}.", code="no_file", param="file"
            )
        strange = [name for name in form if known is not None and name not in {*_FIELDS, *known}]
        if known is not None and strange:
            raise BadRequest(
                f"{strange[0][:40]!r} is no field of this request; beside `file` there are {', '.join(known)}.",
                code="unknown_field",
                param=strange[0][:40],
            )
        fields = {name: v for name, v in form.multi_items() if isinstance(v, str)}
        return await files[0].read(), fields
    finally:
        await form.close()


async def read_edit(request: Request) -> tuple[list[bytes], bytes | None, dict[str, str]]:
    """Return pictures (`image`, `image[]`), mask and text fields of a multipart request, in the order sent.

    Raises:
        BadRequest: not multipart, no picture, or more than one mask.

    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise BadRequest(
            f"Expected a form, got {kind or 'no content type'}: send multipart with `image` and `prompt`.",
            code="unsupported_content_type",
        )
    form = await _form(request, max_files=_EDIT_FILES)
    try:
        sent = [(name, value) for name, value in form.multi_items() if isinstance(value, UploadFile)]
        files = [await value.read() for name, value in sent if name in _FIELDS]
        masks = [await value.read() for name, value in sent if name == "mask"]
        if not files or len(masks) > 1 or len(files) + len(masks) < len(sent):
            names = ", ".join(sorted({name[:40] for name, _ in sent})) or "none"
            raise BadRequest(
                f"Expected pictures in `image` or `image[]` and at most one `mask`, got files in: {names}.",
                code="no_file",
                param="image",
            )
        fields = {name: v for name, v in form.multi_items() if isinstance(v, str)}
        return files, masks[0] if masks else None, fields
    finally:
        await form.close()


async def _form(request: Request, max_files: int) -> FormData:
    try:
        return await request.form(max_files=max_files, max_fields=32, max_part_size=_MAX_TEXT_BYTES)
    except (HTTPException, ValueError) as error:  # ValueError: a charset that Python does not know
        if isinstance(error, HTTPException) and error.status_code != 400:
            raise
        raise BadRequest(
            "The multipart body cannot be read; send each file as a part of its own.", code="bad_multipart"
        ) from error
