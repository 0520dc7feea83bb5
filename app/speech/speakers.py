"""The voices that callers can name: listed from a metadata file, found by id.

The list is served from the file even when it is old, and made anew in the background once it is older than ten
days: asking an engine for its voices may be slow, and a stale name beats a slow page.
"""

import asyncio
import difflib
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from app.engine.base import Engine, Speaker, Voice
from app.errors import UnknownSpeaker
from app.speech.storage import write_atomically

logger = logging.getLogger(__name__)

MAX_AGE = timedelta(days=10)


class SpeakerList(msgspec.Struct, frozen=True, kw_only=True):
    """The metadata file, and the answer of `GET /speakers`."""

    speakers: tuple[Speaker, ...]
    count: int
    last_updated: datetime
    model: str


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SpeakerCatalogue:
    def __init__(self, engine: Engine, data: Path, *, now: Callable[[], datetime] = _utc_now) -> None:
        self._engine = engine
        self._path = data / "speaker_metadata.json"
        self._now = now
        self._list: SpeakerList | None = None
        self._refresh_task: asyncio.Task[SpeakerList] | None = None

    async def list(self, *, refresh: bool = False) -> SpeakerList:
        """The list as it is known; `refresh` makes it anew first. Concurrent refreshes are one."""
        if self._list is None:
            self._list = await asyncio.to_thread(self._read)
        if refresh or self._list is None:
            return await self._refresh()
        if self._now() - self._list.last_updated > MAX_AGE:
            self._refresh()
        return self._list

    def find(self, speaker_id: str | None) -> Voice:
        """The voice of that id; the engine's first when None. Raises UnknownSpeaker, naming near ones."""
        speakers = {speaker.id: speaker for speaker in self._engine.speakers()}
        if not speakers:
            raise UnknownSpeaker(
                "this model has no voices of its own: clone one with POST /voice-clone", param="speaker_id"
            )
        if speaker_id is None:
            return self._engine.voice(next(iter(speakers)))
        try:
            return self._engine.voice(speaker_id)
        except KeyError:
            near = difflib.get_close_matches(speaker_id, speakers, n=3, cutoff=0.5) or list(speakers)[:3]
            raise UnknownSpeaker(
                f"no speaker {speaker_id!r}; near ones: {', '.join(near)}. GET /speakers lists all", param="speaker_id"
            ) from None

    async def aclose(self) -> None:
        if self._refresh_task is not None:
            await asyncio.gather(self._refresh_task, return_exceptions=True)

    def _refresh(self) -> asyncio.Task[SpeakerList]:
        if self._refresh_task is None or self._refresh_task.done():
            self._refresh_task = asyncio.create_task(self._make())
            self._refresh_task.add_done_callback(_log_failure)
        return self._refresh_task

    async def _make(self) -> SpeakerList:
        speakers = tuple(self._engine.speakers())
        self._list = SpeakerList(
            speakers=speakers, count=len(speakers), last_updated=self._now(), model=self._engine.info.model
        )
        await asyncio.to_thread(write_atomically, self._path, msgspec.json.encode(self._list))
        return self._list

    def _read(self) -> SpeakerList | None:
        """None where there is no usable file: none yet, another engine's, or not ours."""
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=SpeakerList)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            logger.warning("speaker metadata in %s cannot be read (%s); making it anew", self._path, error)
            return None
        return found if found.model == self._engine.info.model else None


def _log_failure(task: asyncio.Task[SpeakerList]) -> None:
    if not task.cancelled() and (error := task.exception()):
        logger.error("speaker metadata could not be written: %s", error)
