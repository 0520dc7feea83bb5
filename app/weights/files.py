"""Faults of a model's files that are the same for every kind of model: links, pointers, web pages, empty files.

Each function returns one line that says what to do, or raises OSError.
"""

import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

LFS_POINTER = b"version https://git-lfs"
MAX_DEPTH = 4
"""Levels below a folder that are searched; the hub's cache, `huggingface/hub/models--*/snapshots/*`, has four."""
MAX_FOLDERS = 2000
MAX_NAMED = 3


class Finding(msgspec.Struct, frozen=True):
    """A line of `chorus doctor`."""

    text: str
    is_noteworthy: bool = False
    """True where an operator may not expect it"""


def mode_of(path: Path) -> int | None:
    """The mode of the target of `path`; None where there is nothing. Raises OSError where that is unknown."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def problem_of_folder(folder: Path, setting: str) -> str | None:
    """None if `folder` is a folder. `setting` names it."""
    mode = mode_of(folder)
    if mode is None:
        return f"there is no folder {str(folder)!r}; {setting} names the checkpoint"
    if not stat.S_ISDIR(mode):
        return f"{folder} is a file: {setting} names the folder that it is in, {folder.absolute().parent}"
    return None


def problem_of_link(path: Path) -> str | None:
    """None unless `path` is a link without a target."""
    if mode_of(path) is None and path.is_symlink():
        return (
            f"{path} is a link to {path.readlink()}, which is not there: copy the files that the links lead to "
            "(`cp -rL`), or mount the folder that holds both"
        )
    return None


def problem_of_file(path: Path) -> str | None:
    """None if `path` may be a model's file, or is missing."""
    mode = mode_of(path)
    if mode is None:
        return None
    if stat.S_ISDIR(mode):
        return f"{path} is a folder and should be a file"
    with path.open("rb") as file:
        start = file.read(64)
    if not start:
        return f"{path} is damaged: it is empty; copy or download it again"
    if start.startswith(LFS_POINTER):
        return f"{path} is a Git LFS pointer, not the file itself: run `git lfs pull` in {path.parent}"
    if start.lstrip().startswith(b"<"):
        return f"{path} is a web page, not the file itself: download the file (on the hub, from its `resolve` address)"
    return None


def problem_of_reading(error: OSError, folder: Path) -> str:
    return f"{error.filename or folder} cannot be read: {error.strerror}; make it readable for this user"


def files_below(folder: Path) -> Iterator[tuple[Path, set[str]]]:
    """Each folder below `folder` with the names of its files: MAX_DEPTH levels, in order, MAX_FOLDERS at most."""
    for root, folders, files in islice(os.walk(folder), MAX_FOLDERS):
        path = Path(root)
        folders.sort()
        if len(path.relative_to(folder).parts) == MAX_DEPTH:
            folders.clear()
        if path != folder:
            yield path, set(files)


def named_below(folder: Path, below: list[Path], setting: str) -> str:
    """The line for a folder whose model lies in one of the folders `below`."""
    named = " or ".join(str(path) for path in below[:MAX_NAMED])
    more = f" (there are {len(below)})" if len(below) > MAX_NAMED else ""
    return f"{folder} holds no checkpoint itself; set {setting} to the folder below it that does: {named}{more}"
