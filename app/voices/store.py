"""The folder of saved voices: one file a voice, `voices/<id>.safetensors`.

A file is renamed into its place, so readers see a whole voice or none. The id is a hash of model
and recordings: saving twice is saving once.

Blocking: called in threads.
"""

import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from app.errors import StorageFailure, TooManyVoices
from app.voices import earlier
from app.voices.files import sync_directory, write_atomically
from app.voices.manifest import ID, SavedVoice, VoiceModel
from app.voices.tombstones import Tombstone, Tombstones
from app.voices.voice_file import SUFFIX, read_manifest, with_manifest

logger = logging.getLogger(__name__)

LEFTOVER_AGE_S = 3600.0
"""An older hidden file belongs to a process that died: writing a voice takes milliseconds."""

_Signature = tuple[int, int, int]
"""Inode, size and time of a file: files are replaced as a whole, so equal ones mean equal content."""


class VoiceStore:
    """Voices below `data`. Those of other models are kept and can be deleted; they do not count for the limit.

    Threads of one store take turns to write. Other processes do not: together they may pass the limit, and of two saves
    of one voice the last one stays.
    """

    def __init__(self, data: Path, model: VoiceModel, *, max_voices: int) -> None:
        self._folder = data / "voices"
        self._tombstones = Tombstones(data)
        self._model = model
        self._max_voices = max_voices
        self._writing = threading.Lock()
        self._manifests: dict[str, tuple[_Signature, SavedVoice]] = {}
        """manifests by id, so that listing opens no file twice"""

    def list_all(self) -> list[SavedVoice]:
        """Voices of every model, oldest first. An unreadable one is left out and logged."""
        try:
            names = {path.name.removesuffix(SUFFIX) for path in self._folder.iterdir()}
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _failure("the saved voices cannot be listed", error) from error
        found = [self._read(name) for name in names if ID.fullmatch(name)]
        for id in self._manifests.keys() - names:
            self._manifests.pop(id, None)
        return sorted((voice for voice in found if voice), key=lambda voice: (voice.created_at, voice.id))

    def list(self) -> list[SavedVoice]:
        """Voices of this model, oldest first."""
        return [voice for voice in self.list_all() if self._model.made(voice)]

    def get(self, id: str) -> SavedVoice | None:
        """The voice of that id, of any model. `id` may hold anything."""
        return self._read(id) if ID.fullmatch(id) else None

    def read(self, id: str) -> bytes:
        """The file of a voice that `get` has found. Raises StorageFailure."""
        try:
            try:
                return self._path(id).read_bytes()
            except FileNotFoundError:
                return _convert(self._folder / id)
        except OSError as error:
            raise _failure(f"the saved voice {id} cannot be read", error) from error
        except ValueError as error:
            raise StorageFailure(f"the saved voice {id} is damaged: {error}; delete it and save it again") from error

    def save(self, voice: SavedVoice, packed: bytes) -> tuple[SavedVoice, bool]:
        """The voice as it is stored, and True if it is new. Raises TooManyVoices or StorageFailure.

        packed   a safetensors file, with or without a manifest; anything else raises ValueError

        A stored voice stays, except that a voice cloned here replaces one from a file: only here its recordings are
        certain. The replaced one leaves a record, as if it were deleted.
        """
        file = with_manifest(packed, voice)
        with self._writing:
            existing = self.get(voice.id)
            if existing is None:
                self._check_room()
            elif existing.imported_at is None or voice.imported_at is not None:
                return existing, False
            try:
                self._folder.mkdir(exist_ok=True)
                self._sweep()
                if existing is not None:
                    self._tombstones.add(existing, deleted_at=voice.created_at, deleted_by=voice.sent_by)
                self._write(voice.id, file)
            except OSError as error:
                raise _failure("the voice could not be saved", error) from error
        return voice, True

    def change(self, voice: SavedVoice) -> SavedVoice:
        """Give a voice that `get` has found this manifest. Raises StorageFailure."""
        with self._writing:
            packed = self.read(voice.id)
            try:
                self._write(voice.id, with_manifest(packed, voice))
            except OSError as error:
                raise _failure(f"the manifest of the voice {voice.id} could not be written", error) from error
        return voice

    def delete(self, id: str, *, deleted_at: datetime, deleted_by: str | None = None) -> bool:
        """Record the deletion, then delete. False when there is none. Raises StorageFailure.

        A voice whose deletion cannot be recorded stays.
        """
        with self._writing:  # `change` would write the voice again that it has read before
            voice = self.get(id)
            if voice is None:
                return False
            try:
                self._tombstones.add(voice, deleted_at=deleted_at, deleted_by=deleted_by)
            except OSError as error:
                what = f"the voice {id} was not deleted, because the record of its deletion could not be written"
                raise _failure(what, error) from error
            try:
                self._path(id).unlink(missing_ok=True)
                self._remove_folder(id)
                sync_directory(self._folder)
            except OSError as error:
                raise _failure(f"the voice {id} could not be deleted", error) from error
        return True

    def list_deleted(self) -> Sequence[Tombstone]:
        """Records of deleted voices of every model, oldest deletion first. Raises StorageFailure."""
        return self._tombstones.list(self.list_all())

    def earlier_ids(self) -> tuple[str, ...]:
        """Ids of voices that an earlier version saved in folders."""
        try:
            paths = [*self._folder.iterdir()]
        except OSError:
            return ()
        return tuple(path.name for path in paths if ID.fullmatch(path.name) and path.is_dir())

    def convert_earlier(self) -> None:
        """Write the voices of `earlier_ids` as files and remove their folders. A damaged one stays and is logged."""
        with self._writing:
            for id in self.earlier_ids():
                try:
                    if not self._path(id).exists():
                        self._write(id, _convert(self._folder / id))
                    self._remove_folder(id)
                except (OSError, ValueError) as error:
                    logger.warning("the saved voice in %s cannot be converted: %s", self._folder / id, error)

    def _path(self, id: str) -> Path:
        return self._folder / f"{id}{SUFFIX}"

    def _write(self, id: str, file: bytes) -> None:
        write_atomically(self._path(id), file)
        self._remove_folder(id)
        sync_directory(self._folder)

    def _remove_folder(self, id: str) -> None:
        """Remove the folder of an earlier version. It is renamed before it is emptied."""
        if (self._folder / id).is_dir():
            with tempfile.TemporaryDirectory(dir=self._folder, prefix=".old-", ignore_cleanup_errors=True) as scratch:
                (self._folder / id).rename(Path(scratch) / id)

    def _check_room(self) -> None:
        if len(self.list()) >= self._max_voices:
            raise TooManyVoices(
                f"{self._max_voices} voices are saved, which is the limit (CHORUS_MAX_VOICES): delete one first"
            )

    def _read(self, id: str) -> SavedVoice | None:
        path = self._path(id)
        try:
            try:
                voice = self._read_file(id, path)
            except FileNotFoundError:
                path = self._folder / id
                voice = earlier.read_folder_manifest(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            logger.warning("the saved voice in %s cannot be read: %s", path, error)
            return None
        return voice if voice.id == id else None

    def _read_file(self, id: str, path: Path) -> SavedVoice:
        known = self._manifests.get(id)
        if known is not None and known[0] == _signature(path.stat()):
            return known[1]
        with path.open("rb") as file:
            signature = _signature(os.fstat(file.fileno()))
            voice = read_manifest(file)
        self._manifests[id] = signature, voice
        return voice

    def _sweep(self) -> None:
        """Remove what processes that died left half-written."""
        for path in self._folder.glob(".*"):
            try:
                if time.time() - path.stat().st_mtime <= LEFTOVER_AGE_S:
                    continue
                path.unlink()
            except FileNotFoundError:
                continue
            except (IsADirectoryError, PermissionError):  # what some systems raise for a folder
                shutil.rmtree(path, ignore_errors=True)


def _signature(status: os.stat_result) -> _Signature:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _convert(folder: Path) -> bytes:
    """The voice in a folder of an earlier version as one file. Raises OSError or ValueError."""
    return with_manifest(earlier.read_folder_conditioning(folder), earlier.read_folder_manifest(folder))


def _failure(what: str, error: OSError) -> StorageFailure:
    return StorageFailure(f"{what}: {error.strerror or error}; look at the volume of CHORUS_DATA")
