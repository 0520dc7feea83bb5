"""Diagnose an unusable checkpoint folder in one line that says what to do.

Reads names, sizes, first bytes and the config, without torch, so the server's start, `chorus download` and `chorus
doctor` give the same line. The contents of files are checked where they are loaded.
"""

import json
import re
from collections.abc import Sequence
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
from app.weights.files import (
    files_below,
    mode_of,
    named_below,
    problem_of_file,
    problem_of_folder,
    problem_of_link,
    problem_of_reading,
)

AURALIS_WEIGHTS = frozenset(("xtts-v2.safetensors", "gpt2_model.safetensors"))
WEIGHTS_SUFFIXES = frozenset((".pth", ".pt", ".ckpt"))
NOT_WEIGHTS = re.compile(r"(dvae|mel_stats|mel_norms|speakers.*|optimizer.*|scheduler.*)\.\w+")
TRAINED_NAMES = (r"best_model\.pth", r"best_model_\d+\.pth", r"checkpoint_\d+\.pth", r"unoptimize_model\.pth", r".*")
"""Weights that trainers write, the most wanted first."""


def check_folder(folder: Path) -> None:
    """Raises UnusableCheckpoint with advice."""
    try:
        problem = _problem_of(folder)
    except OSError as error:
        problem = problem_of_reading(error, folder)
    if problem is not None:
        raise UnusableCheckpoint(problem, param="CHORUS_MODEL")


def _problem_of(folder: Path) -> str | None:
    if (problem := problem_of_folder(folder, "CHORUS_MODEL")) is not None:
        return problem
    needed = (WEIGHTS if is_converted(folder) else ORIGINAL_WEIGHTS, CONFIG, VOCABULARY)
    paths = [folder / name for name in (*needed, ORIGINAL_SPEAKERS)]
    if (problem := next(filter(None, map(problem_of_link, paths)), None)) is not None:
        return problem
    missing = [name for name in needed if mode_of(folder / name) is None]
    if missing:
        return _what_is_missing(folder, needed, missing)
    return next(filter(None, map(_problem_of_file, paths)), None)


def _problem_of_file(path: Path) -> str | None:
    if path.name == ORIGINAL_SPEAKERS and path.is_file() and not path.stat().st_size:
        return f"{path} is empty: remove it, or put the speakers file of the model there"
    return problem_of_file(path)


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
        return named_below(folder, below, "CHORUS_MODEL")
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
    for path, names in files_below(folder):
        if {ORIGINAL_WEIGHTS, CONFIG, VOCABULARY} <= names or {MANIFEST, WEIGHTS} <= names:
            complete.append(path)
        elif CONFIG in names and any(re.fullmatch(pattern, name) for pattern in TRAINED_NAMES[:-1] for name in names):
            trained.append(path)
    return complete or trained
