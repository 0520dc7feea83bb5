"""Origins of web pages that may use the server.

A browser asks for permission to read an answer only after the request was executed, so pages of other sites are refused
before. A page cannot change `Origin` and `Sec-Fetch-Site`; other clients send neither.
"""

from litestar.config.cors import CORSConfig

from app.errors import MAX_QUOTED_CHARS, OriginNotAllowed, shortened
from app.settings import Settings

SAFE_METHODS = frozenset(["GET", "HEAD", "OPTIONS"])
OUR_HEADERS = [
    "Accept-Ranges",
    "Content-Range",
    "ETag",
    "Retry-After",
    "Server-Timing",
    "X-Audio-Seconds",
    "X-Chorus-Engine",
    "X-Chorus-Check",
    "X-Chorus-Precision",
    "X-Chorus-Instance",
    "X-Chorus-Provenance",
    "X-Chorus-Warnings",
    "X-Request-Id",
    "X-Seed",
]
"""Response headers that a page may read beside CORS's own."""


def cors_config(settings: Settings) -> CORSConfig | None:
    """None if no page of another site may read an answer. Cookies are never allowed."""
    if not settings.cors_origins.values:
        return None
    return CORSConfig(allow_origins=list(settings.cors_origins.values), expose_headers=OUR_HEADERS)


def origin_allowed(origin: str | None, host: str | None, settings: Settings, *, fetch_site: str | None = None) -> bool:
    """True if the sender of these headers may speak, clone, save, delete, or open a WebSocket.

    Allowed are clients other than browsers, the server's own page, and CHORUS_CORS_ORIGINS. The own page is known by
    `Sec-Fetch-Site` (sent to https and to this machine), else by `Host`; behind a proxy that replaces `Host`, `Origin`
    must be listed.
    """
    if settings.cors_origins.is_any or (origin is not None and origin in settings.cors_origins):
        return True
    if fetch_site is not None:
        return fetch_site in ("same-origin", "none")
    return origin is None or (bool(host) and origin.partition("://")[2].lower() == host.lower())


def check_origin(
    method: str, origin: str | None, host: str | None, settings: Settings, *, fetch_site: str | None, makes_audio: bool
) -> None:
    """Raise OriginNotAllowed for a request that a page of another site may not make.

    GET, HEAD and OPTIONS pass, because CORS keeps their answer from that page. A GET that makes the engine work is
    refused on `Sec-Fetch-Site`, because an `<audio>` element sends it without CORS.
    """
    if method in SAFE_METHODS and not (makes_audio and fetch_site == "cross-site"):
        return
    if not origin_allowed(origin, host, settings, fetch_site=fetch_site):
        raise origin_refused(origin)


def origin_refused(origin: str | None) -> OriginNotAllowed:
    asks = shortened(origin, MAX_QUOTED_CHARS) if origin else "other sites"
    return OriginNotAllowed(f"pages of {asks} may not use this server; CHORUS_CORS_ORIGINS lists those that may")
