"""The engine of a running server as the studio of its books: segments yield to requests and are made again."""

import asyncio
import time
from collections.abc import Callable

from app.books.notes import Notes
from app.books.plan import Planned
from app.books.studio import LocalStudio
from app.engine.values import Samples
from app.errors import EngineFailure, SteppedAside
from app.settings import Settings
from app.speech.service import SpeechService

MAX_FAILURES = 3
"""The run ends when one segment has failed so often."""
VOICE_CHECK_S = 30.0
"""A voice that has been deleted is spoken with for so long at most."""


class ServerStudio(LocalStudio):
    """A Studio (app.books.studio)."""

    def __init__(
        self, service: SpeechService, settings: Settings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(service, settings, is_background=True)
        self._voice_store = service.voices
        self._clock = clock
        self._checked_at_s: dict[str, float] = {}
        self._checking = asyncio.Lock()

    async def decode(self, planned: Planned, seed: int) -> tuple[Samples, Notes]:
        """Raises UnknownSpeaker for a voice that has been deleted, EngineFailure after MAX_FAILURES."""
        num_failures = 0
        while True:
            await self._check_voice(planned.recipe.voice)
            try:
                return await super().decode(planned, seed)
            except SteppedAside:
                pass
            except EngineFailure:
                num_failures += 1
                if num_failures == MAX_FAILURES:
                    raise

    async def _check_voice(self, voice: str) -> None:
        async with self._checking:
            if self._clock() - self._checked_at_s.get(voice, float("-inf")) >= VOICE_CHECK_S:
                await self._voice_store.find(voice)
                self._checked_at_s[voice] = self._clock()
