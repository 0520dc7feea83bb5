"""Where XTTS checkpoints lie: which folder a model setting means, and what is in it.

Knows paths and names. Knows nothing of torch, of the network, or of what the files hold.
"""

from pathlib import Path

XTTS_V2 = "coqui/XTTS-v2"
PINNED_REVISIONS = {XTTS_V2: "6c2b0d75eae4b7047358e3b6bd9325f857d43f77"}
"""Hub id -> commit. XTTS v2: the commit that the tag v2.0.3 and `main` have named since 2023-12."""
UNPINNED = "main"

CONFIG, VOCABULARY = "config.json", "vocab.json"
MANIFEST, WEIGHTS, SPEAKERS = "manifest.json", "model.safetensors", "speakers.safetensors"
ORIGINAL_WEIGHTS, ORIGINAL_SPEAKERS = "model.pth", "speakers_xtts.pth"
PUBLISHED_FILES = (CONFIG, VOCABULARY, ORIGINAL_SPEAKERS, ORIGINAL_WEIGHTS)
"""What a checkpoint is published as, smallest first. A fine-tune may come without speakers."""


def is_folder(model: str) -> bool:
    """Whether a model setting names a folder; otherwise it is the id of a model on the hub, `owner/name`.

    A file counts as a folder, so that it is not looked for on the hub.
    """
    return _exists(Path(model)) or model.startswith((".", "/", "~")) or model.count("/") != 1


def folder_of(model: str, data: Path) -> Path:
    """The folder that a model setting means, whether it is there or not."""
    if is_folder(model):
        try:
            return Path(model).expanduser()
        except RuntimeError:  # `~somebody` without a home
            return Path(model)
    return installed_folder(data, model, PINNED_REVISIONS.get(model, UNPINNED))


def installed_folder(data: Path, model: str, revision: str) -> Path:
    """Where a downloaded model lies. The revision is in the path: a new one never changes files in use."""
    name = "xtts_v2" if model == XTTS_V2 else model.replace("/", "--")
    return data / "models" / name / revision


def is_converted(folder: Path) -> bool:
    """Whether the folder holds the form that Chorus writes; its manifest is written last."""
    return _exists(folder / MANIFEST)


def is_installed(model: str, data: Path) -> bool:
    folder = folder_of(model, data)
    return is_converted(folder) or _exists(folder / ORIGINAL_WEIGHTS)


def _exists(path: Path) -> bool:
    """Path.exists, which before Python 3.14 raises PermissionError in a folder that this user may not enter."""
    try:
        path.stat()
    except OSError:
        return False
    return True
