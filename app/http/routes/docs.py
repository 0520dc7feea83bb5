"""`GET /docs`: the reference, without the internet; `GET /docs/openapi.json`: its document.

`/redoc` and `/openapi.json` are where clients of FastAPI servers look for them.
"""

from pathlib import Path

from litestar import MediaType, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException

from app.http.wire.schemas import IdInPath

ASSETS = Path(__file__).parents[1] / "openapi" / "viewer"
MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
HEADERS = {
    # An empty `data:` address, because browsers would ask for /favicon.ico.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # After an update no old script may meet a new document.
    "Cache-Control": "no-store",
}

_FILES = {path.name: (path.read_bytes(), MEDIA_TYPES[path.suffix]) for path in sorted(ASSETS.iterdir())}


@get(["/docs", "/redoc"], include_in_schema=False)
async def reference() -> Response[bytes]:
    return _answer("reference.html")


@get("/docs/{name:str}", include_in_schema=False)
async def reference_file(name: IdInPath) -> Response[bytes]:
    """A name is looked up, never opened: it cannot lead out of the folder."""
    if name not in _FILES:
        raise NotFoundException
    return _answer(name)


@get(["/docs/openapi.json", "/openapi.json"], include_in_schema=False)
async def openapi_document(document: NamedDependency[bytes]) -> Response[bytes]:
    return Response(document, media_type=MediaType.JSON)


def _answer(name: str) -> Response[bytes]:
    content, media_type = _FILES[name]
    return Response(content, media_type=f"{media_type}; charset=utf-8", headers=HEADERS)
