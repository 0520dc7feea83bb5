"""ASGI's types, and the paths of probes."""

from collections.abc import Awaitable, Callable
from typing import Any

# dictionaries of mixed values; Litestar's own types for them differ from uvicorn's
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Message, Receive, Send], Awaitable[None]]

DISCONNECT: Message = {"type": "http.disconnect"}
PROBES = ("/health", "/metrics")
"""Paths of orchestrators and scrapers: not logged, counted, traced or waited for."""


def is_probe(path: str) -> bool:
    return any(path == probe or path.startswith(f"{probe}/") for probe in PROBES)
