"""What the app hands to its handlers."""

import secrets
import time
from collections.abc import Callable

from app.engine.base import Engine
from app.errors import EngineNotReady, Unavailable
from app.http.access import Access
from app.http.metrics import Metrics
from app.settings import Settings
from app.speech.lifecycle import Lifecycle
from app.speech.service import SpeechService


class Sockets:
    """The WebSocket conversations that are open; `limit` at a time."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.num_open = 0

    def enter(self) -> Callable[[], None]:
        """Count one in; what comes back counts it out, and is called once. Raises Unavailable."""
        if self.num_open >= self.limit:
            raise Unavailable(f"{self.num_open} conversations are open, which is the limit (CHORUS_MAX_SOCKETS)")
        self.num_open += 1
        return self._leave

    def _leave(self) -> None:
        self.num_open -= 1


class Running:
    """The parts that live as long as the server; `service` is there once the engine is loaded."""

    def __init__(self, settings: Settings, lifecycle: Lifecycle, access: Access) -> None:
        self.settings = settings
        self.lifecycle = lifecycle
        self.instance = f"{int(time.time())}-{secrets.token_hex(4)}"
        self.access = access
        self.loaded: SpeechService | None = None
        self.sockets = Sockets(settings.max_sockets)
        self.metrics = Metrics(lifecycle, self._find_engine, lambda: self.sockets.num_open)

    @property
    def service(self) -> SpeechService:
        """Raises what a new request must be told while there is none."""
        self.lifecycle.check()
        if self.loaded is None:
            raise EngineNotReady("the engine is still loading")
        return self.loaded

    def _find_engine(self) -> Engine | None:
        return None if self.loaded is None else self.loaded.engine
