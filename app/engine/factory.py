"""Settings to a loaded engine. Blocking: called in a thread while the server already answers /health.

Engines are imported when they are chosen: torch alone takes seconds, and the light environment does not have it.
"""

import importlib.util
import logging

from app.engine.base import Engine
from app.engine.xtts.driver import find_device
from app.engine.xtts.models import check_files, folder_of, is_folder, is_installed
from app.errors import EngineUnavailable, LicenceNotAccepted
from app.settings import Settings

logger = logging.getLogger(__name__)

XTTS_PACKAGES = ("torch", "torchaudio", "TTS", "safetensors", "huggingface_hub")


def choose_engine(settings: Settings) -> tuple[str, str]:
    """(name, reason): which engine `build_engine` would build, without building it.

    Raises EngineUnavailable, UnusableCheckpoint or LicenceNotAccepted for what cannot work.
    """
    if settings.engine == "embedded":
        return "embedded", "CHORUS_ENGINE=embedded asks for it"
    missing = [package for package in XTTS_PACKAGES if importlib.util.find_spec(package) is None]
    installed = is_installed(settings.model, settings.data)
    if settings.engine == "xtts":
        _check_xtts(settings, missing, installed=installed)
        find_device(settings.device)
        return "xtts", "CHORUS_ENGINE=xtts asks for it"
    if missing:
        return "embedded", f"XTTS needs {', '.join(missing)}, which is not installed; this voice needs nothing more"
    if not installed and not is_folder(settings.model):
        return "embedded", "no XTTS weights are installed, and this voice needs none; `chorus download` gets them"
    check_files(folder_of(settings.model, settings.data))
    find_device(settings.device)
    return "xtts", f"its weights are in {folder_of(settings.model, settings.data)}"


def _check_xtts(settings: Settings, missing: list[str], *, installed: bool) -> None:
    if missing:
        raise EngineUnavailable(
            f"CHORUS_ENGINE=xtts needs {', '.join(missing)}, which is not installed: "
            "pip install 'chorus-tts-server[xtts]'",
            param="CHORUS_ENGINE",
        )
    if is_folder(settings.model) or installed:
        check_files(folder_of(settings.model, settings.data))
    elif not settings.accept_cpml:
        raise LicenceNotAccepted(
            f"CHORUS_ENGINE=xtts: {settings.model} is not downloaded, and its licence (Coqui Public Model License, "
            "non-commercial: https://coqui.ai/cpml) is yours to accept: set CHORUS_ACCEPT_CPML=1",
            param="CHORUS_ACCEPT_CPML",
        )


def build_engine(settings: Settings) -> Engine:
    """Load the engine that the settings ask for, downloading its weights where the licence is accepted.

    Raises EngineUnavailable, UnusableCheckpoint, LicenceNotAccepted or DownloadFailed.
    """
    name, reason = choose_engine(settings)
    engine = _build_xtts(settings) if name == "xtts" else _build_embedded(settings)
    if engine.info.notice is None:
        logger.info("engine: %s (%s), %s on %s", name, reason, engine.info.model, engine.info.device)
    else:
        logger.warning("engine: %s (%s). %s", name, reason, engine.info.notice)
    return engine


def _build_xtts(settings: Settings) -> Engine:
    if not is_installed(settings.model, settings.data):
        from app.engine.xtts.download import download_model

        download_model(settings, report=logger.info)
    from app.engine.xtts.engine import XttsEngine

    folder = folder_of(settings.model, settings.data)
    return XttsEngine(
        folder, device=find_device(settings.device), max_slots=settings.max_slots, max_queue=settings.max_queue
    )


def _build_embedded(settings: Settings) -> Engine:
    from app.engine.embedded import EmbeddedEngine

    return EmbeddedEngine(max_slots=settings.max_slots, max_queue=settings.max_queue)
