"""One process at a time makes a book, and another takes over when it has died."""

import asyncio
import contextlib
import multiprocessing
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from app.books.lease import TTL_S, Lease, claim, hold
from app.errors import JobInUse


class Time:
    """A clock that moves when something sleeps; `at` calls a function at a moment."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.at: dict[float, Callable[[], None]] = {}

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        for moment_s in [moment_s for moment_s in self.at if moment_s <= self.now_s]:
            self.at.pop(moment_s)()
        await asyncio.sleep(0)


def claim_at(folder: Path, machine: str, time: Time | None = None) -> Lease:
    time = time or Time()
    return asyncio.run(claim(folder, machine=machine, clock=time, sleep=time.sleep))


def unlock(lease: Lease) -> None:
    """As the end of its process."""
    lease._lock.close()  # pyright: ignore[reportPrivateUsage]


def test_a_second_process_on_the_machine_is_refused_at_once(tmp_path: Path) -> None:
    lease = claim_at(tmp_path, "a")
    time = Time()
    with pytest.raises(JobInUse, match=r"process \d+ on .* makes this book already"):
        claim_at(tmp_path, "a", time)
    assert time.now_s == 0
    lease.release()
    claim_at(tmp_path, "a").release()


def test_after_a_death_on_the_same_machine_nothing_is_waited_for(tmp_path: Path) -> None:
    unlock(claim_at(tmp_path, "a"))
    time = Time()
    claim_at(tmp_path, "a", time).release()
    assert time.now_s == 0


def test_the_death_of_a_process_frees_its_lease(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_claim_and_die, args=(str(tmp_path),))
    process.start()
    process.join()
    assert process.exitcode == 9
    assert (tmp_path / "lease.json").exists()
    asyncio.run(claim(tmp_path)).release()


def _claim_and_die(folder: str) -> None:
    asyncio.run(claim(Path(folder)))
    os._exit(9)


def test_another_machine_takes_over_when_the_owner_is_silent_for_the_whole_time(tmp_path: Path) -> None:
    unlock(claim_at(tmp_path, "a"))
    time = Time()
    claim_at(tmp_path, "b", time).release()
    assert time.now_s == TTL_S


def test_another_machine_is_refused_while_the_owner_lives(tmp_path: Path) -> None:
    owner = claim_at(tmp_path, "a")
    unlock(owner)
    time = Time()
    time.at[TTL_S - 2] = owner.beat
    with pytest.raises(JobInUse):
        claim_at(tmp_path, "b", time)


def test_an_owner_that_releases_meanwhile_is_followed_at_once(tmp_path: Path) -> None:
    owner = claim_at(tmp_path, "a")
    unlock(owner)
    time = Time()
    time.at[3.0] = owner.release
    claim_at(tmp_path, "b", time).release()
    assert time.now_s == 3.0


def test_an_owner_that_was_taken_for_dead_learns_it_with_its_next_beat(tmp_path: Path) -> None:
    sleeper = claim_at(tmp_path, "a")
    unlock(sleeper)
    heir = claim_at(tmp_path, "b")
    with pytest.raises(JobInUse):
        sleeper.beat()
    sleeper.release()
    heir.beat()  # the lease of the heir is still there
    heir.release()


def test_an_owner_whose_heir_has_finished_is_no_owner_any_more(tmp_path: Path) -> None:
    sleeper = claim_at(tmp_path, "a")
    sleeper.check()
    unlock(sleeper)
    claim_at(tmp_path, "b").release()
    assert not (tmp_path / "lease.json").exists()
    with pytest.raises(JobInUse):
        sleeper.check()
    with pytest.raises(JobInUse):
        sleeper.beat()
    assert not (tmp_path / "lease.json").exists()


def test_a_lease_that_cannot_be_read_for_a_moment_is_kept_and_shows_nothing(tmp_path: Path) -> None:
    lease = claim_at(tmp_path, "a")
    path = tmp_path / "lease.json"
    record = path.read_bytes()
    path.unlink()
    path.mkdir()  # reading it raises OSError, also for root
    lease.beat()
    with pytest.raises(OSError, match="directory"):
        lease.check()
    path.rmdir()
    path.write_bytes(record)
    lease.check()
    lease.release()


def test_work_is_ended_when_the_lease_is_lost(tmp_path: Path) -> None:
    async def scenario() -> None:
        async def keep(self: Lease) -> None:
            raise JobInUse("taken over")

        async def wait_for_ever(lease: Lease) -> None:
            await asyncio.Event().wait()

        monkey = pytest.MonkeyPatch()
        monkey.setattr(Lease, "keep", keep)
        try:
            await hold(tmp_path, wait_for_ever)
        finally:
            monkey.undo()

    with pytest.raises(JobInUse, match="taken over"):
        asyncio.run(scenario())


def test_the_event_loop_waits_for_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.books.lease.BEAT_S", 0.0)
    threads: list[int] = []
    sync = os.fsync

    def sync_and_tell(descriptor: int) -> None:
        threads.append(threading.get_ident())
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", sync_and_tell)

    async def work(lease: Lease) -> None:
        async with asyncio.timeout(20):
            while len(threads) < 3:  # the claim and two beats
                await asyncio.sleep(0)

    asyncio.run(hold(tmp_path, work))
    assert threading.get_ident() not in threads
    assert not (tmp_path / "lease.json").exists()


def test_a_claim_that_is_cancelled_at_any_moment_leaves_no_lock(tmp_path: Path) -> None:
    async def scenario() -> None:
        for num_turns in range(6):
            claiming = asyncio.create_task(claim(tmp_path))
            for _ in range(num_turns):
                await asyncio.sleep(0)
            claiming.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                (await claiming).release()
            (await claim(tmp_path)).release()

    asyncio.run(scenario())


def test_a_beat_that_comes_after_the_release_writes_nothing(tmp_path: Path) -> None:
    lease = claim_at(tmp_path, "a")
    lease.release()
    lease.beat()
    assert not (tmp_path / "lease.json").exists()


def test_the_lease_is_released_when_work_fails(tmp_path: Path) -> None:
    async def fail(lease: Lease) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(hold(tmp_path, fail))
    assert not (tmp_path / "lease.json").exists()
