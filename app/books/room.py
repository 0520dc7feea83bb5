"""Room on the disk of a book: a writer that finds the disk full waits, and goes on when there is room."""

import asyncio
import errno
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from app.pools import BOOK_FILES

T = TypeVar("T")
ROOM_CHECK_S, MAX_ROOM_CHECK_S = 5.0, 60.0
"""Between two looks at the free space; doubled after each attempt that fails although there was room, as for a
quota."""
MORE_ROOM_BYTES = 1 << 20
"""Room beyond that of the last attempt, before the next one."""
FULL = (errno.ENOSPC, errno.EDQUOT)


class Room:
    """Lives on the event loop. All who write to one folder share it.

    on_full   called with True when a first writer waits, and with False when none waits any more
    """

    def __init__(
        self,
        folder: Path,
        on_full: Callable[[bool], None] = lambda is_full: None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._folder = folder
        self._on_full = on_full
        self._sleep = sleep
        self._num_waiting = 0

    async def until_written(
        self, write: Callable[[], Awaitable[T]], num_tried_bytes: Callable[[], int] = lambda: 0
    ) -> T:
        """Await `write()`, again and again while the disk is full. Raises its other errors.

        num_tried_bytes   called after an attempt that failed: bytes that it wrote, and that were removed
        """
        pause_s = ROOM_CHECK_S
        is_waiting = False
        try:
            while True:
                try:
                    return await write()
                except OSError as error:
                    if error.errno not in FULL:
                        raise
                if not is_waiting:
                    is_waiting = True
                    self._count(1)
                await self._wait(num_tried_bytes(), pause_s)
                pause_s = min(2 * pause_s, MAX_ROOM_CHECK_S)
        finally:
            if is_waiting:
                self._count(-1)

    async def _wait(self, num_bytes: int, pause_s: float) -> None:
        free_bytes = 0
        while free_bytes <= num_bytes + MORE_ROOM_BYTES:
            await self._sleep(pause_s)
            free_bytes = (await BOOK_FILES.run(shutil.disk_usage, self._folder)).free

    def _count(self, change: int) -> None:
        before = self._num_waiting
        self._num_waiting += change
        if not (before and self._num_waiting):
            self._on_full(self._num_waiting > 0)
