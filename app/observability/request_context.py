"""The context of one HTTP exchange or WebSocket: request id, caller, and figures for its line in the log."""

import re
import secrets
from contextvars import ContextVar
from typing import Any

import msgspec

_USABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestContext(msgspec.Struct, kw_only=True):
    """A new one for each exchange (app/http/middleware/request_id.py), shared by its tasks and threads."""

    request_id: str = "-"
    instance: str = ""
    """the server process, as in X-Chorus-Instance"""
    caller: str = ""
    """Name of the key that was sent; empty where no key is needed."""
    owner: str = ""
    """Stands for the caller in what is kept for it (app/http/access/callers.py)."""
    facts: dict[str, Any] = {}  # Any: values for JSON
    """Added to the line in the log: the server's own numbers and names, no text, key or recording."""


_OUTSIDE = RequestContext()
request_context: ContextVar[RequestContext] = ContextVar("request_context", default=_OUTSIDE)


def new_request_id(sent_by_client: str | None) -> str:
    """The client's own id where it is short and plain, so that logs on both sides agree; else a new one."""
    if sent_by_client and _USABLE.fullmatch(sent_by_client):
        return sent_by_client
    return secrets.token_hex(8)
