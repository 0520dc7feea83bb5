"""Settings to a loaded recogniser. Blocking: called in a thread while the server answers /health.

ctranslate2 and faster_whisper are imported when a model is loaded: the light environment lacks them.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from app.asr.base import Recognizer
from app.asr.inference import Network
from app.asr.installation import ModelChoice, choose_model
from app.asr.recognizer import WhisperRecognizer
from app.errors import UnusableCheckpoint
from app.settings import Settings

logger = logging.getLogger(__name__)

PRECISIONS = {"cpu": "int8", "cuda": "float16"}
MAX_BATCH = {"cpu": 4, "cuda": 16}
"""More windows in a turn make a CPU no faster."""
MAX_PER_REQUEST = {"cpu": 2, "cuda": 8}


def build_recognizer(
    settings: Settings,
    choice: ModelChoice,
    *,
    stage: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> Recognizer:
    """Load the model of `choose_model`, whose kind is not `none`. Raises EngineUnavailable or UnusableCheckpoint."""
    with stage("asr-import"):
        from app.asr.whisper.device import find_device
        from app.asr.whisper.embedded import read_files
        from app.asr.whisper.network import WhisperNetwork, find_speech

    device = find_device(settings.asr_device)

    def make_network() -> Network:
        precision = PRECISIONS[device]
        if choice.folder is None:
            return WhisperNetwork(choice.name, device=device, precision=precision, files=read_files())
        try:
            return WhisperNetwork(choice.folder, device=device, precision=precision)
        except (RuntimeError, ValueError) as error:
            raise UnusableCheckpoint(
                f"CHORUS_ASR_MODEL: {choice.folder} cannot be loaded: {error}", param="CHORUS_ASR_MODEL"
            ) from error

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
        "transcribes with %s on %s in %s, because %s", choice.name, device, recognizer.info.precision, choice.reason
    )
    return recognizer


def open_recognizer(
    settings: Settings, *, stage: Callable[[str], AbstractContextManager[None]]
) -> tuple[Recognizer | None, str]:
    """Load the model of the settings; None, and the command or setting that adds one, where there is none."""
    choice = choose_model(settings)
    return None if choice.kind == "none" else build_recognizer(settings, choice, stage=stage), choice.reason
