"""Who may call: API keys, checked before anything of a request but its head is read; and from which web pages."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

from litestar.config.cors import CORSConfig
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from app.errors import Unauthorized
from app.settings import ApiKeys, Origins

Connection = ASGIConnection[Any, Any, Any, Any]  # Any: Litestar's types of handler, user, auth and state

OPEN_PATHS = ("/health", "/metrics", "/docs")
"""Without a key: what probes and scrapers ask for, and the description of the API."""
SCHEME = "Bearer "
RECEIPTS = (
    "X-Request-Id",
    "X-Chorus-Engine",
    "X-Chorus-Instance",
    "X-Chorus-Warnings",
    "X-Audio-Seconds",
    "X-Seed",
    "Server-Timing",
    "Retry-After",
)
"""Headers that a page may read. (Browsers hide all but a few from pages of other origins.)"""


def is_open(path: str) -> bool:
    return any(path == open_path or path.startswith(f"{open_path}/") for open_path in OPEN_PATHS)


def key_guard(keys: ApiKeys) -> Callable[[Connection, BaseRouteHandler], None]:
    """A guard that lets in who sends one of `keys`, as bearer token or as `xi-api-key` or `x-api-key`.

    What is compared are hashes, in constant time and with every key, so that an answer's time tells nothing of them.
    """
    digests = [_digest(key.encode()) for key in keys.values]

    def check_key(connection: Connection, _: BaseRouteHandler) -> None:
        if is_open(connection.scope["path"]):
            return
        sent = [_digest(key) for key in _sent_keys(connection)]
        if not sum(hmac.compare_digest(key, digest) for key in sent for digest in digests):
            raise Unauthorized(
                "a valid API key is needed: send it as `Authorization: Bearer <key>` or `xi-api-key: <key>`"
            )

    return check_key


def cross_origin(origins: Origins) -> CORSConfig | None:
    """Lets browsers hand our answers, and our receipts with them, to pages of `origins`. None where there are none.

    A browser asks first without a key (the preflight), so Litestar answers that before any guard. No credentials: a
    key is sent in a header that the page must know, never by the browser of its own accord.
    """
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins.values), allow_methods=["GET", "POST", "DELETE"], expose_headers=list(RECEIPTS)
    )


def _sent_keys(connection: Connection) -> list[bytes]:
    """Of all three headers: clients that are given a key of one kind may send a placeholder as the other."""
    headers = connection.headers
    sent = [headers.get("xi-api-key", ""), headers.get("x-api-key", "")]
    authorization = headers.get("authorization", "")
    if authorization[: len(SCHEME)].lower() == SCHEME.lower():
        sent.append(authorization[len(SCHEME) :].strip())
    return [key.encode() for key in sent]


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
