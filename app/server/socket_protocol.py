"""uvicorn's WebSocket protocol with a bound for clients that do not read."""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from app.server.stalled_writes import StalledWriteGuard


class BoundedSocketProtocol(StalledWriteGuard, WebSocketsSansIOProtocol):
    """It stops reading while the app does not take what came."""
