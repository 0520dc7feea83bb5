"""Options of uvicorn that bound messages and the time that clients take."""

from functools import partial
from typing import Any

from app.server.http_protocol import BoundedHttpProtocol
from app.server.socket_protocol import BoundedSocketProtocol

MAX_WEBSOCKET_MESSAGE_BYTES = 1024 * 1024
ABORT_GRACE_S = 1.0
"""Seconds that the app has to end an exchange after its client's time is up, before the connection is aborted."""


def protocol_options(client_timeout_s: float) -> dict[str, Any]:  # Any: uvicorn's own values
    write_timeout_s = client_timeout_s + ABORT_GRACE_S
    return {
        "http": partial(BoundedHttpProtocol, head_timeout_s=client_timeout_s, write_timeout_s=write_timeout_s),
        "ws": partial(BoundedSocketProtocol, write_timeout_s=write_timeout_s),
        "ws_max_size": MAX_WEBSOCKET_MESSAGE_BYTES,
        # Inflating happens before the size of a message can be checked; audio does not compress.
        "ws_per_message_deflate": False,
    }
