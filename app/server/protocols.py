"""How uvicorn reads requests and sockets: protocols and their bounds."""

import importlib.util
from functools import partial
from typing import Any

MAX_WEBSOCKET_MESSAGE_BYTES = 1024 * 1024


def protocol_options(client_timeout_s: float) -> dict[str, Any]:  # Any: uvicorn's own values
    """How uvicorn reads requests and sockets, with bounds for what strangers send."""
    return {
        "http": _http_protocol(client_timeout_s),
        "ws": "websockets-sansio",  # stops reading while the app does not take what came
        "ws_max_size": MAX_WEBSOCKET_MESSAGE_BYTES,
        # One read unpacks all it holds before anybody can stop it, and audio does not get smaller.
        "ws_per_message_deflate": False,
    }


def _http_protocol(head_timeout_s: float) -> Any:  # Any: uvicorn asks for a class, and calls it
    """With bounds for the head; where httptools is not made for, h11, which has a bound of its own."""
    if importlib.util.find_spec("httptools") is None:
        return "h11"
    from app.server.head_limits import BoundedHeadProtocol

    return partial(BoundedHeadProtocol, head_timeout_s=head_timeout_s)
