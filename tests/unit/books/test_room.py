"""A writer that finds the disk full waits, and goes on when there is room."""

import asyncio
import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.books.room import MAX_ROOM_CHECK_S, MORE_ROOM_BYTES, ROOM_CHECK_S, Room


class Disk:
    """Takes files once `has_room`. Time passes by its `sleep`; `after` is called after each."""

    def __init__(self, after: Callable[["Disk"], None]) -> None:
        self.has_room = False
        self.num_tries = 0
        self.waits_s: list[float] = []
        self._after = after

    async def write(self) -> int:
        self.num_tries += 1
        if not self.has_room:
            raise OSError(errno.ENOSPC, "no room")
        return self.num_tries

    async def sleep(self, seconds: float) -> None:
        self.waits_s.append(seconds)
        self._after(self)
        await asyncio.sleep(0)


def test_nothing_is_tried_again_before_there_is_more_room_than_the_last_attempt_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage, free = shutil.disk_usage(tmp_path), 0

    def make_room(disk: Disk) -> None:
        nonlocal free
        free = {3: MORE_ROOM_BYTES + 500, 5: MORE_ROOM_BYTES + 501}.get(len(disk.waits_s), free)
        disk.has_room = len(disk.waits_s) == 5

    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=free))
    told: list[bool] = []
    disk = Disk(make_room)
    room = Room(tmp_path, told.append, sleep=disk.sleep)
    assert asyncio.run(room.until_written(disk.write, lambda: 500)) == 2
    assert disk.waits_s == [ROOM_CHECK_S] * 5
    assert told == [True, False]


def test_a_quota_is_tried_at_longer_and_longer_intervals(tmp_path: Path) -> None:
    def make_room(disk: Disk) -> None:
        disk.has_room = len(disk.waits_s) == 6

    disk = Disk(make_room)
    asyncio.run(Room(tmp_path, sleep=disk.sleep).until_written(disk.write))
    assert disk.waits_s == [5.0, 10.0, 20.0, 40.0, MAX_ROOM_CHECK_S, MAX_ROOM_CHECK_S]


def test_writers_that_wait_at_the_same_time_are_told_of_once(tmp_path: Path) -> None:
    def make_room(disk: Disk) -> None:
        disk.has_room = len(disk.waits_s) > 4

    async def scenario() -> list[bool]:
        told: list[bool] = []
        disk = Disk(make_room)
        room = Room(tmp_path, told.append, sleep=disk.sleep)
        await asyncio.gather(room.until_written(disk.write), room.until_written(disk.write))
        return told

    assert asyncio.run(scenario()) == [True, False]


def test_a_writer_that_is_cancelled_waits_no_more(tmp_path: Path) -> None:
    async def scenario() -> list[bool]:
        told: list[bool] = []
        waits = asyncio.Event()

        async def sleep(seconds: float) -> None:
            waits.set()
            await asyncio.Event().wait()

        disk = Disk(lambda disk: None)
        writing = asyncio.create_task(Room(tmp_path, told.append, sleep=sleep).until_written(disk.write))
        await waits.wait()
        writing.cancel()
        await asyncio.wait([writing])
        return told

    assert asyncio.run(scenario()) == [True, False]


def test_other_faults_are_raised(tmp_path: Path) -> None:
    async def write() -> None:
        raise OSError(errno.EIO, "broken")

    with pytest.raises(OSError, match="broken"):
        asyncio.run(Room(tmp_path).until_written(write))
