"""Predict how the server would use a Whisper model, without loading it.

Importing this module does not import ctranslate2.
"""

import io
import os
from collections.abc import Iterator

from app.asr.factory import MAX_BATCH
from app.asr.installation import TURNED_OFF, ModelChoice, choose_model
from app.asr.model_file import ModelFile, read_model
from app.asr.model_folder import WEIGHTS
from app.errors import EngineUnavailable
from app.settings import Settings
from app.weights.files import Finding
from app.weights.hub import size_of

MB, GB = 1e6, 1e9
BYTES_BESIDE = 100e6
"""Memory of libraries, tokenizer and detector of speech: `python -m tests.bench.asr_memory`, as the next one."""
BYTES_OF_WINDOW = 160e6
"""Memory of a window of 30 s, decoded with a beam of 5 and times of words by Whisper tiny. Larger models need more."""


def inspect_recognizer(settings: Settings) -> Iterator[Finding]:
    """Yield findings as they are made, in a second or two.

    Raises EngineUnavailable or UnusableCheckpoint for the first thing that would keep the server from starting.
    """
    choice = choose_model(settings)
    if choice.kind == "none":
        yield Finding(f"speech to text: none, because {choice.reason}", is_noteworthy=choice.reason != TURNED_OFF)
        return
    yield Finding(f"speech to text: {choice.name}, because {choice.reason}")
    from app.asr.whisper.device import find_device, find_precision

    device = find_device(settings.asr_device)
    precision = find_precision(device.name)
    if choice.needs_download:
        yield Finding(
            f"{choice.name} is not downloaded: the server downloads it when it starts; `chorus download --asr` does "
            "so now",
            is_noteworthy=True,
        )
    else:
        model, where = _read(choice)
        yield from _about(model, where)
        needed = model.num_bytes(precision) + BYTES_BESIDE + BYTES_OF_WINDOW * MAX_BATCH[device.name]
        yield _about_memory(needed, device.name)
    yield Finding(
        f"Whisper computes on {device.name} in {precision}, because {device.reason}",
        is_noteworthy="pip install" in device.reason,
    )
    yield _about_detector()


def _read(choice: ModelChoice) -> tuple[ModelFile, str]:
    """The model's table, and where its weights are. Verifies the hashes of the embedded one."""
    if choice.folder is None:
        from app.asr.whisper.embedded import EMBEDDED_PACKAGES, read_files

        files = read_files()
        return read_model(io.BytesIO(files[WEIGHTS])), f"in {' and '.join(EMBEDDED_PACKAGES)}, with the known hashes"
    from app.asr.whisper.version import check_version

    return check_version(choice.folder), f"in {choice.folder} ({size_of(choice.folder) / MB:.0f} MB)"


def _about(model: ModelFile, where: str) -> Iterator[Finding]:
    num_encoder, num_decoder = model.num_layers
    languages = "multilingual" if model.is_multilingual else "English only"
    yield Finding(
        f"its weights are {where}: {num_encoder} and {num_decoder} layers, {model.num_mels} bands, {languages}"
    )
    if not model.is_multilingual:
        yield Finding("it knows English only: other languages and translations are refused", is_noteworthy=True)
    elif model.is_pruned:
        yield Finding(
            "its decoder is pruned, as in turbo and distilled models: translations are refused, and a distilled one "
            "may know one language only",
            is_noteworthy=True,
        )


def _about_memory(needed: float, device: str) -> Finding:
    if device != "cpu":
        return Finding(f"Whisper needs at least {needed / GB:.1f} GB of the GPU's memory while it transcribes")
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    line = (
        f"Whisper needs at least {needed / GB:.1f} GB of memory while it transcribes; this machine has {there / GB:.1f}"
    )
    return Finding(f"{line}: name a smaller model" if needed > there else line, is_noteworthy=needed > there)


def _about_detector() -> Finding:
    from app.asr.endpoint import open_voice_detector

    try:
        open_voice_detector()
    except Exception as error:  # a file that is not there, or that onnxruntime refuses
        raise EngineUnavailable(
            f"the detector of speech in the package faster-whisper cannot be loaded: {error}; install it again "
            "(`pip install --force-reinstall --no-deps faster-whisper`)",
            param="CHORUS_ASR_MODEL",
        ) from error
    return Finding("Silero's detector of speech can be loaded")
