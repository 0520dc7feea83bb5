"""Callbacks of the server's start, which loads models on a thread for seconds to minutes."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

StartupTimer = Callable[[str], AbstractContextManager[None]]
"""Times a stage of the start, by its name."""

Check = Callable[[], None]
"""Raises to give the start up; called between its steps, on the thread that does them."""


def unchecked() -> None:
    """No-op Check."""


def untimed(_: str) -> AbstractContextManager[None]:
    """No-op StartupTimer."""
    return nullcontext()
