"""Settings to a loaded recogniser. Blocking: called in a thread while the server answers /health.

ctranslate2 and faster_whisper are imported when a model is loaded: the light environment lacks them.
"""

import logging

from app.asr.base import Recognizer
from app.asr.inference import Network
from app.asr.installation import ModelChoice, choose_model
from app.asr.model_folder import SETTING
from app.asr.recognizer import WhisperRecognizer
from app.errors import UnusableCheckpoint
from app.settings import Settings
from app.startup import Check, StartupTimer, unchecked, untimed

logger = logging.getLogger(__name__)

MAX_BATCH = {"cpu": 4, "cuda": 16}
"""More windows in a turn make a CPU no faster."""
MAX_PER_REQUEST = {"cpu": 2, "cuda": 8}


def build_recognizer(
    settings: Settings,
    choice: ModelChoice,
    *,
    stage: StartupTimer = untimed,
    check: Check = unchecked,
) -> Recognizer:
    """Load the model of `choose_model`, whose kind is not `none`, and download it where it is not there.

    check   raises to give the start up; called often during a download. `stage` may raise the same

    Raises EngineUnavailable, UnusableCheckpoint or DownloadFailed.
    """
    if choice.needs_download:
        from app.asr.download import download_model

        with stage("asr-download"):
            download_model(choice.name, settings.data, report=logger.info, check=check)
    with stage("asr-import"):
        from app.asr.whisper.device import find_device, find_precision
        from app.asr.whisper.embedded import read_files
        from app.asr.whisper.network import WhisperNetwork, find_speech
        from app.asr.whisper.version import check_version

    found = find_device(settings.asr_device)
    device = found.name

    def make_network() -> Network:
        precision = find_precision(device)
        if choice.folder is None:
            return WhisperNetwork(choice.name, device=device, precision=precision, files=read_files())
        is_pruned = check_version(choice.folder).is_pruned
        try:
            return WhisperNetwork(choice.folder, device=device, precision=precision, is_pruned=is_pruned)
        except Exception as error:  # three libraries read the files, and one raises Exception itself
            raise UnusableCheckpoint(f"{SETTING}: {choice.folder} cannot be loaded: {error}", param=SETTING) from error

    with stage("asr-weights"):
        recognizer = WhisperRecognizer(
            make_network,
            find_speech=find_speech,
            model=choice.name,
            device=device,
            max_batch=MAX_BATCH[device],
            max_per_request=MAX_PER_REQUEST[device],
            max_queue=settings.max_queue,
        )
    logger.info(
        "transcribes with %s (%s) on %s (%s) in %s",
        choice.name,
        choice.reason,
        device,
        found.reason,
        recognizer.info.precision,
    )
    return recognizer


def open_recognizer(settings: Settings, *, stage: StartupTimer, check: Check) -> tuple[Recognizer | None, str]:
    """`build_recognizer` with the settings; None, and the command or setting that adds one, where there is none."""
    choice = choose_model(settings)
    if choice.kind == "none":
        return None, choice.reason
    return build_recognizer(settings, choice, stage=stage, check=check), choice.reason
