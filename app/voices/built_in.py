"""The list of built-in voices, kept in `speaker_metadata.json` on the data volume.

The file is written when it is missing, unreadable, of another model or other voices, older than ten days, or when a
caller asks for it.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from app.engine.base import Engine, Speaker
from app.errors import StorageFailure
from app.pools import FILES
from app.voices.files import write_atomically
from app.voices.shared_folder import MAX_AGE_S, SharedFolder

logger = logging.getLogger(__name__)

MAX_AGE = timedelta(days=10)


class SpeakerList(msgspec.Struct, frozen=True, kw_only=True):
    """The metadata file; with the saved voices the answer of `GET /speakers`."""

    speakers: tuple[Speaker, ...]
    count: int
    last_updated: datetime
    model: str
    identity: str | None = None
    """digest of the model's weights"""


def utc_now() -> datetime:
    return datetime.now(UTC)


class BuiltInVoices:
    """Lives on the event loop."""

    def __init__(
        self, engine: Engine, data: Path, folder: SharedFolder, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._engine = engine
        self._path = data / "speaker_metadata.json"
        self._folder = folder
        self._now = now
        self._list: SpeakerList | None = None
        self._making = asyncio.Lock()

    async def list(self, *, refresh: bool = False) -> SpeakerList:
        """Concurrent refreshes are one."""
        if self._list is None:
            async with self._folder.reading(max_age_s=MAX_AGE_S):
                self._list = await FILES.run(self._read)
        before = self._list
        if before is not None and not refresh and self._now() - before.last_updated <= MAX_AGE:
            return before
        async with self._making:
            if self._list is None or self._list is before:
                self._list = await self._make()
            return self._list

    async def _make(self) -> SpeakerList:
        made = self._current()
        # Each server makes its own list, so one that cannot be written is served all the same.
        try:
            async with self._folder.writing():
                await FILES.run(write_atomically, self._path, msgspec.json.encode(made))
        except (StorageFailure, OSError) as error:
            logger.error("speaker metadata could not be written: %s", error)
        return made

    def _current(self) -> SpeakerList:
        speakers, info = tuple(self._engine.speakers()), self._engine.info
        return SpeakerList(
            speakers=speakers,
            count=len(speakers),
            last_updated=self._now(),
            model=info.model,
            identity=info.identity,
        )

    def _read(self) -> SpeakerList | None:
        """None where the file does not fit the engine."""
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=SpeakerList)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            logger.warning("speaker metadata in %s cannot be read (%s); making it anew", self._path, error)
            return None
        is_current = found == msgspec.structs.replace(self._current(), last_updated=found.last_updated)
        return found if is_current else None
