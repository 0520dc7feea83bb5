"""The lexicon that an operator keeps: a TOML file (docs/text.md), read again when it changes."""

import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec

from app.text.languages import canonical_language
from app.text.lexicon import Lexicon, Pronunciation
from app.toml_file import TomlFile

SETTING = "CHORUS_LEXICON"
MAX_FILE_BYTES = 16 * 1024 * 1024
EVERY_LANGUAGE = "*"
VOICES = "voice"
"""The table of entries for single voices."""

_Table = dict[str, str | Pronunciation]


class _Tables(msgspec.Struct, frozen=True):
    """One version of the file: (voice, language) -> lexicon; the voice is "" for all voices."""

    by_scope: dict[tuple[str, str], Lexicon]

    def __len__(self) -> int:
        """Entries of all lexicons."""
        return sum(map(len, self.by_scope.values()))


class LexiconFile:
    """The lexicons in force; none for an empty path. Any thread; blocking: 0.5 s to read 100,000 entries.

    Raises InvalidSetting when the first reading fails; a later version that cannot be used changes nothing.
    """

    def __init__(self, path: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = TomlFile(
            SETTING,
            path,
            lambda tables: _Tables(_read_tables(tables)),
            empty=_Tables({}),
            items="entries",
            max_bytes=MAX_FILE_BYTES,
            clock=clock,
        )

    def __len__(self) -> int:
        return len(self._file.content)

    @property
    def is_stale(self) -> bool:
        """True while the newest file cannot be used and an earlier one is in force."""
        return self._file.is_stale

    @property
    def version(self) -> tuple[int, int, int] | None:
        """Differs between two versions of the file; None without one."""
        return self._file.version

    def lexicons_for(self, language: str, voice: str | None = None) -> Sequence[Lexicon]:
        """Lexicons of a voice's id and a language, the most specific first. Reads the file again if it has changed."""
        self._file.refresh()
        base = language.partition("-")[0]
        languages = dict.fromkeys((language, canonical_language(base), EVERY_LANGUAGE))
        voices = dict.fromkeys(((voice or "").casefold(), ""))
        scopes = ((voice, language) for voice in voices for language in languages)
        return [lexicon for scope in scopes if (lexicon := self._file.content.by_scope.get(scope)) is not None]


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
