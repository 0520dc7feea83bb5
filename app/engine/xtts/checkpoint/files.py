"""Paths and names of XTTS checkpoints. Knows no torch and no contents."""

from pathlib import Path

from app.engine.xtts.config import CONFIG
from app.weights.names import exists, expanded, is_folder

XTTS_V2 = "coqui/XTTS-v2"
PINNED_REVISIONS = {XTTS_V2: "6c2b0d75eae4b7047358e3b6bd9325f857d43f77"}
"""Hub id -> commit. XTTS v2: the tag v2.0.3, and `main` since 2023-12."""
UNPINNED = "main"

VOCABULARY = "vocab.json"
MANIFEST, WEIGHTS, SPEAKERS = "manifest.json", "model.safetensors", "speakers.safetensors"
INT8_WEIGHTS = "model.int8.safetensors"
ORIGINAL_WEIGHTS, ORIGINAL_SPEAKERS = "model.pth", "speakers_xtts.pth"
PUBLISHED_FILES = (CONFIG, VOCABULARY, ORIGINAL_SPEAKERS, ORIGINAL_WEIGHTS)
"""Files of a published checkpoint, smallest first. A fine-tune may come without speakers."""
RECORDINGS = ("reference", "ref", "audio")
"""Stems of the recording of the trained voice that training tools put beside a model."""
RECORDING_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".m4a")
RECORDINGS_FOLDER = "wavs"
MAX_RECORDINGS = 20
"""Files of RECORDINGS_FOLDER that are considered: it may hold a whole training set."""
PUBLISHED_RECORDINGS = tuple(f"{name}.wav" for name in RECORDINGS)
"""One is enough."""


def folder_of(model: str, data: Path) -> Path:
    """It may be missing."""
    if is_folder(model):
        return expanded(model)
    return installed_folder(data, model, PINNED_REVISIONS.get(model, UNPINNED))


def installed_folder(data: Path, model: str, revision: str) -> Path:
    """Folder of a downloaded model. The revision is in the path: a new one changes no files in use."""
    name = "xtts_v2" if model == XTTS_V2 else model.replace("/", "--")
    return data / "models" / name / revision


def is_converted(folder: Path) -> bool:
    """True if the folder holds the form that Chorus writes; its manifest is written last."""
    return exists(folder / MANIFEST)


def is_installed(model: str, data: Path) -> bool:
    folder = folder_of(model, data)
    return is_converted(folder) or exists(folder / ORIGINAL_WEIGHTS)


def find_recordings(folder: Path) -> list[Path]:
    """Recordings of the trained voice, the likeliest first: `reference.wav`, `ref.wav`, ..., then those in `wavs/`."""
    named = [folder / f"{name}{suffix}" for name in RECORDINGS for suffix in RECORDING_SUFFIXES]
    try:
        inside = sorted((folder / RECORDINGS_FOLDER).iterdir())
    except OSError:  # usually there is none
        inside = []
    of_training = [path for path in inside if path.suffix.lower() in RECORDING_SUFFIXES]
    return [path for path in (*named, *of_training[:MAX_RECORDINGS]) if exists(path) and path.is_file()]
