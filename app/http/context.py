"""What is known of the exchange under way: its request id, in each log line, answer and error; and who asks."""

import re
import secrets
from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="-")
caller_name: ContextVar[str] = ContextVar("caller_name", default="")
"""Of the key that was sent; empty where none is needed. For the log only."""

_USABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")


def new_request_id(sent_by_client: str | None) -> str:
    """The client's own id where it is short and plain, so that logs on both sides agree; else a new one."""
    if sent_by_client and _USABLE.fullmatch(sent_by_client):
        return sent_by_client
    return secrets.token_hex(8)
