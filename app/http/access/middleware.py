"""Checks of name, origin, key and limits before the body of a request is read."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from app.errors import InvalidSetting, Unauthorized
from app.http.access.callers import ANYBODY, Caller, Callers
from app.http.access.hosts import HostRule
from app.http.access.limits import Usage
from app.http.access.origins import check_origin
from app.http.asgi import PROBES, is_probe
from app.http.middleware.client_timeout import BEFORE_LAST_PIECE
from app.observability.request_context import request_context
from app.settings import Settings

OPEN_PATHS = (*PROBES, "/docs", "/redoc", "/openapi.json", "/page")
"""Served without a key. `/` is compared separately: as a prefix it would open `//speakers`, routed as `/speakers`."""
SCHEME = "Bearer "


class Access:
    """Callers and their requests under way, on the event loop. Raises InvalidSetting for limits without keys. `clock`
    is monotonic, in seconds.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._usage: dict[str, Usage] = {}
        self.callers = Callers(settings, clock)
        self.hosts = HostRule(settings, needs_key=self.callers.needs_key)
        if not self.callers.needs_key:
            for field in ("max_concurrent_per_key", "requests_per_minute"):
                if getattr(settings, field):
                    name = f"CHORUS_{field.upper()}"
                    raise InvalidSetting(
                        f"{name} limits each key, and there are none: set CHORUS_API_KEYS or CHORUS_API_KEYS_FILE too",
                        param=name,
                    )

    def identify(self, keys: Iterable[str]) -> Caller:
        """The caller with one of `keys`, or ANYBODY if no keys are set. Raises Unauthorized."""
        if not self.callers.needs_key:
            return ANYBODY
        if self.callers.refresh():
            # The file no longer names these callers, and nothing of theirs is under way.
            names = {caller.name for caller in self.callers}
            self._usage = {name: usage for name, usage in self._usage.items() if name in names or usage.num_concurrent}
        caller = self.callers.find(keys)
        if caller is None:
            raise Unauthorized(
                "a valid API key is needed: send it as `Authorization: Bearer <key>` or `xi-api-key: <key>`"
            )
        return caller

    def lacks_key(self, headers: Mapping[str, str]) -> bool:
        """True if a key is needed and none is in `headers`."""
        return self.callers.needs_key and not sent_keys(headers)

    def enter(self, caller: Caller) -> Callable[[], None]:
        """Count a request for speech in; the returned function counts it out, once.

        Raises RateLimitExceeded or TooManyConcurrentRequests.
        """
        return self._usage.setdefault(caller.name, Usage()).enter(caller, self._clock())


def sent_keys(headers: Mapping[str, str]) -> list[str]:
    """From all four headers, because clients send placeholders in some."""
    keys = [headers.get(name, "") for name in ("xi-api-key", "x-api-key", "api-key")]
    authorization = headers.get("authorization", "")
    if authorization[: len(SCHEME)].lower() == SCHEME.lower():
        keys.append(authorization[len(SCHEME) :].strip())
    return [key for key in keys if key]


class SiteGuard(ASGIMiddleware):
    """Refuses foreign host names and requests that a page of another site may not make.

    HTTP only: the route of a WebSocket checks itself, to tell the browser the reason.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self, access: Access, settings: Settings) -> None:
        self._hosts = access.hosts
        self._settings = settings

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        headers = Headers.from_scope(scope)
        # Probes and scrapers use whatever name they find.
        if not is_probe(scope["path"]):
            self._hosts.check(headers.getall("host", []))
        origin, fetch_site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is not None or fetch_site is not None:  # a browser's
            check_origin(
                cast("HTTPScope", scope)["method"],
                origin,
                headers.get("host"),
                self._settings,
                fetch_site=fetch_site,
                makes_audio=_makes_audio(scope),
            )
        await next_app(scope, receive, send)


class KeyGuard(ASGIMiddleware):
    """Identifies the caller of each route that is not open, and counts requests for speech.

    HTTP only: a WebSocket may send its key in the first message.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self, access: Access) -> None:
        self._access = access

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        if cast("HTTPScope", scope)["method"] == "OPTIONS" or is_open(scope["path"]):
            await next_app(scope, receive, send)
            return
        caller = self._access.identify(sent_keys(Headers.from_scope(scope)))
        request_context.get().caller, request_context.get().owner = caller.name, caller.owner
        if not _makes_audio(scope):
            await next_app(scope, receive, send)
            return
        leave = self._access.enter(caller)
        # A caller may send the next request as soon as it has the last bytes.
        cast("dict[str, Any]", scope).get(BEFORE_LAST_PIECE, []).append(leave)
        try:
            await next_app(scope, receive, send)
        finally:
            leave()


def _makes_audio(scope: Scope) -> bool:
    """True for POST, unless the route's `opt` says otherwise."""
    is_post = cast("HTTPScope", scope)["method"] == "POST"
    return bool(scope["route_handler"].opt.get("makes_audio", is_post))


def is_open(path: str) -> bool:
    return path == "/" or any(path == root or path.startswith(f"{root}/") for root in OPEN_PATHS)
