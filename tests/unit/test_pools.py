import asyncio
import contextvars
import os
import subprocess
import sys
import threading

import pytest

from app.pools import NICENESS, ThreadPool, switch_threads_often


def test_work_of_one_kind_does_not_wait_for_another() -> None:
    release = threading.Event()

    async def scenario() -> str:
        slow, quick = ThreadPool("slow", 1), ThreadPool("quick", 1)
        waiting = [asyncio.create_task(slow.run(release.wait)) for _ in range(100)]
        try:
            return await quick.run(lambda: "done")
        finally:
            release.set()
            await asyncio.gather(*waiting)

    assert asyncio.run(scenario()) == "done"


def test_no_more_calls_run_at_a_time_than_the_pool_has_threads() -> None:
    num_running, most = 0, 0
    lock = threading.Lock()
    both_in = threading.Barrier(2)

    def work() -> None:
        nonlocal num_running, most
        with lock:
            num_running += 1
            most = max(most, num_running)
        both_in.wait(30)
        with lock:
            num_running -= 1

    async def scenario() -> None:
        pool = ThreadPool("two", 2)
        await asyncio.gather(*(pool.run(work) for _ in range(20)))

    asyncio.run(scenario())
    assert most == 2


def test_a_call_that_still_waits_is_dropped_when_its_caller_is_cancelled() -> None:
    release = threading.Event()
    called: list[str] = []

    async def scenario() -> None:
        pool = ThreadPool("one", 1)
        first = asyncio.create_task(pool.run(release.wait))
        second = asyncio.create_task(pool.run(called.append, "second"))
        await asyncio.sleep(0)  # both are handed to the pool
        second.cancel()
        await asyncio.wait((second,))
        release.set()
        await first
        await pool.run(called.append, "third")

    asyncio.run(scenario())
    assert called == ["third"]


def test_a_call_sees_the_context_of_its_caller() -> None:
    name = contextvars.ContextVar("name", default="")

    async def scenario() -> str:
        name.set("caller")
        return await ThreadPool("one", 1).run(name.get)

    assert asyncio.run(scenario()) == "caller"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a niceness for each thread")
def test_threads_of_a_pool_leave_the_event_loop_its_core() -> None:
    def own_niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = own_niceness()
    assert asyncio.run(ThreadPool("one", 1).run(own_niceness)) == before + NICENESS
    assert own_niceness() == before


START_NICED = """
import asyncio, os, sys, threading
from app.pools import ThreadPool

os.nice(int(sys.argv[1]))
if os.geteuid() == 0:
    os.setuid(65534)  # root may raise priorities
print(asyncio.run(ThreadPool("one", 1).run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="niceness is of the whole process on this system")
@pytest.mark.parametrize("niceness", [1, 10, 19])
def test_a_server_that_was_started_with_nice_lowers_its_threads_too(niceness: int) -> None:
    before = os.getpriority(os.PRIO_PROCESS, os.getpid())
    started = subprocess.run(
        [sys.executable, "-c", START_NICED, str(niceness)], capture_output=True, text=True, check=False, timeout=60
    )
    assert started.stdout == f"{min(before + niceness + NICENESS, 19)}\n", started.stderr


def test_another_thread_waits_half_a_millisecond_for_the_interpreter() -> None:
    before_s = sys.getswitchinterval()
    try:
        switch_threads_often()
        assert sys.getswitchinterval() == pytest.approx(0.0005)
    finally:
        sys.setswitchinterval(before_s)
