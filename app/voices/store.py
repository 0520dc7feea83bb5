"""Saved voices: cloned once, on the data volume, named by id ever after.

One folder a voice, `voices/<id>/`, with a manifest and what the engine conditions with. A folder is renamed into its
place when it is complete, and out of it before it is removed, so that a reader (another process too: several servers
may share a volume) sees a whole voice or none. The id is a hash of model and recordings: saving twice is saving once,
and the same recordings under another model are another voice.

Blocking: called in threads. Knows files; what is in a voice is the engine's own business.
"""

import hashlib
import logging
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from app.errors import StorageFailure, TooManyVoices
from app.voices.files import sync_directory, write_atomically

logger = logging.getLogger(__name__)

MANIFEST, CONDITIONING = "manifest.json", "conditioning.safetensors"
ID = re.compile(r"[0-9a-f]{16}")
NAMES_A_COMMIT = re.compile(r"@[0-9a-f]{12}$|^[0-9a-f]{40}$")
"""Names of models that always mean the same weights: `owner/name@commit`, and a folder of the hub's cache."""
MAX_CLIPS = 16
"""Recordings of one voice."""
LEFTOVER_AGE_S = 3600.0
"""A hidden folder older than this belongs to a process that died: nobody takes so long to write two small files."""

MAX_ID_CHARS = 200
"""Longest id of a voice or of a model. Ids are looked up, compared and quoted, so they are bounded on every way in."""

VoiceName = Annotated[
    str,
    # `$` alone would let one newline at the end pass.
    Meta(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)", description="What people call the voice"),
]
Consent = Annotated[
    str,
    Meta(
        min_length=10,
        max_length=1000,
        description="Your statement that the speaker agrees, in your words; it is kept with the voice",
        examples=["This is my own voice."],
    ),
]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class SavedVoice(msgspec.Struct, frozen=True, kw_only=True):
    """The manifest of a voice."""

    id: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    name: VoiceName
    model: Annotated[str, Meta(min_length=1, max_length=300)]
    """name of the model that it was cloned with; no other model can speak with it"""
    created_at: Annotated[datetime, Meta(tz=True)]
    consent: Consent
    recordings: Annotated[tuple[Sha256, ...], Meta(min_length=1, max_length=MAX_CLIPS)]
    """sha256 of each"""
    imported_at: Annotated[datetime, Meta(tz=True)] | None = None
    """when it came from a file, which says what it was made from and cannot prove it; null: cloned on this server"""
    identity: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")] | None = None
    """digest of that model's weights; null where the name alone identifies it, and in voices of older versions"""

    @property
    def key(self) -> str:
        """The model, as it goes into the id."""
        return self.identity or self.model


def voice_id(model: str, recordings: Sequence[str]) -> str:
    """16 hexadecimal digits for a model (its identity, or its name) and the sha256 of each recording, in order."""
    return hashlib.sha256("\n".join((model, *recordings)).encode()).hexdigest()[:16]


class VoiceModel(msgspec.Struct, frozen=True):
    """A model that voices are cloned with."""

    name: str
    identity: str | None = None
    """digest of its weights; None where the name alone identifies it"""

    def made(self, voice: SavedVoice) -> bool:
        """Whether the voice was cloned with this model, so that the model can speak with it.

        Older versions recorded the name only. It counts as proof where it holds a commit: a folder's name does not say
        which weights were in it.
        """
        if self.identity is None:
            return voice.identity is None and voice.model == self.name
        if voice.identity is not None:
            return voice.identity == self.identity
        return voice.model == self.name and NAMES_A_COMMIT.search(self.name) is not None

    def ids(self, recordings: Sequence[str]) -> list[str]:
        """Ids that a voice of these recordings may have: the one it gets now, then the one of older versions."""
        return [voice_id(key, recordings) for key in (self.identity, self.name) if key is not None]


class VoiceStore:
    """The voices below `data`. Those of other models are kept and can be deleted; they do not count for the limit.

    The threads of one store take turns to write, so that the limit holds among them. Several stores on one folder
    (other processes) do not wait for each other, and may pass the limit by what they save in the same moment.
    """

    def __init__(self, data: Path, model: VoiceModel, *, max_voices: int) -> None:
        self._folder = data / "voices"
        self._model = model
        self._max_voices = max_voices
        self._writing = threading.Lock()

    def list_all(self) -> list[SavedVoice]:
        """Voices of every model, oldest first. One that cannot be read is passed over, and the log says so."""
        try:
            names = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _failure("the saved voices cannot be listed", error) from error
        found = (self._read(name) for name in names if ID.fullmatch(name))
        return sorted((voice for voice in found if voice), key=lambda voice: (voice.created_at, voice.id))

    def list(self) -> list[SavedVoice]:
        """Voices of this model, oldest first."""
        return [voice for voice in self.list_all() if self._model.made(voice)]

    def get(self, id: str) -> SavedVoice | None:
        """The voice of that id, of any model; None where there is none. `id` may hold anything."""
        return self._read(id) if ID.fullmatch(id) else None

    def conditioning(self, id: str) -> bytes:
        """What was saved with the voice, which `get` has just found. Raises StorageFailure."""
        try:
            return (self._folder / id / CONDITIONING).read_bytes()
        except OSError as error:
            raise _failure(f"the saved voice {id} cannot be read", error) from error

    def save(self, voice: SavedVoice, conditioning: bytes) -> tuple[SavedVoice, bool]:
        """The voice as it is stored, and whether it is new. Raises TooManyVoices or StorageFailure.

        A voice that is there stays as it is, with one exception: what was cloned here takes the place of what came
        from a file, because only here it is certain what the voice was made from.
        """
        with self._writing:
            existing = self.get(voice.id)
            if existing is None:
                return self._add(voice, conditioning)
            if existing.imported_at is None or voice.imported_at is not None:
                return existing, False
            self._replace(voice, conditioning)
            return voice, True

    def _add(self, voice: SavedVoice, conditioning: bytes) -> tuple[SavedVoice, bool]:
        if len(self.list()) >= self._max_voices:
            raise TooManyVoices(
                f"{self._max_voices} voices are saved, which is the limit (CHORUS_MAX_VOICES): delete one first"
            )
        try:
            self._folder.mkdir(exist_ok=True)
            self._sweep()
            with tempfile.TemporaryDirectory(dir=self._folder, prefix=".new-", ignore_cleanup_errors=True) as scratch:
                staging = Path(scratch) / voice.id
                staging.mkdir()
                _write(staging, voice, conditioning)
                staging.rename(self._folder / voice.id)
                sync_directory(self._folder)
        except OSError as error:
            if winner := self.get(voice.id):  # somebody else saved the same recordings meanwhile
                return winner, False
            raise _failure("the voice could not be saved", error) from error
        return voice, True

    def _replace(self, voice: SavedVoice, conditioning: bytes) -> None:
        """The manifest last: until it says "cloned", cloning the voice again begins from the start."""
        try:
            _write(self._folder / voice.id, voice, conditioning)
        except OSError as error:
            raise _failure("the voice could not be saved", error) from error

    def delete(self, id: str) -> bool:
        """Whether there was such a voice."""
        if self.get(id) is None:
            return False
        try:
            with tempfile.TemporaryDirectory(dir=self._folder, prefix=".old-", ignore_cleanup_errors=True) as scratch:
                (self._folder / id).rename(Path(scratch) / id)
                sync_directory(self._folder)
        except FileNotFoundError:
            return False  # somebody else was faster
        except OSError as error:
            raise _failure(f"the voice {id} could not be deleted", error) from error
        return True

    def _read(self, name: str) -> SavedVoice | None:
        path = self._folder / name / MANIFEST
        try:
            voice = msgspec.json.decode(path.read_bytes(), type=SavedVoice)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            logger.warning("the saved voice in %s cannot be read: %s", path.parent, error)
            return None
        return voice if voice.id == name else None

    def _sweep(self) -> None:
        """Remove what processes that died have left half-written."""
        for path in self._folder.glob(".*"):
            try:
                is_leftover = time.time() - path.stat().st_mtime > LEFTOVER_AGE_S
            except FileNotFoundError:
                continue
            if is_leftover:
                shutil.rmtree(path, ignore_errors=True)


def _write(folder: Path, voice: SavedVoice, conditioning: bytes) -> None:
    write_atomically(folder / CONDITIONING, conditioning)
    write_atomically(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(voice)))


def _failure(what: str, error: OSError) -> StorageFailure:
    return StorageFailure(f"{what}: {error.strerror or error}; look at the volume of CHORUS_DATA")
