"""What belongs to one exchange: its request id, in each log line, answer and error; who asks; and what its last line
tells.
"""

import re
import secrets
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any

request_id: ContextVar[str] = ContextVar("request_id", default="-")
caller_name: ContextVar[str] = ContextVar("caller_name", default="")
"""Of the key that was sent; empty where none is needed. For the log only."""

_USABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")


def new_request_id(sent_by_client: str | None) -> str:
    """The client's own id where it is short and plain, so that logs on both sides agree; else a new one."""
    if sent_by_client and _USABLE.fullmatch(sent_by_client):
        return sent_by_client
    return secrets.token_hex(8)


_FACTS = "chorus.facts"


def facts_of(scope: Mapping[str, Any]) -> dict[str, Any]:  # Any: ASGI's scope, and values for JSON
    """What the log's line about an exchange tells beyond its status: whoever learns something of use adds it there.

    Figures and names of ours only. A caller's text, key or recording has no place in a log.
    """
    return scope.get(_FACTS, {})


def open_facts(scope: MutableMapping[str, Any]) -> None:
    scope[_FACTS] = {}
