"""A published checkpoint to the form that loads at once: safetensors with a manifest.

Knows files. What is in them is checked by building the networks with it, so what was converted can be served.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path

import msgspec
import torch
from safetensors.torch import save_file

from app import __version__
from app.engine.xtts.config import read_config
from app.engine.xtts.models import CONFIG, MANIFEST, SPEAKERS, VOCABULARY, WEIGHTS, check_files
from app.engine.xtts.voice.speakers import CONDITIONING_KEYS
from app.engine.xtts.weights.identity import identity_of
from app.engine.xtts.weights.networks import build_networks
from app.engine.xtts.weights.original import read_original_speakers, read_original_weights


class FileEntry(msgspec.Struct, frozen=True):
    size: int
    """bytes"""
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a converted folder holds and where it came from."""

    model: str
    revision: str | None
    chorus_version: str
    files: dict[str, FileEntry]
    identity: str | None = None
    """of the `model.pth` that was converted, so that both forms of a model have the same; null: not recorded yet"""


def convert_checkpoint(source: Path, target: Path, *, model: str, revision: str | None) -> None:
    """Write the converted form of `source` into the folder `target`, the manifest last.

    Raises UnusableCheckpoint, naming the file, when a file of `source` is missing, damaged or of another kind.
    """
    check_files(source)
    weights = read_original_weights(source)
    build_networks(read_config(source), weights, source)
    speakers = read_original_speakers(source)
    target.mkdir(parents=True, exist_ok=True)
    for name in (CONFIG, VOCABULARY):
        shutil.copyfile(source / name, target / name)
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, target / WEIGHTS)
    save_file(
        {
            f"{number}.{ours}": entry[theirs].to(torch.float32).clone().contiguous()
            for number, entry in enumerate(speakers.values())
            for ours, theirs in CONDITIONING_KEYS.items()
        },
        target / SPEAKERS,
        metadata={"names": json.dumps(list(speakers))},
    )
    files = {name: _entry(target / name) for name in (CONFIG, VOCABULARY, WEIGHTS, SPEAKERS)}
    manifest = Manifest(
        model=model, revision=revision, chorus_version=__version__, files=files, identity=identity_of(source)
    )
    (target / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    _flush(target / MANIFEST)


def _entry(path: Path) -> FileEntry:
    _flush(path)
    with path.open("rb") as file:
        return FileEntry(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
