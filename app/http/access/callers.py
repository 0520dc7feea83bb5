"""Callers by API key, from CHORUS_API_KEYS and a TOML file, with the limits of each.

Counting requests is the work of app/http/access/limits.py.
"""

import hashlib
import hmac
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.errors import InvalidSetting
from app.settings import ApiKeys, Settings

logger = logging.getLogger(__name__)

KEYS_FILE = "CHORUS_API_KEYS_FILE"
MAX_FILE_BYTES = 1024 * 1024
RELOAD_INTERVAL_S = 1.0
"""Seconds between two looks at the file. A look is one `stat` on the event loop, a few microseconds."""

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")  # names are written to the log


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The owner of a key. A limit of 0 is none."""

    name: str
    """table of the file; `#1` is the first of CHORUS_API_KEYS; empty where no keys are needed"""
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

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._from_settings = {
            _digest(key): _with_defaults(f"#{number}", None, None, settings)
            for number, key in enumerate(settings.api_keys.values, start=1)
        }
        self._path = Path(settings.api_keys_file) if settings.api_keys_file else None
        self.is_file_stale = False
        """True while the newest file cannot be used and an earlier one is in force."""
        self._version = self._look()
        self._by_digest = self._read()

    @property
    def needs_key(self) -> bool:
        """False where neither setting is given; an empty file admits no caller."""
        return bool(self._settings.api_keys) or self._path is not None

    def __len__(self) -> int:
        return len(self._by_digest)

    def __iter__(self) -> Iterator[Caller]:
        return iter(self._by_digest.values())

    def find(self, keys: Iterable[str]) -> Caller | None:
        """The caller who has one of `keys`, each compared with every caller's in constant time."""
        found = None
        for key in keys:
            sent = _digest(key)
            for digest, caller in self._by_digest.items():
                if hmac.compare_digest(sent, digest):
                    found = caller
        return found

    def reload_if_changed(self) -> bool:
        """Read the file again if it has changed; True when other callers are in force now.

        A file that cannot be used changes no caller and is logged once for each version.
        """
        if self._path is None or (version := self._look()) == self._version:
            return False
        self._version = version
        try:
            self._by_digest = self._read()
        except InvalidSetting as error:
            self.is_file_stale = True
            logger.error("%s; the callers it named before stay", error)
            return False
        self.is_file_stale = False
        logger.info("%s was read again: %d callers", KEYS_FILE, len(self))
        return True

    def _look(self) -> tuple[int, int, int] | None:
        """Time, size and inode of the file, or None."""
        if self._path is None:
            return None
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _read(self) -> dict[Digest, Caller]:
        if self._path is None:
            return self._from_settings
        try:
            with self._path.open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
            if len(data) > MAX_FILE_BYTES:
                raise ValueError(f"it is larger than {MAX_FILE_BYTES} bytes")
            tables = msgspec.toml.decode(data, type=dict[str, Any])  # Any: a caller's table
            return read_callers(tables, self._settings, self._from_settings)
        except OSError as error:
            reason = str(error.strerror).lower()
        except (ValueError, msgspec.MsgspecError) as error:
            reason = str(error)
        raise InvalidSetting(f"{KEYS_FILE}={str(self._path)!r} cannot be used: {reason}", param=KEYS_FILE)


def read_callers(
    tables: Mapping[str, object], settings: Settings, others: Mapping[Digest, Caller]
) -> dict[Digest, Caller]:
    """`others` and the callers of `tables`. Raises ValueError, which names the table and shows no key."""
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
        by_digest[digest] = _with_defaults(name, entry.max_concurrent, entry.requests_per_minute, settings)
    return by_digest


def _usable(name: str, key: str) -> str:
    try:
        (usable,) = ApiKeys(key).values
    except ValueError:
        raise ValueError(f"[{name}]: a key is made of printable ASCII characters without blanks and commas") from None
    return usable


def _with_defaults(name: str, max_concurrent: int | None, per_minute: int | None, settings: Settings) -> Caller:
    return Caller(
        name=name,
        max_concurrent=settings.max_concurrent_per_key if max_concurrent is None else max_concurrent,
        requests_per_minute=settings.requests_per_minute if per_minute is None else per_minute,
    )


def _digest(key: str) -> Digest:
    return hashlib.sha256(key.encode()).digest()
