"""A TOML file that a setting names, read again when it changes."""

import logging
import threading
import time
from collections.abc import Callable, Sized
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from app.errors import InvalidSetting

logger = logging.getLogger(__name__)

RELOAD_INTERVAL_S = 1.0
"""Between two looks at the file. A look is one `stat`, a few microseconds, so it may happen on the event loop."""

Content = TypeVar("Content", bound=Sized)


class TomlFile(Generic[Content]):
    """`content` is what `parse` makes of the file's tables; it is `empty` for an empty path. Any thread may use it.

    setting   name of the setting, for messages
    parse     raises ValueError, which names the table
    items     what the content holds, for the log: "callers"

    Raises InvalidSetting when the first reading fails. A later version that cannot be used changes nothing: it is
    logged once, and `is_stale` until the file is right again.
    """

    def __init__(
        self,
        setting: str,
        path: str,
        parse: Callable[[dict[str, Any]], Content],  # Any: tables of the user's making, which `parse` checks
        *,
        empty: Content,
        items: str,
        max_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._setting = setting
        self._path = Path(path) if path else None
        self._parse = parse
        self._items = items
        self._max_bytes = max_bytes
        self._clock = clock
        self._reading = threading.Lock()
        self._looked_at_s = clock()
        self.is_stale = False
        self.version = self._look()
        """differs between two versions of the file; None without one"""
        self.content = empty if self._path is None else self._read(self._path)

    def refresh(self) -> bool:
        """Read the file if it has changed; look at it once in RELOAD_INTERVAL_S. True if the content is a new one.

        While another thread reads, the earlier content is in force.
        """
        if self._path is None or self._clock() - self._looked_at_s < RELOAD_INTERVAL_S:
            return False
        if not self._reading.acquire(blocking=False):
            return False
        try:
            self._looked_at_s = self._clock()
            version = self._look()
            if version == self.version:
                return False
            self.version = version
            self.content = self._read(self._path)
        except InvalidSetting as error:
            self.is_stale = True
            logger.error("%s; the %s it had before stay", error, self._items)
            return False
        finally:
            self._reading.release()
        self.is_stale = False
        logger.info("%s was read again: %d %s", self._setting, len(self.content), self._items)
        return True

    def _look(self) -> tuple[int, int, int] | None:
        """Time, size and inode of the file; None where there is no file."""
        if self._path is None:
            return None
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _read(self, path: Path) -> Content:
        try:
            with path.open("rb") as file:
                data = file.read(self._max_bytes + 1)
            if len(data) > self._max_bytes:
                raise ValueError(f"it is larger than {self._max_bytes} bytes")
            return self._parse(msgspec.toml.decode(data, type=dict[str, Any]))
        except OSError as error:
            reason = str(error.strerror).lower()
        except (ValueError, RecursionError, msgspec.MsgspecError) as error:
            reason = str(error)
        raise InvalidSetting(f"{self._setting}={str(path)!r} cannot be used: {reason}", param=self._setting)
