"""Settings to a loaded engine. Blocking: called in a thread while the server answers /health.

Engines are imported when they are chosen: torch takes seconds, and the light environment lacks it.
"""

import importlib
import importlib.util
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from app.engine.base import Engine
from app.engine.xtts.checkpoint.diagnosis import check_folder
from app.engine.xtts.checkpoint.files import folder_of, is_installed
from app.engine.xtts.device.driver import find_device
from app.errors import EngineUnavailable, LicenceNotAccepted
from app.settings import Settings
from app.startup import Check, StartupTimer, unchecked, untimed
from app.weights.names import is_folder

if TYPE_CHECKING:
    from app.engine.xtts.checkpoint.load import Checkpoint

logger = logging.getLogger(__name__)

XTTS_PACKAGES = ("torch", "torchaudio", "TTS", "safetensors", "huggingface_hub")


def choose_engine(settings: Settings) -> tuple[str, str]:
    """(name, reason) of the engine that `build_engine` would build.

    Raises EngineUnavailable, UnusableCheckpoint or LicenceNotAccepted.
    """
    name, reason = _choose_engine(settings)
    if name == "xtts":
        find_device(settings.device)
    return name, reason


def _choose_engine(settings: Settings) -> tuple[str, str]:
    """Without a look at the GPU."""
    if settings.engine == "embedded":
        return "embedded", "CHORUS_ENGINE=embedded asks for it"
    missing = [package for package in XTTS_PACKAGES if importlib.util.find_spec(package) is None]
    installed = is_installed(settings.model, settings.data)
    if settings.engine == "xtts":
        _check_xtts(settings, missing, installed=installed)
        return "xtts", "CHORUS_ENGINE=xtts asks for it"
    if missing:
        return "embedded", f"XTTS needs {', '.join(missing)}, which is not installed; this voice needs nothing more"
    if not installed and not is_folder(settings.model):
        return "embedded", "no XTTS weights are installed, and this voice needs none; `chorus download` gets them"
    check_folder(folder_of(settings.model, settings.data))
    return "xtts", f"its weights are in {folder_of(settings.model, settings.data)}"


def _check_xtts(settings: Settings, missing: list[str], *, installed: bool) -> None:
    if missing:
        raise EngineUnavailable(
            f"CHORUS_ENGINE=xtts needs {', '.join(missing)}, which is not installed: "
            "pip install 'chorus-tts-server[xtts]'",
            param="CHORUS_ENGINE",
        )
    if is_folder(settings.model) or installed:
        check_folder(folder_of(settings.model, settings.data))
    elif not settings.accept_cpml:
        raise LicenceNotAccepted(
            f"CHORUS_ENGINE=xtts: {settings.model} is not downloaded, and its licence (Coqui Public Model License, "
            "non-commercial: https://coqui.ai/cpml) is yours to accept: set CHORUS_ACCEPT_CPML=1",
            param="CHORUS_ACCEPT_CPML",
        )


def load_weights(settings: Settings, *, stage: StartupTimer = untimed) -> "Checkpoint | None":
    """Load the weights into host memory for `build_engine`, without CUDA; None where they are not installed.

    Raises EngineUnavailable, UnusableCheckpoint or LicenceNotAccepted.
    """
    name, _ = _choose_engine(settings)
    if name != "xtts" or not is_installed(settings.model, settings.data):
        return None
    with stage("import"):
        importlib.import_module("app.engine.xtts.engine")  # all that serving will import
        from app.engine.xtts.checkpoint.load import load_checkpoint
    # On a thread that ends: the device's thread is slower beside another one that has ever computed (build.py).
    with stage("weights"), ThreadPoolExecutor(1) as reader:
        return reader.submit(load_checkpoint, folder_of(settings.model, settings.data), in_memory=True).result()


def build_engine(
    settings: Settings,
    *,
    weights: "Checkpoint | None" = None,
    exact_codes: int | None = None,
    stage: StartupTimer = untimed,
    check: Check = unchecked,
) -> Engine:
    """Load the engine of the settings, and download its weights where the licence is accepted.

    exact_codes   for benchmarks with XTTS: codes of every segment
    check         raises to give the start up; called often during a download. `stage` may raise the same

    Stages: import, weights, device, and graphs on a GPU. Raises EngineUnavailable, UnusableCheckpoint,
    LicenceNotAccepted or DownloadFailed.
    """
    name, reason = choose_engine(settings)
    if name == "xtts":
        engine = _build_xtts(settings, weights, exact_codes, stage, check)
    else:
        engine = _build_embedded(settings, stage)
    if engine.info.notice is None:
        logger.info("engine: %s (%s), %s on %s", name, reason, engine.info.model, engine.info.device)
    else:
        logger.warning("engine: %s (%s). %s", name, reason, engine.info.notice)
    return engine


def _build_xtts(
    settings: Settings, weights: "Checkpoint | None", exact_codes: int | None, stage: StartupTimer, check: Check
) -> Engine:
    if weights is None and not is_installed(settings.model, settings.data):
        from app.engine.xtts.checkpoint.download import download_model

        with stage("download"):
            download_model(settings, report=logger.info, check=check)
    with stage("import"):
        from app.engine.xtts.engine import XttsEngine
        from app.engine.xtts.runaway import Guards

    return XttsEngine(
        folder_of(settings.model, settings.data),
        device=find_device(settings.device),
        precision=settings.precision,
        use_graphs=settings.cuda_graphs,
        max_slots=settings.max_slots,
        max_queue=settings.max_queue,
        max_ahead_s=settings.max_ahead_s,
        limit_streams=settings.limit_streams,
        max_live_wait_s=settings.max_live_wait_s,
        guards=Guards(exact_codes=exact_codes),
        checkpoint=weights,
        stage=stage,
        check=check,
    )


def _build_embedded(settings: Settings, stage: StartupTimer) -> Engine:
    with stage("import"):
        from app.engine.embedded import EmbeddedEngine

    with stage("weights"):
        return EmbeddedEngine(
            max_slots=settings.max_slots,
            max_queue=settings.max_queue,
            max_ahead_s=settings.max_ahead_s,
            limit_streams=settings.limit_streams,
            max_live_wait_s=settings.max_live_wait_s,
        )
