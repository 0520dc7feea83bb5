"""Threads that the end of the process does not wait for: one call, or the owner of a model."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
Parts = TypeVar("Parts")


async def run_in_daemon_thread(work: Callable[[], T], *, name: str) -> T:
    """The result of `work`. A cancelled call leaves the thread running, and drops its result.

    The threads of `asyncio.to_thread` are joined when the loop closes and again when the interpreter ends.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if outcome.done():
            return
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)  # pyright: ignore[reportArgumentType] - a T, as there is no error

    def run() -> None:
        result, failure = None, None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - raised again where the call is awaited
            failure = error
        with suppress(RuntimeError):  # the loop may be closed by now: nobody waits for the result
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await outcome


def start_owner_thread(
    make: Callable[[], Parts], run: Callable[[Parts], None], *, name: str
) -> tuple[threading.Thread, Parts]:
    """Start a thread that calls `make` and then `run` with its result. Blocks until `make` ends; raises its error."""
    made: Future[Parts] = Future()

    def live() -> None:
        try:
            made.set_result(make())
        except BaseException as error:  # noqa: BLE001 - raised in `result` below
            made.set_exception(error)
        else:
            run(made.result())

    thread = threading.Thread(target=live, name=name, daemon=True)
    thread.start()
    return thread, made.result()
