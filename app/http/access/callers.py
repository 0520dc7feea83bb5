"""API keys of CHORUS_API_KEYS and of a TOML file, with the limits of each caller."""

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from app.settings import ApiKeys, Settings
from app.toml_file import TomlFile

KEYS_FILE = "CHORUS_API_KEYS_FILE"
MAX_FILE_BYTES = 1024 * 1024

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")  # names are written to the log


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The owner of a key. A limit of 0 is none."""

    name: str
    """table of the file; `#1` is the first of CHORUS_API_KEYS; empty where no keys are needed"""
    owner: str = ""
    """stands for the caller in what is kept for it: the table's name, or a digest of a key of CHORUS_API_KEYS, whose
    number may change"""
    max_concurrent: int = 0
    requests_per_minute: int = 0


ANYBODY = Caller(name="")

Digest = bytes
"""SHA-256 of a key; keys are not kept"""


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key: str | None = None
    sha256: Annotated[str, Meta(pattern="^[0-9a-fA-F]{64}$")] | None = None
    max_concurrent: Annotated[int, Meta(ge=0)] | None = None
    requests_per_minute: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None


class Callers:
    """Raises InvalidSetting when the first reading of the file fails."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        from_settings = {
            _digest(key): _with_defaults(f"#{number}", None, None, settings, owner=f"key:{_digest(key).hex()[:32]}")
            for number, key in enumerate(settings.api_keys.values, start=1)
        }
        self._file = TomlFile(
            KEYS_FILE,
            settings.api_keys_file,
            lambda tables: read_callers(tables, settings, from_settings),
            empty=from_settings,
            items="callers",
            max_bytes=MAX_FILE_BYTES,
            clock=clock,
        )

    @property
    def needs_key(self) -> bool:
        """False without either setting; an empty file admits no caller."""
        return bool(self._settings.api_keys or self._settings.api_keys_file)

    @property
    def is_file_stale(self) -> bool:
        """True while the newest file cannot be used and an earlier one is in force."""
        return self._file.is_stale

    def __len__(self) -> int:
        return len(self._file.content)

    def __iter__(self) -> Iterator[Caller]:
        return iter(self._file.content.values())

    def find(self, keys: Iterable[str]) -> Caller | None:
        """The caller with one of `keys`; each comparison takes constant time."""
        found = None
        for key in keys:
            sent = _digest(key)
            for digest, caller in self._file.content.items():
                if hmac.compare_digest(sent, digest):
                    found = caller
        return found

    def refresh(self) -> bool:
        """Read the file if it has changed. True if the callers are others now."""
        return self._file.refresh()


def read_callers(
    tables: Mapping[str, object], settings: Settings, others: Mapping[Digest, Caller]
) -> dict[Digest, Caller]:
    """`others` and the callers of `tables`. Raises ValueError, which names the table but no key."""
    by_digest = dict(others)
    for name, table in tables.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"[{name[:64]!r}]: a name is 1 to 64 letters, digits, dots, dashes, underscores")
        try:
            entry = msgspec.convert(table, _Entry)
        except msgspec.ValidationError as error:
            raise ValueError(f"[{name}]: {error}") from None
        if (entry.key is None) == (entry.sha256 is None):
            raise ValueError(f"[{name}]: give either `key` or `sha256`")
        digest = bytes.fromhex(entry.sha256) if entry.sha256 is not None else _digest(_usable(name, entry.key or ""))
        if digest in by_digest:
            raise ValueError(f"[{name}]: this key belongs to {by_digest[digest].name} already")
        by_digest[digest] = _with_defaults(name, entry.max_concurrent, entry.requests_per_minute, settings, owner=name)
    return by_digest


def _usable(name: str, key: str) -> str:
    try:
        (usable,) = ApiKeys(key).values
    except ValueError:
        raise ValueError(f"[{name}]: a key is made of printable ASCII characters without blanks and commas") from None
    return usable


def _with_defaults(
    name: str, max_concurrent: int | None, per_minute: int | None, settings: Settings, *, owner: str
) -> Caller:
    return Caller(
        name=name,
        owner=owner,
        max_concurrent=settings.max_concurrent_per_key if max_concurrent is None else max_concurrent,
        requests_per_minute=settings.requests_per_minute if per_minute is None else per_minute,
    )


def _digest(key: str) -> Digest:
    return hashlib.sha256(key.encode()).digest()
