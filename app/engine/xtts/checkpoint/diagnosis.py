"""Diagnose an unusable checkpoint folder in one line that says what to do.

Reads names, sizes, first bytes and the config, without torch, so the server's start, `chorus download` and `chorus
doctor` give the same line. The contents of files are checked where they are loaded.
"""

import json
import os
import re
import stat
from collections.abc import Sequence
from itertools import islice
from pathlib import Path, PureWindowsPath
from typing import Any

from app.engine.xtts.checkpoint.files import (
    CONFIG,
    MANIFEST,
    ORIGINAL_SPEAKERS,
    ORIGINAL_WEIGHTS,
    VOCABULARY,
    WEIGHTS,
    is_converted,
)
from app.errors import UnusableCheckpoint

LFS_POINTER = b"version https://git-lfs"
AURALIS_WEIGHTS = frozenset(("xtts-v2.safetensors", "gpt2_model.safetensors"))
WEIGHTS_SUFFIXES = frozenset((".pth", ".pt", ".ckpt"))
NOT_WEIGHTS = re.compile(r"(dvae|mel_stats|mel_norms|speakers.*|optimizer.*|scheduler.*)\.\w+")
TRAINED_NAMES = (r"best_model\.pth", r"best_model_\d+\.pth", r"checkpoint_\d+\.pth", r"unoptimize_model\.pth", r".*")
"""Weights that trainers write, the most wanted first."""
MAX_DEPTH = 4
"""Levels below a folder that are searched; the hub's cache, `huggingface/hub/models--*/snapshots/*`, has four."""
MAX_FOLDERS = 2000
MAX_NAMED = 3


def check_folder(folder: Path) -> None:
    """Raises UnusableCheckpoint with advice."""
    try:
        problem = _problem_of(folder)
    except OSError as error:
        problem = f"{error.filename or folder} cannot be read: {error.strerror}; make it readable for this user"
    if problem is not None:
        raise UnusableCheckpoint(problem, param="CHORUS_MODEL")


def _problem_of(folder: Path) -> str | None:
    kind = _kind(folder)
    if kind is None:
        return f"there is no folder {str(folder)!r}; CHORUS_MODEL names the checkpoint"
    if not stat.S_ISDIR(kind):
        return f"{folder} is a file: CHORUS_MODEL names the folder that it is in, {folder.absolute().parent}"
    needed = (WEIGHTS if is_converted(folder) else ORIGINAL_WEIGHTS, CONFIG, VOCABULARY)
    for name in (*needed, ORIGINAL_SPEAKERS):
        path = folder / name
        if _kind(path) is None and path.is_symlink():
            return (
                f"{path} is a link to {path.readlink()}, which is not there: copy the files that the links lead to "
                "(`cp -rL`), or mount the folder that holds both"
            )
    missing = [name for name in needed if _kind(folder / name) is None]
    if missing:
        return _what_is_missing(folder, needed, missing)
    return next(filter(None, (_problem_of_file(folder / name) for name in (*needed, ORIGINAL_SPEAKERS))), None)


def _problem_of_file(path: Path) -> str | None:
    kind = _kind(path)
    if kind is None:
        return None
    if stat.S_ISDIR(kind):
        return f"{path} is a folder and should be a file"
    with path.open("rb") as file:
        start = file.read(64)
    if not start and path.name == ORIGINAL_SPEAKERS:
        return f"{path} is empty: remove it, or put the speakers file of the model there"
    if not start:
        return f"{path} is damaged: it is empty; copy or download it again"
    if start.startswith(LFS_POINTER):
        return f"{path} is a Git LFS pointer, not the file itself: run `git lfs pull` in {path.parent}"
    if start.lstrip().startswith(b"<"):
        return f"{path} is a web page, not the file itself: download the file (on the hub, from its `resolve` address)"
    return None


def _what_is_missing(folder: Path, needed: Sequence[str], missing: Sequence[str]) -> str:
    wanted = f"an XTTS v2 checkpoint has {', '.join(needed)}"
    if missing[0] != ORIGINAL_WEIGHTS:
        hint = _where_the_vocabulary_is(folder) if missing[0] == VOCABULARY else wanted
        return f"{folder / missing[0]} is missing: {hint}"
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    if AURALIS_WEIGHTS & {*names, *(path.name for path in folder.glob("*/*.safetensors"))}:
        return (
            f"{folder} was converted for Auralis, which Chorus does not read: name the folder of the original, "
            f"with {', '.join(needed)}"
        )
    weights = [name for name in names if Path(name).suffix in WEIGHTS_SUFFIXES and not NOT_WEIGHTS.fullmatch(name)]
    if weights:
        hint = f"{folder / ORIGINAL_WEIGHTS} is missing and {_trained(weights)} to {ORIGINAL_WEIGHTS}"
        return f"{hint}; {_where_the_vocabulary_is(folder)}" if VOCABULARY in missing else hint
    tensors = [name for name in names if name.endswith(".safetensors")]
    if tensors:
        return (
            f"{folder} has {tensors[0]} and no {MANIFEST}, so `chorus download` did not write it: put the "
            f"{ORIGINAL_WEIGHTS} there from which it was made"
        )
    below = _checkpoints_below(folder)
    if below:
        named = " or ".join(str(path) for path in below[:MAX_NAMED])
        more = f" (there are {len(below)})" if len(below) > MAX_NAMED else ""
        return f"{folder} holds no checkpoint itself; set CHORUS_MODEL to the folder below it that does: {named}{more}"
    return f"{folder / ORIGINAL_WEIGHTS} is missing: {wanted}"


def _trained(weights: Sequence[str]) -> str:
    """The weights that are there instead of `model.pth`, and the one to copy to that name."""
    by_wish = sorted(weights, key=_wish)
    best = by_wish[0]
    if len(by_wish) == 1:
        return f"{best} is there: copy it"
    return f"{len(by_wish)} others are there: copy the one to speak with, usually {best},"


def _wish(name: str) -> tuple[int, int]:
    """Sort key of weights: best first, later steps before earlier ones."""
    rank = next(rank for rank, pattern in enumerate(TRAINED_NAMES) if re.fullmatch(pattern, name))
    return rank, -int((re.findall(r"\d+", name) or ["0"])[-1])


def _where_the_vocabulary_is(folder: Path) -> str:
    trained_with = _tokenizer_file(folder / CONFIG)
    if not trained_with:
        return f"copy the {VOCABULARY} of the model from which it was trained, such as that of coqui/XTTS-v2"
    # The trainer may have run on another machine, with the same folders side by side.
    there = PureWindowsPath(trained_with)  # parses both kinds of paths
    for path in (folder / trained_with, folder.absolute().parent / there.parent.name / there.name):
        if path.is_file():
            return f"copy {path} to {VOCABULARY}"
    return f"copy the file with which it was trained to {VOCABULARY}: {CONFIG} names {trained_with}, which is not here"


def _tokenizer_file(config: Path) -> str:
    """`model_args.tokenizer_file` of a trainer's config; empty where it is missing."""
    try:
        content: Any = json.loads(config.read_bytes())  # Any: JSON
        return str(content["model_args"]["tokenizer_file"] or "")
    except (ValueError, OSError, KeyError, TypeError, RecursionError):
        return ""


def _checkpoints_below(folder: Path) -> list[Path]:
    """Folders with a complete checkpoint or, without any, with a config and weights of a training."""
    complete: list[Path] = []
    trained: list[Path] = []
    for root, folders, files in islice(os.walk(folder), MAX_FOLDERS):
        path, names = Path(root), set(files)
        folders.sort()
        if len(path.relative_to(folder).parts) == MAX_DEPTH:
            folders.clear()
        if path == folder:
            continue
        if {ORIGINAL_WEIGHTS, CONFIG, VOCABULARY} <= names or {MANIFEST, WEIGHTS} <= names:
            complete.append(path)
        elif CONFIG in names and any(re.fullmatch(pattern, name) for pattern in TRAINED_NAMES[:-1] for name in names):
            trained.append(path)
    return complete or trained


def _kind(path: Path) -> int | None:
    """The mode of the target of `path`; None where there is nothing. Raises OSError where that is unknown."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
