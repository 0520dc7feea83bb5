"""ASGI's types, and what every middleware around the app must know of a scope."""

from collections.abc import Awaitable, Callable
from typing import Any

# ASGI's messages are dictionaries of mixed values; Litestar's own types for them differ from uvicorn's.
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Message, Receive, Send], Awaitable[None]]

DISCONNECT: Message = {"type": "http.disconnect"}
PROBES = ("/health", "/metrics")
"""Paths that orchestrators and scrapers ask for: not logged, counted, traced or waited for."""


def is_probe(path: str) -> bool:
    return any(path == probe or path.startswith(f"{probe}/") for probe in PROBES)
