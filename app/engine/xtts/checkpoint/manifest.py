"""The manifest of a converted folder, and the files that it lists.

Knows files, sizes and hashes. Knows nothing of what the files hold.
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from app.engine.xtts.checkpoint.files import CONFIG, MANIFEST, WEIGHTS
from app.errors import UnusableCheckpoint

MIN_SAME_BEST = 0.98
MAX_RELATIVE_ERROR = 0.03
"""A checkpoint that is worse in int8 speaks in float32, unless int8 is asked for."""


class FileEntry(msgspec.Struct, frozen=True):
    size: int
    """bytes"""
    sha256: str


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How near the decoder in int8 comes to the one in float32, to which the same codes are said."""

    same_best: float
    """share of steps in which both find the same code the likeliest"""
    relative_error: float
    """norm of the difference of the logits over norm of those in float32; 1 where there is one that is no number"""
    num_steps: int
    languages: tuple[str, ...]
    row_limit: int
    """the largest whole number of an activation; a CPU with a smaller one is less exact"""

    @property
    def is_enough(self) -> bool:
        return self.same_best >= MIN_SAME_BEST and self.relative_error <= MAX_RELATIVE_ERROR

    def __str__(self) -> str:
        return (
            f"the same best code as float32 in {self.same_best:.1%} of {self.num_steps} steps, logits that differ by "
            f"{self.relative_error:.1%}; {MIN_SAME_BEST:.0%} and {MAX_RELATIVE_ERROR:.0%} are asked for"
        )


class Int8Record(msgspec.Struct, frozen=True, kw_only=True):
    """The int8 weights beside those in float32. They are made from these, so they are made again where they lack."""

    file: FileEntry
    format: int
    """of the file; see INT8_FORMAT"""
    agreement: Agreement | None = None
    """null: not measured, because the checkpoint has no voice, or none of the languages with a sentence for it"""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Contents and source of a converted folder."""

    model: str
    revision: str | None
    chorus_version: str
    files: dict[str, FileEntry]
    """without which the folder cannot be served"""
    identity: str | None = None
    """of the `model.pth` that was converted, so that both forms of a model have the same; null: not recorded yet"""
    int8: Int8Record | None = None
    """null: converted before int8 was known"""


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest and compare sizes, which finds files that were cut short. Hashes were compared on download.

    Raises UnusableCheckpoint, naming the file.
    """
    path = folder / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except msgspec.DecodeError as error:
        raise UnusableCheckpoint(f"{path} cannot be read: {error}", param="CHORUS_MODEL") from error
    if WEIGHTS not in manifest.files:
        raise UnusableCheckpoint(f"{path} does not list {WEIGHTS}", param="CHORUS_MODEL")
    for name, entry in manifest.files.items():
        file = folder / name
        if not file.is_file():
            raise UnusableCheckpoint(f"{file} is missing", param="CHORUS_MODEL")
        if file.stat().st_size != entry.size:
            raise UnusableCheckpoint(
                f"{file} has {file.stat().st_size} bytes instead of {entry.size}: it is damaged; "
                "remove the folder and download it again",
                param="CHORUS_MODEL",
            )
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest, at once and for good: a reader sees the old one or the new one. Raises OSError."""
    content = msgspec.json.format(msgspec.json.encode(manifest))
    replace_file(folder / MANIFEST, lambda path: path.write_bytes(content))


def save_tensors(tensors: dict[str, torch.Tensor], path: Path, metadata: dict[str, str] | None = None) -> FileEntry:
    """Replace a file of safetensors. A process that maps the old one keeps it. Raises OSError."""

    def save(new: Path) -> None:
        try:
            save_file(tensors, new, metadata=metadata)
        except SafetensorError as error:
            raise OSError(f"{path.name} could not be written: {error}") from error

    replace_file(path, save)
    return entry_of(path)


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under another name and rename it when it is complete and on the disk. For one process at a time.

    It may be read by those who may read the config beside it: the library makes files of mode 0600.
    """
    new = path.with_name(f".{path.name}.new")
    try:
        write(new)
        shutil.copymode(path.with_name(CONFIG), new)
        _flush(new)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def entry_of(path: Path) -> FileEntry:
    _flush(path)
    with path.open("rb") as file:
        return FileEntry(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
