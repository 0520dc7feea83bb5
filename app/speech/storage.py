"""Files on the data volume: written whole or not at all."""

import os
import tempfile
from pathlib import Path

from app.errors import UnusableDataDirectory


def write_atomically(path: Path, data: bytes) -> None:
    """Readers see the old bytes or the new ones, also after a crash: temporary file, fsync, rename."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def prepare_data_directory(path: Path) -> None:
    """Make the folder and prove that it can be written, or raise UnusableDataDirectory with the reason."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        descriptor, probe = tempfile.mkstemp(dir=path, prefix=".probe.")
        os.close(descriptor)
        Path(probe).unlink()
    except OSError as error:
        raise UnusableDataDirectory(
            f"the data directory {str(path)!r} cannot be written ({error.strerror}); "
            "give CHORUS_DATA a folder that this user may write",
            param="CHORUS_DATA",
        ) from error
