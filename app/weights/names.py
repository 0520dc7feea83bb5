"""A setting that names a model: a folder, or an id on the hub."""

from pathlib import Path


def is_folder(model: str) -> bool:
    """True if a model setting names a folder, and not the id of a model on the hub, `owner/name`.

    A file counts as a folder, so that it is not looked for on the hub.
    """
    return exists(Path(model)) or model.startswith((".", "/", "~")) or model.count("/") != 1


def expanded(folder: str) -> Path:
    """Path of a folder, with `~` replaced. It may be missing."""
    try:
        return Path(folder).expanduser()
    except RuntimeError:  # `~somebody` without a home
        return Path(folder)


def exists(path: Path) -> bool:
    """Path.exists, which before Python 3.14 raises PermissionError below a folder that may not be entered."""
    try:
        path.stat()
    except OSError:
        return False
    return True
