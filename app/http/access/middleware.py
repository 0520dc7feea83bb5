"""Who may call, and how much: checked before anything of a request but its head is read."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from app.errors import InvalidSetting, Unauthorized
from app.http.access.callers import ANYBODY, RELOAD_INTERVAL_S, Caller, Callers
from app.http.access.hosts import HostRule
from app.http.access.limits import Usage
from app.http.access.origins import check_origin
from app.http.middleware.client_timeout import BEFORE_LAST_PIECE
from app.observability.request_context import request_context
from app.settings import Settings

PROBE_PATHS = ("/health", "/metrics")
"""Served under every name: probes and scrapers use whatever name they find, and nothing there is secret."""
OPEN_PATHS = (*PROBE_PATHS, "/docs", "/page")
"""Without a key: what probes and scrapers ask for, the description of the API, and the page, which asks for a key.

`/` itself is compared apart: as a prefix it would open `//speakers`, which is routed as `/speakers`."""
SCHEME = "Bearer "


class Access:
    """The callers, and what each has under way. Raises InvalidSetting for settings that cannot hold.

    Lives on the event loop. `clock` gives seconds that never go back.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._usage: dict[str, Usage] = {}
        self.callers = Callers(settings)
        self.hosts = HostRule(settings, needs_key=self.callers.needs_key)
        self._looked_at_s = clock()
        if not self.callers.needs_key:
            for field in ("max_concurrent_per_key", "requests_per_minute"):
                if getattr(settings, field):
                    name = f"CHORUS_{field.upper()}"
                    raise InvalidSetting(
                        f"{name} limits each key, and there are none: set CHORUS_API_KEYS or CHORUS_API_KEYS_FILE too",
                        param=name,
                    )

    def identify(self, keys: Iterable[str]) -> Caller:
        """The caller who sent `keys`; without any keys set, everybody is ANYBODY. Raises Unauthorized."""
        if not self.callers.needs_key:
            return ANYBODY
        if self._clock() - self._looked_at_s >= RELOAD_INTERVAL_S:
            self._looked_at_s = self._clock()
            if self.callers.reload_if_changed():
                # Those who have left and have nothing under way need not be remembered.
                names = {caller.name for caller in self.callers}
                self._usage = {
                    name: usage for name, usage in self._usage.items() if name in names or usage.num_concurrent
                }
        caller = self.callers.find(keys)
        if caller is None:
            raise Unauthorized(
                "a valid API key is needed: send it as `Authorization: Bearer <key>` or `xi-api-key: <key>`"
            )
        return caller

    def enter(self, caller: Caller) -> Callable[[], None]:
        """Count a request for speech in; what comes back gives its place back, once however often it is called.

        Raises RateLimitExceeded or TooManyConcurrentRequests.
        """
        return self._usage.setdefault(caller.name, Usage()).enter(caller, self._clock())


def sent_keys(headers: Mapping[str, str]) -> list[str]:
    """Of all three headers: clients that are given a key of one kind may send a placeholder as the other."""
    keys = [headers.get("xi-api-key", ""), headers.get("x-api-key", "")]
    authorization = headers.get("authorization", "")
    if authorization[: len(SCHEME)].lower() == SCHEME.lower():
        keys.append(authorization[len(SCHEME) :].strip())
    return [key for key in keys if key]


class AccessMiddleware(ASGIMiddleware):
    """Around each route: under which name it is asked, whose page asks, who calls, and their place.

    The place is given back however the answer ends.

    HTTP only: a WebSocket names itself in a header or in its first message, which its route reads.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self, access: Access, settings: Settings) -> None:
        self._access = access
        self._settings = settings

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        headers, method = Headers.from_scope(scope), cast("HTTPScope", scope)["method"]
        if not _is_below(scope["path"], PROBE_PATHS):
            self._access.hosts.check(headers.getall("host", []))
        # What makes the engine work: every POST, unless a route's `opt` says otherwise.
        makes_audio = bool(scope["route_handler"].opt.get("makes_audio", method == "POST"))
        check_origin(
            method,
            headers.get("origin"),
            headers.get("host"),
            self._settings,
            fetch_site=headers.get("sec-fetch-site"),
            makes_audio=makes_audio,
        )
        if method == "OPTIONS" or is_open(scope["path"]):  # a browser asks OPTIONS without the page's key
            await next_app(scope, receive, send)
            return
        caller = self._access.identify(sent_keys(headers))
        request_context.get().caller = caller.name
        if not makes_audio:
            await next_app(scope, receive, send)
            return
        leave = self._access.enter(caller)
        # A caller with one place may send its next request as soon as it has the last bytes.
        cast("dict[str, Any]", scope).get(BEFORE_LAST_PIECE, []).append(leave)
        try:
            await next_app(scope, receive, send)
        finally:
            leave()


def is_open(path: str) -> bool:
    return path == "/" or _is_below(path, OPEN_PATHS)


def _is_below(path: str, roots: Iterable[str]) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in roots)
