"""The thread that owns the device."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Parts = TypeVar("Parts")


def start_device_thread(make: Callable[[], Parts], run: Callable[[Parts], None]) -> tuple[Thread, Parts]:
    """Start a thread that calls `make` and then `run` with its result. Blocks until `make` ends; raises what it raises.

    A daemon: the end of the process does not wait for it.
    """
    made: Future[Parts] = Future()

    def live() -> None:
        try:
            made.set_result(make())
        except BaseException as error:  # noqa: BLE001 - raised in `result` below
            made.set_exception(error)
        else:
            run(made.result())

    thread = Thread(target=live, name="device", daemon=True)
    thread.start()
    return thread, made.result()
