"""`GET /docs`: the reference, a page without anything from elsewhere; `GET /docs/openapi.json`: what it shows."""

from functools import cache
from pathlib import Path

from litestar import MediaType, Response, get
from litestar.di import NamedDependency

ASSETS = Path(__file__).parents[1] / "reference"
CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@cache
def _asset(name: str) -> bytes:
    return (ASSETS / name).read_bytes()


@get("/docs", include_in_schema=False)
async def reference() -> Response[bytes]:
    headers = {"Content-Security-Policy": CONTENT_SECURITY, "X-Content-Type-Options": "nosniff"}
    return Response(_asset("reference.html"), media_type=MediaType.HTML, headers=headers)


@get("/docs/reference.css", include_in_schema=False)
async def reference_style() -> Response[bytes]:
    return Response(_asset("reference.css"), media_type=MediaType.CSS)


@get("/docs/reference.js", include_in_schema=False)
async def reference_script() -> Response[bytes]:
    return Response(_asset("reference.js"), media_type="text/javascript")


@get("/docs/openapi.json", include_in_schema=False)
async def openapi_document(document: NamedDependency[bytes]) -> Response[bytes]:
    return Response(document, media_type=MediaType.JSON)
