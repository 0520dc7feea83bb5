"""The lexicon that an operator keeps: a TOML file, read again when it changes.

[de]
Nginx = "Engin Ex"
GIF = { say = "Dschiff", case_sensitive = true }

["*"]                  # every language
Kaltura = "Kaltoora"

[voice.harald.en]      # one voice; its words come before those of all voices
Ada = "Ayda"
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from app.errors import InvalidSetting
from app.text.languages import canonical_language
from app.text.lexicon import Lexicon, Pronunciation

logger = logging.getLogger(__name__)

SETTING = "CHORUS_LEXICON"
MAX_FILE_BYTES = 16 * 1024 * 1024
RELOAD_INTERVAL_S = 1.0
EVERY_LANGUAGE = "*"
VOICES = "voice"
"""The table of entries for single voices."""

_Table = dict[str, str | Pronunciation]


class _Tables(msgspec.Struct, frozen=True):
    """One version of the file: (voice, language) -> lexicon. The voice is "" for all voices."""

    by_scope: dict[tuple[str, str], Lexicon]

    @property
    def num_entries(self) -> int:
        return sum(map(len, self.by_scope.values()))


class LexiconFile:
    """The lexicons in force; none for an empty path. Any thread may ask. Blocking: 0.5 s to read 100,000 entries.

    Raises InvalidSetting when the first reading fails. A later version that cannot be read changes nothing: it is
    logged, and `is_stale` until the file is right again.
    """

    def __init__(self, path: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = Path(path) if path else None
        self._clock = clock
        self._reading = threading.Lock()
        self.is_stale = False
        self._looked_at_s = clock()
        self._version = self._look()
        self._tables = self._read()

    def __len__(self) -> int:
        return self._tables.num_entries

    @property
    def version(self) -> tuple[int, int, int] | None:
        """Differs between two versions of the file; None without one."""
        return self._version

    def lexicons_for(self, language: str, voice: str | None = None) -> Sequence[Lexicon]:
        """Those of a voice's id and a language, the most specific first. Reads the file again where it has changed."""
        self._reload_if_changed()
        base = language.partition("-")[0]
        languages = dict.fromkeys((language, canonical_language(base), EVERY_LANGUAGE))
        voices = dict.fromkeys(((voice or "").casefold(), ""))
        scopes = ((voice, language) for voice in voices for language in languages)
        return [lexicon for scope in scopes if (lexicon := self._tables.by_scope.get(scope)) is not None]

    def _reload_if_changed(self) -> None:
        if self._path is None or self._clock() - self._looked_at_s < RELOAD_INTERVAL_S:
            return
        if not self._reading.acquire(blocking=False):
            return  # another thread reads it
        try:
            self._looked_at_s = self._clock()
            version = self._look()
            if version == self._version:
                return
            self._version = version
            self._tables = self._read()
        except InvalidSetting as error:
            self.is_stale = True
            logger.error("%s; the entries it had before stay", error)
        else:
            self.is_stale = False
            logger.info("%s was read again: %d entries", SETTING, len(self))
        finally:
            self._reading.release()

    def _look(self) -> tuple[int, int, int] | None:
        if self._path is None:
            return None
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _read(self) -> _Tables:
        if self._path is None:
            return _Tables({})
        try:
            with self._path.open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
            if len(data) > MAX_FILE_BYTES:
                raise ValueError(f"it is larger than {MAX_FILE_BYTES} bytes")
            return _Tables(_read_tables(msgspec.toml.decode(data, type=dict[str, Any])))  # Any: read one by one below
        except OSError as error:
            reason = str(error.strerror).lower()
        except (ValueError, RecursionError, msgspec.MsgspecError) as error:
            reason = str(error)
        raise InvalidSetting(f"{SETTING}={str(self._path)!r} cannot be used: {reason}", param=SETTING)


def _read_tables(tables: dict[str, Any]) -> dict[tuple[str, str], Lexicon]:
    """Raises ValueError, which names the table."""
    by_voice: dict[str, Any] = _as_table(VOICES, tables.pop(VOICES, {}))
    scopes = [("", language, table, language) for language, table in tables.items()]
    for voice, languages in by_voice.items():
        for language, table in _as_table(f"{VOICES}.{voice}", languages).items():
            scopes.append((voice, language, table, f"{VOICES}.{voice}.{language}"))
    read: dict[tuple[str, str], Lexicon] = {}
    for voice, language, table, name in scopes:
        try:
            entries = msgspec.convert(_as_table(name, table), _Table)
            read[voice.casefold(), canonical_language(language)] = Lexicon(entries)
        except ValueError as error:
            raise ValueError(f"[{name}]: {error}") from None
    return read


def _as_table(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name!r} stands outside a table: words belong below a language, such as [en]")
    return cast("dict[str, Any]", value)
