"""Diagnose an unusable folder of a Whisper model in one line that says what to do.

Reads names, sizes, JSON and the table of `model.bin`, without ctranslate2, so the server's start, `chorus download` and
`chorus doctor` give the same line.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from app.asr.model_file import SPECIFICATION, DamagedModel, ModelFile, NotCTranslate2, read_model_file
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

T = TypeVar("T")

SETTING = "CHORUS_ASR_MODEL"
CONFIG, WEIGHTS, TOKENIZER, PREPROCESSOR = "config.json", "model.bin", "tokenizer.json", "preprocessor_config.json"
VOCABULARIES = ("vocabulary.txt", "vocabulary.json")
"""One is enough. large-v3 and later ones come with the second."""
REQUIRED_FILES = (CONFIG, TOKENIZER, WEIGHTS)
OF_XTTS = frozenset(("model.pth", "speakers_xtts.pth", "manifest.json"))
AN_ID = "name a converted one by its id, such as Systran/faster-whisper-small"


def check_folder(folder: Path) -> None:
    """Raises UnusableCheckpoint that names the file at fault and what to do."""
    try:
        problem = _problem_of(folder)
    except OSError as error:
        problem = problem_of_reading(error, folder)
    if problem is not None:
        raise UnusableCheckpoint(f"{SETTING}: {problem}", param=SETTING)


def _problem_of(folder: Path) -> str | None:
    if (problem := problem_of_folder(folder, SETTING)) is not None:
        return problem
    paths = [folder / name for name in (*REQUIRED_FILES, *VOCABULARIES, PREPROCESSOR)]
    if (problem := next(filter(None, map(problem_of_link, paths)), None)) is not None:
        return problem
    missing = [name for name in REQUIRED_FILES if mode_of(folder / name) is None]
    vocabulary = next((name for name in VOCABULARIES if mode_of(folder / name) is not None), None)
    if vocabulary is None:
        missing.append(VOCABULARIES[0])
    if missing or vocabulary is None:
        return f"{folder} lacks {', '.join(missing)}{_what_it_is(folder, missing)}"
    if (problem := next(filter(None, map(problem_of_file, paths)), None)) is not None:
        return problem
    return _problem_of_contents(folder, vocabulary)


def _problem_of_contents(folder: Path, vocabulary: str) -> str | None:
    for name in (CONFIG, TOKENIZER, PREPROCESSOR):
        if mode_of(folder / name) is not None and _read_json(folder / name, dict[str, Any]) is None:
            return f"{folder / name} is damaged: it is no JSON object; copy or download it again"
    path = folder / WEIGHTS
    try:
        model = read_model_file(path)
    except NotCTranslate2:
        return f"{path} is not a model of CTranslate2{_form_of(path)}; convert the model, or {AN_ID}"
    except DamagedModel:
        return f"{path} is damaged: it ends too early; copy or download it again"
    if model.specification != SPECIFICATION:
        return f"{path} is not a Whisper model of CTranslate2, but a {model.specification}: {AN_ID}"
    return _problem_of_vocabulary(folder / vocabulary, model)


def _problem_of_vocabulary(path: Path, model: ModelFile) -> str | None:
    if path.suffix == ".json":
        num_tokens = len(_read_json(path, list[str]) or ())
    else:
        content = path.read_bytes()
        num_tokens = content.count(b"\n") + (not content.endswith(b"\n"))
    if model.num_tokens and num_tokens != model.num_tokens:
        return (
            f"{path} has {num_tokens} tokens and {WEIGHTS} {model.num_tokens}: it is damaged or of another model; take "
            "the one that came with the weights"
        )
    return None


def _read_json(path: Path, kind: type[T]) -> T | None:
    """None for what is no JSON of that type. Raises OSError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _what_it_is(folder: Path, missing: Sequence[str]) -> str:
    """Contents of the folder in place of a model of CTranslate2, and the remedy, behind a semicolon."""
    if WEIGHTS not in missing:
        if missing == [TOKENIZER]:
            return "; copy that of the model from which it was converted, such as openai/whisper-small"
        return "; copy them from where the weights are from"
    names = {path.name for path in folder.iterdir() if path.is_file()}
    if names & OF_XTTS:
        return "; it holds an XTTS checkpoint, which CHORUS_MODEL names"
    if any(name == "pytorch_model.bin" or name.endswith(".safetensors") for name in names):
        config = _read_json(folder / CONFIG, dict[str, Any]) if CONFIG in names else None
        kind = (config or {}).get("model_type")
        if kind not in (None, "whisper"):
            return f"; it holds a {kind} model of transformers, which is no Whisper model: {AN_ID}"
        return (
            "; it holds a model of transformers: convert it with `ct2-transformers-converter --model "
            f"{folder} --output_dir NEW --copy_files tokenizer.json preprocessor_config.json`, or {AN_ID}"
        )
    if any(name.startswith("ggml") or name.endswith((".gguf", ".pt")) for name in names):
        return f"; it holds a model of whisper.cpp or of openai-whisper, which cannot be read: {AN_ID}"
    below = [path for path, found in files_below(folder) if {WEIGHTS, CONFIG} <= found]
    if below:
        return f"; {named_below(folder, below, SETTING)}"
    return f"; {AN_ID}"


def _form_of(path: Path) -> str:
    """The form of a file that CTranslate2 did not write, behind a comma; empty where it is unknown."""
    with path.open("rb") as file:
        start = file.read(4)
    if start == b"PK\x03\x04" or start[:2] == b"\x80\x02":
        return ", but weights of PyTorch"
    if start in (b"lmgg", b"ggml", b"GGUF"):
        return ", but one of whisper.cpp"
    return ""
