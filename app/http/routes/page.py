"""`GET /` and the files of its page (app/http/page), `GET /page/{name}`: served from memory, without a key."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.exceptions import NotFoundException

from app.http.wire.schemas import IdInPath

FOLDER = Path(__file__).parents[1] / "page"
INDEX = "index.html"

_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

_HEADERS = {
    # Blobs are recordings and answers that the page plays and saves.
    "Content-Security-Policy": "default-src 'self'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # Asked for again each time: after an update no old script may meet a new page.
    "Cache-Control": "no-cache",
}


class PageFile(msgspec.Struct, frozen=True):
    content: bytes
    media_type: str
    etag: str


def _read(path: Path) -> PageFile:
    content = path.read_bytes()
    return PageFile(content, _MEDIA_TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:16]}"')


_FILES = {path.name: _read(path) for path in sorted(FOLDER.iterdir())}


@get("/", include_in_schema=False)
async def page(request: Request[Any, Any, Any]) -> Response[bytes]:
    return _answer(request, _FILES[INDEX])


@get("/page/{name:str}", include_in_schema=False)
async def page_file(request: Request[Any, Any, Any], name: IdInPath) -> Response[bytes]:
    """A name is looked up, never opened: it cannot lead out of the folder."""
    if name not in _FILES:
        raise NotFoundException
    return _answer(request, _FILES[name])


def _answer(request: Request[Any, Any, Any], file: PageFile) -> Response[bytes]:
    headers = _HEADERS | {"ETag": file.etag}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if file.etag in known:
        return Response(b"", status_code=304, media_type=file.media_type, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)
