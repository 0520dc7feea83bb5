"""Consent recordings: who said when that a voice may be cloned, as OpenAI's clients file it before they save a voice.

One file each, `consents/<id>.json`. The recording itself is not kept; its SHA-256 is.
"""

import hashlib
import logging
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from app.errors import StorageFailure, TooManyVoices, UnknownConsent, quoted
from app.pools import FILES
from app.voices.built_in import utc_now
from app.voices.files import write_atomically
from app.voices.manifest import Sha256, VoiceName
from app.voices.shared_folder import SharedFolder

logger = logging.getLogger(__name__)

PREFIX = "cons_"
_ID = re.compile(rf"{PREFIX}[0-9a-f]{{16}}")


class ConsentRecording(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: VoiceName
    language: Annotated[str, Meta(max_length=40)]
    """as the client wrote it"""
    created_at: Annotated[datetime, Meta(tz=True)]
    recording: Sha256

    @property
    def statement(self) -> str:
        """For the manifest of a voice."""
        return f"Consent recording {self.id}: {self.name} ({self.language}), SHA-256 {self.recording}"


class Consents:
    """Lives on the event loop; files are read and written in threads. All methods raise StorageFailure."""

    def __init__(
        self, data: Path, folder: SharedFolder, *, max_consents: int, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._path = data / "consents"
        self._folder = folder
        self._max_consents = max_consents
        self._now = now

    async def save(self, name: str, language: str, recording: str) -> ConsentRecording:
        """`recording`: its SHA-256. The same recording, name and language are one consent. Raises TooManyVoices."""
        digest = hashlib.sha256("\n".join((recording, language, name)).encode()).hexdigest()
        new = ConsentRecording(
            id=PREFIX + digest[:16], name=name, language=language, created_at=self._now(), recording=recording
        )
        async with self._folder.writing():
            return await FILES.run(self._save, new)

    async def get(self, id: str) -> ConsentRecording:
        """Raises UnknownConsent."""
        async with self._folder.reading():
            return await FILES.run(self._read, id)

    async def list(self) -> Sequence[ConsentRecording]:
        """Newest first."""
        async with self._folder.reading():
            return await FILES.run(self._list)

    async def rename(self, id: str, name: str) -> ConsentRecording:
        """Raises UnknownConsent."""
        async with self._folder.writing():
            return await FILES.run(lambda: self._write(msgspec.structs.replace(self._read(id), name=name)))

    async def delete(self, id: str) -> None:
        """Voices that name it keep its statement. Raises UnknownConsent."""
        async with self._folder.writing():
            await FILES.run(self._delete, id)

    def _file(self, id: str) -> Path:
        return self._path / f"{id}.json"

    def _save(self, new: ConsentRecording) -> ConsentRecording:
        with suppress(UnknownConsent, StorageFailure):  # a damaged one is written anew
            return self._read(new.id)
        if len(self._list()) >= self._max_consents:
            raise TooManyVoices(
                f"{self._max_consents} consents are kept, which is the limit (CHORUS_MAX_VOICES): delete one first"
            )
        return self._write(new)

    def _write(self, consent: ConsentRecording) -> ConsentRecording:
        try:
            self._path.mkdir(exist_ok=True)
            write_atomically(self._file(consent.id), msgspec.json.encode(consent))
        except OSError as error:
            raise _failure("the consent could not be saved", error) from error
        return consent

    def _delete(self, id: str) -> None:
        """Also a damaged one."""
        try:
            if _ID.fullmatch(id):
                return self._file(id).unlink()
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _failure(f"the consent {id} could not be deleted", error) from error
        raise _unknown(id)

    def _read(self, id: str) -> ConsentRecording:
        """`id` may hold anything."""
        try:
            if _ID.fullmatch(id):
                return msgspec.json.decode(self._file(id).read_bytes(), type=ConsentRecording)
        except FileNotFoundError:
            pass
        except (OSError, msgspec.MsgspecError) as error:
            raise _failure(f"the consent {id} cannot be read", error) from error
        raise _unknown(id)

    def _list(self) -> Sequence[ConsentRecording]:
        found: list[ConsentRecording] = []
        for path in self._path.glob(f"{PREFIX}*.json"):
            try:
                found.append(self._read(path.stem))
            except UnknownConsent:  # deleted meanwhile, or not of this form
                continue
            except StorageFailure as failure:
                logger.warning("left out of the list: %s", failure)
        return sorted(found, key=lambda consent: (consent.created_at, consent.id), reverse=True)


def _unknown(id: str) -> UnknownConsent:
    return UnknownConsent(f"no consent {quoted(id)} is kept here: POST /v1/audio/voice_consents files one")


def _failure(what: str, error: Exception) -> StorageFailure:
    return StorageFailure(f"{what}: {error}; look at the volume of CHORUS_DATA")
