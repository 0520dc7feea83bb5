"""Named thread pools, one for each kind of blocking work, so that one kind never waits behind another.

asyncio's default executor is one queue of a few threads: twenty uploads in it delay every encoder. Each pool is
process-wide, because its size is a share of this machine's cores; its threads start with its first call.

A call that has begun cannot be cancelled; a call that still waits in its pool can.
"""

import asyncio
import contextvars
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


NICENESS = 5
TRANSCRIPTION_NICENESS = 15
"""Beside threads at NICENESS a thread gets a tenth of a core, and all that they leave."""
LOWEST_PRIORITY = 19
SWITCH_INTERVAL_S = 0.0005


def switch_threads_often() -> None:
    """For the whole process: a thread that runs Python gives way to another one after 0.5 ms, not after 5 ms.

    The event loop waits that long for each of its turns while other threads compute. The engine's thread waits that
    long after each call of torch while the event loop is busy: 0.8 ms a call, 5.3 ms at Python's default.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)


def yield_to_event_loop() -> None:
    """Lower the priority of the calling thread, so that the event loop gets a core first when all are busy."""
    _lower_priority(NICENESS)


def yield_to_speech() -> None:
    """Lower the priority of the calling thread, and of threads that it starts later, below that of speech."""
    _lower_priority(TRANSCRIPTION_NICENESS)


def _lower_priority(by: int) -> None:
    """Relative to the process: a server that was started with `nice` may not raise it. Linux counts niceness by thread;
    elsewhere it would slow the whole process, so nothing is done there.
    """
    if sys.platform == "linux":
        niceness = min(os.getpriority(os.PRIO_PROCESS, os.getpid()) + by, LOWEST_PRIORITY)
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)


class ThreadPool:
    """At most `num_threads` calls at a time; later ones wait in the order of arrival.

    lower_priority   called on each of its threads when it starts
    """

    def __init__(
        self, name: str, num_threads: int, *, lower_priority: Callable[[], None] = yield_to_event_loop
    ) -> None:
        self._executor = ThreadPoolExecutor(num_threads, thread_name_prefix=name, initializer=lower_priority)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `function` on one of the pool's threads, with the caller's context variables.

        Cancelling the caller drops a call that has not begun; one that has begun runs to its end, unseen.
        """
        call = partial(contextvars.copy_context().run, function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)

    async def run_interruptible(self, function: Callable[[], T], interrupt: Callable[[], None]) -> T:
        """As `run`; but a call that has begun when the caller is cancelled is interrupted, and its end awaited.

        `interrupt` runs on the event loop and makes `function` return soon.
        """
        future = self._executor.submit(contextvars.copy_context().run, function)
        running = asyncio.wrap_future(future)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            if not future.cancel():
                interrupt()
            await asyncio.wait((running,))
            if not running.cancelled():
                running.exception()  # the caller has gone, and with it everybody who would have heard of it
            raise


UPLOADS = ThreadPool("uploads", 2)
"""Unpacking, hashing and measuring what callers send."""
RECORDINGS = ThreadPool("recordings", 2)
"""Decoding recordings to transcribe: up to half a minute a call for an hour."""
NUM_LIVE_RECORDINGS = 16
"""Streams of Opus at a time: each has a child process with 30 MB of its own."""
LIVE_RECORDINGS = ThreadPool("live-recordings", NUM_LIVE_RECORDINGS)
"""Waiting for children that decode streams, for as long as a stream lasts."""
LISTENING = ThreadPool("listening", 2)
"""Converting pieces of speech as they arrive, and finding the ends of utterances: milliseconds a call."""
ENCODERS = ThreadPool("encoders", max(2, os.cpu_count() or 1))
"""Encoding pieces of a stream that somebody is listening to: milliseconds a call."""
WHOLE_ANSWERS = ThreadPool("whole-answers", 2)
"""Encoding whole answers: seconds a call for a long text."""
TEXT = ThreadPool("text", 2)
"""Cleaning, segmenting and tokenising text."""
FILES = ThreadPool("files", 4)
"""Reading and writing the data volume, which may be a slow network share, for requests."""
BOOK_FILES = ThreadPool("book-files", 4)
"""Reading and writing the segments and records of books, so that these never delay the voices of requests."""
LEASES = ThreadPool("leases", 1)
"""Signs of life of those who make books, which must not wait behind segments."""
BOOKS = ThreadPool("books", 1, lower_priority=yield_to_speech)
"""Writing the files of books: minutes a call."""
WINDOWS = ThreadPool("windows", 2)
"""Finding speech in recordings that are transcribed, and its features: 0.1 s for 30 s."""
