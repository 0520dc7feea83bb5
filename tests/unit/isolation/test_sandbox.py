import asyncio
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import psutil
import pytest

from app.errors import Draining, Unavailable, UnreadableAudio
from app.isolation import pool
from app.isolation.child import Child, IsolationFailure, Limits
from app.isolation.pool import Sandbox

T = TypeVar("T")

HERE = "tests.support.isolated"


@pytest.fixture
def file() -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as file:
        file.write(b"some bytes")
        yield file


def run(scenario: Callable[[Sandbox], Awaitable[T]], *, max_idle_s: float = 60, **limits: Any) -> T:
    async def run_it() -> T:
        sandbox = Sandbox(Limits(**limits), max_idle_s=max_idle_s)
        try:
            return await scenario(sandbox)
        finally:
            await sandbox.aclose()

    return asyncio.run(run_it())


def call(name: str, file: BinaryIO, **options: object) -> Callable[[Child], Any]:
    return lambda child: child.call(f"{HERE}:{name}", file, object, max_bytes=1000, **options)


def test_a_function_is_called_with_the_file_and_its_value_and_data_come_back(file: BinaryIO) -> None:
    async def scenario(sandbox: Sandbox) -> object:
        return await sandbox.run(call("read", file, suffix="!"))

    assert run(scenario) == (10, b"some bytes!")


def test_a_worker_finds_packages_wherever_the_server_found_them(
    file: BinaryIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "installed_elsewhere.py").write_text("def read(file):\n    return len(file.read()), b''\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    async def scenario(sandbox: Sandbox) -> object:
        return await sandbox.run(lambda child: child.call("installed_elsewhere:read", file, object, max_bytes=1000))

    assert run(scenario) == (10, b"")


def test_an_error_for_the_caller_comes_back_as_itself(file: BinaryIO) -> None:
    async def scenario(sandbox: Sandbox) -> None:
        await sandbox.run(call("refuse", file))

    with pytest.raises(UnreadableAudio, match="no audio") as refusal:
        run(scenario)
    assert refusal.value.param == "reference_audio"


def test_a_child_that_is_killed_while_it_starts_is_no_failure_of_the_server(caplog: pytest.LogCaptureFixture) -> None:
    child = Child(Limits(), (), {})
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(Unavailable, match="try again in a moment"):
        child.lease()
    assert "exit status -9" in caplog.text
    child.close()


@pytest.mark.parametrize("is_started", [False, True])
def test_a_child_whose_caller_left_is_no_warning_in_the_log(
    file: BinaryIO, caplog: pytest.LogCaptureFixture, is_started: bool
) -> None:
    child = Child(Limits(), (), {})
    if is_started:
        child.lease()
    child.interrupt()
    with pytest.raises((Unavailable, IsolationFailure)):
        if is_started:
            call("read", file)(child)
        else:
            child.lease()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    child.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "says", "limits"),
    [
        ("crash", "crashed its decoder", {}),
        ("hang", "takes longer than 5 s to decode", {"wall_s": 5.0}),  # the next call has as long
        ("spin", "takes longer than 60 s to decode", {"wall_s": 60.0, "cpu_s": 0}),
        ("overrun_memory", "needs more than 300 MiB of memory", {"memory_bytes": 300 * 2**20}),
        ("fail", "cannot be decoded", {}),
        ("answer_nonsense", "crashed its decoder", {}),
    ],
)
def test_whatever_happens_in_the_child_one_call_fails_and_the_next_one_works(
    file: BinaryIO, name: str, says: str, limits: dict[str, Any]
) -> None:
    async def scenario(sandbox: Sandbox) -> object:
        with pytest.raises(IsolationFailure, match=says):
            await sandbox.run(call(name, file))
        return await sandbox.run(call("read", file))

    assert run(scenario, **limits) == (10, b"some bytes")


@pytest.mark.slow
def test_a_reply_larger_than_announced_is_not_read(file: BinaryIO) -> None:
    async def scenario(sandbox: Sandbox) -> None:
        assert await sandbox.run(call("answer_too_much", file, num_bytes=1000)) == (0, bytes(1000))
        with pytest.raises(IsolationFailure):
            await sandbox.run(call("answer_too_much", file, num_bytes=1001))

    run(scenario)


def test_a_child_is_given_no_secrets_and_no_open_files(file: BinaryIO, monkeypatch: pytest.MonkeyPatch) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("no /proc to list open files in")
    monkeypatch.setenv("CHORUS_API_KEYS", "secret")
    inherited = os.dup(file.fileno())
    os.set_inheritable(inherited, True)
    try:

        async def scenario(sandbox: Sandbox) -> Any:
            return await sandbox.run(call("describe", file))

        told, _ = run(scenario)
    finally:
        os.close(inherited)
    assert not [name for name in told["environ"] if name.startswith("CHORUS")]
    # Standard input, output and error, the connection, the file of the job, and the listing itself.
    assert len(told["open"]) == 6
    assert told["cwd"] == "/"


def test_a_child_competes_for_the_processor_with_its_server_and_is_out_of_reach_of_its_terminal() -> None:
    """Linux gives each session a share of the processor of its own, in which the niceness of a child has no effect."""
    child = Child(Limits(), (), {})
    try:
        child.lease()
        assert os.getsid(child.pid) == os.getsid(0)
        assert os.getpgid(child.pid) != os.getpgid(0)
        assert psutil.Process(child.pid).nice() > psutil.Process().nice()
    finally:
        child.close()


def test_a_child_writes_no_file(file: BinaryIO, tmp_path: Any) -> None:
    path = tmp_path / "written"

    async def scenario(sandbox: Sandbox) -> None:
        with pytest.raises(IsolationFailure):
            await sandbox.run(call("write_a_file", file, path=str(path)))

    run(scenario)
    assert not path.exists() or path.stat().st_size == 0


def test_a_warm_child_serves_the_next_request_and_a_worn_one_is_replaced(
    file: BinaryIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "MAX_LEASES", 2)

    async def scenario(sandbox: Sandbox) -> list[int]:
        return [await sandbox.run(lambda child: child.pid) for _ in range(4)]

    first, second, third, fourth = run(scenario)
    assert first == second != third == fourth


@pytest.mark.slow
def test_a_child_that_was_killed_while_it_was_idle_is_replaced_unnoticed(file: BinaryIO) -> None:
    async def scenario(sandbox: Sandbox) -> object:
        await sandbox.run(call("read", file))
        (pid,) = sandbox.pids
        os.kill(pid, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(pid)], timeout=30)
        return await sandbox.run(call("read", file))

    assert run(scenario) == (10, b"some bytes")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["crash_after_another_call", "overrun_memory_after_another_call"])
def test_a_failure_that_an_earlier_file_has_caused_is_not_the_next_files(name: str, file: BinaryIO) -> None:
    async def scenario(sandbox: Sandbox) -> list[object]:
        return [await sandbox.run(call(name, file)) for _ in range(3)]

    assert run(scenario) == [(10, b"")] * 3


@pytest.mark.slow
def test_a_file_that_crashes_a_new_process_too_is_refused(file: BinaryIO, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(sandbox: Sandbox) -> object:
        with pytest.raises(UnreadableAudio):
            await sandbox.run(call("refuse", file))
        with pytest.raises(IsolationFailure, match="crashed its decoder"):
            await sandbox.run(call("crash", file))
        return await sandbox.run(call("read", file))

    assert run(scenario) == (10, b"some bytes")
    assert caplog.text.count("a decoding process ended with status -11") == 2


def test_a_child_that_is_killed_at_work_fails_one_call(file: BinaryIO) -> None:
    async def scenario(sandbox: Sandbox) -> object:
        at_work = threading.Event()

        def hang(child: Child) -> object:
            at_work.set()
            return child.call(f"{HERE}:hang", file, object, max_bytes=0)

        hanging = asyncio.create_task(sandbox.run(hang))
        await asyncio.to_thread(at_work.wait, 60)
        (pid,) = sandbox.pids
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(IsolationFailure, match="crashed"):
            await hanging
        return await sandbox.run(call("read", file))

    assert run(scenario) == (10, b"some bytes")


def test_a_caller_who_leaves_takes_his_child_with_him(file: BinaryIO) -> None:
    """Three callers in turn on two threads: the third would wait for ever if a thread were not free again."""

    async def scenario(sandbox: Sandbox) -> object:
        pids: list[int] = []
        for _ in range(3):
            at_work = threading.Event()

            def hang(child: Child, at_work: threading.Event = at_work) -> object:
                pids.append(child.pid)
                at_work.set()
                return child.call(f"{HERE}:hang", file, object, max_bytes=0)

            hanging = asyncio.create_task(sandbox.run(hang))
            await asyncio.to_thread(at_work.wait, 60)
            hanging.cancel()
            with pytest.raises(asyncio.CancelledError):
                await hanging
        assert not any(psutil.pid_exists(pid) for pid in pids)
        return await sandbox.run(call("read", file))

    assert run(scenario) == (10, b"some bytes")


def test_idle_children_are_ended_after_a_while(file: BinaryIO) -> None:
    async def scenario(sandbox: Sandbox) -> None:
        pid, _ = await asyncio.gather(*(sandbox.run(lambda child: child.pid) for _ in range(2)))
        while sandbox.pids:
            await asyncio.sleep(0.01)
        assert not psutil.pid_exists(pid)

    run(scenario, max_idle_s=0.05)


def test_closing_ends_children_at_work_and_idle_ones_and_later_requests_are_refused(file: BinaryIO) -> None:
    async def scenario(sandbox: Sandbox) -> None:
        at_work = threading.Event()

        def hang(child: Child) -> object:
            at_work.set()
            return child.call(f"{HERE}:hang", file, object, max_bytes=0)

        hanging = asyncio.create_task(sandbox.run(hang))
        await asyncio.to_thread(at_work.wait, 60)
        await sandbox.run(call("read", file))
        pids = sandbox.pids
        assert len(pids) == 2
        await sandbox.aclose()
        with pytest.raises(IsolationFailure):
            await hanging
        assert not any(psutil.pid_exists(pid) for pid in pids)
        with pytest.raises(Draining):
            await sandbox.run(call("read", file))

    run(scenario)


KILLED_SERVER = """
import asyncio, sys, tempfile
from app.isolation.pool import Sandbox

async def serve():
    sandbox = Sandbox()
    def hang(child):
        print(child.pid, flush=True)
        child.call("tests.support.isolated:hang", tempfile.TemporaryFile(), object, max_bytes=0)
    await sandbox.run(hang)

asyncio.run(serve())
"""


@pytest.mark.slow
def test_no_child_outlives_a_server_that_was_killed() -> None:
    import subprocess

    server = subprocess.Popen([sys.executable, "-c", KILLED_SERVER], stdout=subprocess.PIPE)
    assert server.stdout is not None
    with server.stdout:
        child = psutil.Process(int(server.stdout.readline()))
        server.kill()
        server.wait()
    psutil.wait_procs([child], timeout=30)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
