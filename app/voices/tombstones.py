"""Records of deleted voices: the manifest of each, when it was deleted and by which caller. The voice itself is gone.

One file each, `deleted_voices/<id>-<microseconds>.json`, named after the voice's id and the moment from which it was
kept: a voice that is deleted twice at once has one record, and one that is saved and deleted again has two. No route
reads or removes them; an operator may.

Blocking: called in threads.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from app.errors import StorageFailure
from app.voices.files import sync_directory, write_atomically
from app.voices.manifest import CallerName, SavedVoice

logger = logging.getLogger(__name__)

FOLDER = "deleted_voices"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Tombstone(SavedVoice, frozen=True, kw_only=True):
    """The manifest of a voice that was deleted."""

    deleted_at: Annotated[datetime, Meta(tz=True)]
    deleted_by: CallerName | None = None
    """name of the caller; null where no keys are needed"""


class Tombstones:
    def __init__(self, data: Path) -> None:
        self._folder = data / FOLDER

    def add(self, voice: SavedVoice, *, deleted_at: datetime, deleted_by: str | None) -> None:
        """Write the record, on disk before this returns. Raises OSError."""
        fields = {name: getattr(voice, name) for name in SavedVoice.__struct_fields__}
        tombstone = Tombstone(**fields, deleted_at=deleted_at, deleted_by=deleted_by)
        self._folder.mkdir(exist_ok=True)
        write_atomically(self._folder / _name(voice), msgspec.json.encode(tombstone))
        sync_directory(self._folder)

    def list(self, present: Sequence[SavedVoice]) -> Sequence[Tombstone]:
        """Oldest deletion first, without those of `present` voices, whose deletion was interrupted.

        An unreadable record is left out and logged. Raises StorageFailure.
        """
        kept = {_name(voice) for voice in present}
        try:
            names = sorted(path.name for path in self._folder.iterdir() if path.suffix == ".json")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageFailure(
                f"the records of deleted voices cannot be listed: {error.strerror or error}; look at {self._folder}"
            ) from error
        found = [self._read(name) for name in names if name not in kept and not name.startswith(".")]
        return sorted((each for each in found if each), key=lambda each: (each.deleted_at, each.id))

    def _read(self, name: str) -> Tombstone | None:
        try:
            return msgspec.json.decode((self._folder / name).read_bytes(), type=Tombstone)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            logger.warning("the record of a deleted voice in %s cannot be read: %s", self._folder / name, error)
            return None


def _name(voice: SavedVoice) -> str:
    since = voice.imported_at or voice.created_at
    return f"{voice.id}-{(since - _EPOCH) // timedelta(microseconds=1)}.json"
