"""A data folder that must be told what to share: when it is, in which order, and what a failure means."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from app.errors import StorageFailure
from app.voices.shared_folder import SharedFolder


class Recorded:
    """A volume that writes down what it is told, and waits or fails when the test says so."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.broken: set[str] = set()
        self.gate = asyncio.Event()
        self.gate.set()

    async def commit(self) -> None:
        await self._call("commit")

    async def reload(self) -> None:
        await self._call("reload")

    async def _call(self, name: str) -> None:
        self.calls.append(name)
        await self.gate.wait()
        if name in self.broken:
            raise OSError(f"{name} is broken")


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        self.now_s += 0.001  # no two moments are the same
        return self.now_s


def run(test: Callable[[SharedFolder, Recorded, Clock], Coroutine[None, None, None]]) -> None:
    async def main() -> None:
        volume, clock = Recorded(), Clock()
        await test(SharedFolder(volume, clock=clock), volume, clock)

    asyncio.run(main())


def test_a_plain_folder_is_told_nothing_and_nobody_waits() -> None:
    async def test() -> None:
        folder = SharedFolder()
        async with folder.writing(), folder.reading(), folder.writing():
            assert folder.failure is None

    asyncio.run(test())


def test_reading_reloads_first_unless_that_was_lately() -> None:
    async def test(folder: SharedFolder, volume: Recorded, clock: Clock) -> None:
        async with folder.reading():
            assert volume.calls == ["reload"]
        async with folder.reading(max_age_s=60):
            assert volume.calls == ["reload"]
        async with folder.reading():
            assert volume.calls == ["reload"] * 2
        clock.now_s += 61
        async with folder.reading(max_age_s=60):
            assert volume.calls == ["reload"] * 3

    run(test)


def test_who_waits_for_a_reload_that_began_before_gets_one_more_for_all() -> None:
    async def test(folder: SharedFolder, volume: Recorded, clock: Clock) -> None:
        async def read() -> None:
            async with folder.reading():
                pass

        volume.gate.clear()
        first = asyncio.create_task(read())
        while not volume.calls:
            await asyncio.sleep(0)
        others = [asyncio.create_task(read()) for _ in range(20)]
        await asyncio.sleep(0)
        volume.gate.set()
        await asyncio.gather(first, *others)
        assert volume.calls == ["reload"] * 2

    run(test)


def test_writing_reloads_before_and_commits_after() -> None:
    async def test(folder: SharedFolder, volume: Recorded, clock: Clock) -> None:
        async with folder.writing():
            assert volume.calls == ["reload"]
        assert volume.calls == ["reload", "commit"]

    run(test)


def test_nobody_reloads_while_somebody_reads_or_writes() -> None:
    async def test(folder: SharedFolder, volume: Recorded, clock: Clock) -> None:
        async def list_all() -> None:
            async with folder.reading():
                pass

        async with folder.reading():
            other = asyncio.create_task(list_all())
            for _ in range(10):
                await asyncio.sleep(0)
            assert volume.calls == ["reload"]
        await other
        assert volume.calls == ["reload"] * 2

    run(test)


def test_a_commit_that_fails_is_told_and_kept_until_one_succeeds(caplog: pytest.LogCaptureFixture) -> None:
    async def test(folder: SharedFolder, volume: Recorded, clock: Clock) -> None:
        volume.broken = {"commit"}
        for _ in range(2):
            with pytest.raises(StorageFailure, match=r"not seen by other servers yet.*commit is broken"):
                async with folder.writing():
                    pass
        assert folder.failure == "the data volume cannot be committed: commit is broken"
        assert [record.message for record in caplog.records] == [folder.failure]
        volume.calls.clear()
        async with folder.reading():
            # No reload: it would lose what is only here.
            assert volume.calls == ["commit"]
        volume.broken.clear()
        async with folder.reading():
            assert volume.calls[1:] == ["commit", "reload"]
        assert folder.failure is None

    run(test)


def test_a_write_that_fails_is_not_called_committed() -> None:
    async def test(folder: SharedFolder, volume: Recorded, clock: Clock) -> None:
        with pytest.raises(ZeroDivisionError):
            async with folder.writing():
                raise ZeroDivisionError
        assert volume.calls == ["reload"]
        async with folder.reading():
            assert volume.calls == ["reload", "commit", "reload"]

    run(test)


def test_a_reload_that_fails_leaves_what_is_here_readable_and_says_so() -> None:
    async def test(folder: SharedFolder, volume: Recorded, clock: Clock) -> None:
        volume.broken = {"reload"}
        async with folder.reading():
            assert folder.failure == "the data volume cannot be reloaded: reload is broken"
        volume.broken.clear()
        async with folder.reading():
            assert folder.failure is None

    run(test)


def test_who_waited_while_a_reload_failed_does_not_wait_for_the_next_failure() -> None:
    async def test(folder: SharedFolder, volume: Recorded, clock: Clock) -> None:
        async def read() -> None:
            async with folder.reading():
                pass

        volume.broken = {"reload"}
        volume.gate.clear()
        readers = [asyncio.create_task(read()) for _ in range(10)]
        while not volume.calls:
            await asyncio.sleep(0)
        volume.gate.set()
        await asyncio.gather(*readers)
        assert volume.calls == ["reload"]

    run(test)


@pytest.mark.slow
def test_the_fake_of_the_other_tests_refuses_a_reload_as_the_real_one_does(tmp_path: Path) -> None:
    from tests.support.modal_host import FakeVolume

    async def test() -> None:
        volume = FakeVolume(tmp_path / "shared", tmp_path / "view")
        with (tmp_path / "view" / "file").open("w"), pytest.raises(RuntimeError, match="open files"):
            await volume.reload()

    asyncio.run(test())
