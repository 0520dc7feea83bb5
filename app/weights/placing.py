"""A model's folder appears complete under its name, by one process at a time."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from app.errors import EngineUnavailable
from app.weights.hub import Report, explained


@contextmanager
def placing(final: Path, *, report: Report, extra: str) -> Generator[Path]:
    """Wait for other processes that download the same model, and yield the folder for files that are not complete.

    The block ends with `place`. After an error the folder is there for the next try.

    extra     the optional dependencies that have the hub's library

    Raises EngineUnavailable without the hub's library, and DownloadFailed for an OSError.
    """
    try:
        from filelock import FileLock, Timeout
    except ImportError as error:
        raise EngineUnavailable(
            f"downloading needs more than the light installation: pip install 'chorus-tts-server[{extra}]'"
        ) from error
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(final.with_name(f".{final.name}.lock"))
        try:
            lock.acquire(blocking=False)
        except Timeout:
            report("another process is downloading this model; waiting for it")
            lock.acquire()
        try:
            partial = final.with_name(f".{final.name}.partial")
            partial.mkdir(exist_ok=True)
            yield partial
            shutil.rmtree(partial, ignore_errors=True)  # `place` may have renamed it
        finally:
            lock.release()
    except OSError as error:
        raise explained(error, "the model could not be written") from error


def place(complete: Path, final: Path) -> None:
    """Rename a complete folder to `final`, which it replaces. Raises OSError."""
    shutil.rmtree(final, ignore_errors=True)
    complete.replace(final)
