"""A published checkpoint to the form that loads at once: safetensors with a manifest.

Knows files. The networks, the voices and the tokenizer are built from them first, so what was converted can be served.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from app import __version__
from app.engine.base import Check, unchecked
from app.engine.xtts.checkpoint.diagnosis import check_folder
from app.engine.xtts.checkpoint.files import (
    CONFIG,
    MANIFEST,
    ORIGINAL_WEIGHTS,
    RECORDINGS,
    SPEAKERS,
    VOCABULARY,
    WEIGHTS,
)
from app.engine.xtts.checkpoint.identity import identity_of
from app.engine.xtts.checkpoint.networks import build_networks
from app.engine.xtts.checkpoint.original import read_original_speakers, read_original_weights
from app.engine.xtts.checkpoint.recording import read_recording
from app.engine.xtts.checkpoint.vocabulary import read_tokenizer
from app.engine.xtts.config import read_config
from app.engine.xtts.text.languages import find_languages
from app.engine.xtts.voice.speakers import CONDITIONING_KEYS


class FileEntry(msgspec.Struct, frozen=True):
    size: int
    """bytes"""
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Contents and source of a converted folder."""

    model: str
    revision: str | None
    chorus_version: str
    files: dict[str, FileEntry]
    identity: str | None = None
    """of the `model.pth` that was converted, so that both forms of a model have the same; null: not recorded yet"""


def convert_checkpoint(
    source: Path, target: Path, *, model: str, revision: str | None, check: Check = unchecked
) -> None:
    """Write the converted form of `source` into the folder `target`, the manifest last.

    `check` raises to give up; it is called between the steps.

    Raises UnusableCheckpoint, naming the file, when a file of `source` is missing, damaged or of another kind, and
    OSError when `target` cannot be written.
    """
    check_folder(source)
    config = read_config(source)
    weights = read_original_weights(source)
    check()
    networks = build_networks(config, weights, source / ORIGINAL_WEIGHTS)
    tokenizer = read_tokenizer(source / VOCABULARY, networks.decoder, config)
    find_languages(config.languages, tokenizer.has_mark)
    speakers = read_original_speakers(source, channels=config.model_args.gpt_n_model_channels)
    check()
    target.mkdir(parents=True, exist_ok=True)
    for name in (CONFIG, VOCABULARY):
        shutil.copyfile(source / name, target / name)
    _save({name: tensor.contiguous() for name, tensor in weights.items()}, target / WEIGHTS)
    _save(
        {
            f"{number}.{name}": getattr(voice, name).clone().contiguous()
            for number, voice in enumerate(speakers.values())
            for name in CONDITIONING_KEYS
        },
        target / SPEAKERS,
        metadata={"names": json.dumps(list(speakers))},
    )
    names = [CONFIG, VOCABULARY, WEIGHTS, SPEAKERS]
    if recording := read_recording(source, max_s=config.max_ref_len):
        names.append(f"{RECORDINGS[0]}{recording.path.suffix.lower()}")
        shutil.copyfile(recording.path, target / names[-1])
    check()
    files = {name: _entry(target / name) for name in names}
    check()
    manifest = Manifest(
        model=model, revision=revision, chorus_version=__version__, files=files, identity=identity_of(source)
    )
    (target / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    _flush(target / MANIFEST)


def _save(tensors: dict[str, torch.Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write safetensors, readable for the same users as the config beside it: the library makes files of mode 0600."""
    try:
        save_file(tensors, path, metadata=metadata)
    except SafetensorError as error:
        raise OSError(f"{path.name} could not be written: {error}") from error
    shutil.copymode(path.with_name(CONFIG), path)


def _entry(path: Path) -> FileEntry:
    _flush(path)
    with path.open("rb") as file:
        return FileEntry(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
