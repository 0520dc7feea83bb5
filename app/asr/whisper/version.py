"""Versions of models that the installed CTranslate2 reads."""

import importlib.metadata
from pathlib import Path

from app.asr.model_file import VERSIONS, ModelFile, read_model_file
from app.asr.model_folder import SETTING, WEIGHTS
from app.errors import UnusableCheckpoint

REVISIONS = (1, 2, 3)
"""Revisions of Whisper's network; the CTranslate2 that this version of Chorus asks for reads them, and VERSIONS."""


def check_version(folder: Path) -> ModelFile:
    """The table of a model that `check_folder` has passed. Raises UnusableCheckpoint for one of a newer CTranslate2."""
    path = folder / WEIGHTS
    model = read_model_file(path)
    if model.version not in VERSIONS or model.revision not in REVISIONS:
        _check_newer(model, path)
    return model


def _check_newer(model: ModelFile, path: Path) -> None:
    from ctranslate2.specs import WhisperSpec  # imports torch where it is installed, in seconds
    from ctranslate2.specs.model_spec import CURRENT_BINARY_VERSION

    newest_revision = WhisperSpec(1, 1, 1, 1).revision
    if model.version <= CURRENT_BINARY_VERSION and model.revision <= newest_revision:
        return
    installed = importlib.metadata.version("ctranslate2")
    raise UnusableCheckpoint(
        f"{SETTING}: {path} has version {model.version} and revision {model.revision}, and CTranslate2 {installed} "
        f"reads up to {CURRENT_BINARY_VERSION} and {newest_revision}: install a newer one "
        "(`pip install -U ctranslate2`), or convert the model with this one",
        param=SETTING,
    )
