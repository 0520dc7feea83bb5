"""The TTS package's own XTTS, timed: one text after the other, in float32. Knows nothing of Chorus's engine."""

import gc
import logging
import textwrap
import time
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import torch

from app.engine.xtts.checkpoint.load import load_checkpoint
from app.engine.xtts.checkpoint.original import read_state_dict
from app.engine.xtts.voice.speakers import VoiceConditioning
from app.errors import UnusableCheckpoint

LOAD_ERRORS = (RuntimeError, LookupError, TypeError, ValueError, AttributeError, AssertionError, OSError)
"""Errors that the TTS package raises for a checkpoint that does not fit it: it has no class of its own."""
MAX_REASON_CHARS = 200
"""torch names each tensor that does not fit, one a line."""


class ReferenceRun(msgspec.Struct, frozen=True):
    """One text. Seconds from the text to its latents, to all of its samples, and to the first of a stream."""

    codes: list[int]
    decode_s: float
    whole_s: float
    first_audio_s: float


def speak_with_reference(
    folder: Path, texts: Sequence[str], num_codes: int, device: str, report: Callable[[str], None]
) -> list[ReferenceRun]:
    """Each text once, after a few codes that warm it up. Needs the checkpoint as published.

    Raises UnusableCheckpoint where the TTS package cannot load it, or it has no speaker.
    """
    voice = next(iter(load_checkpoint(folder).speakers.values()), None)
    if voice is None:
        raise UnusableCheckpoint(f"{folder} has no speakers, and the comparison speaks with the first of them")
    report("loading the TTS package's model")
    reference = _load_reference(folder).to(device)
    _speak_reference(reference, texts[0], voice, 2)  # warms up
    runs: list[ReferenceRun] = []
    for number, text in enumerate(texts, 1):
        runs.append(_speak_reference(reference, text, voice, num_codes))
        report(f"the TTS package has spoken text {number} of {len(texts)} in {runs[-1].whole_s:.1f} s")
    del reference
    gc.collect()  # its modules hold each other
    return runs


@contextmanager
def _quiet() -> Generator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _load_reference(folder: Path) -> Any:  # Any: the TTS package is untyped
    with _quiet():
        from TTS.tts.configs.xtts_config import XttsConfig
        from TTS.tts.models.xtts import Xtts

        class ReadOnlyXtts(Xtts):
            def _load_checkpoint(self, model_path: Path) -> dict[str, torch.Tensor]:
                """Replaces the package's method, which rewrites a `model.pth` that holds a config object."""
                return read_state_dict(model_path)

        logging.getLogger("transformers").setLevel(logging.ERROR)
        try:
            config: Any = XttsConfig()
            config.load_json(str(folder / "config.json"))
            model = ReadOnlyXtts(config)
            model.load_checkpoint(config, checkpoint_dir=str(folder), eval=True)
        except LOAD_ERRORS as error:
            reason = textwrap.shorten(str(error) or type(error).__name__, MAX_REASON_CHARS, placeholder=" ...")
            raise UnusableCheckpoint(
                f"the TTS package cannot load {folder}, so there is nothing to compare with: {reason}",
                param="CHORUS_MODEL",
            ) from error
        return model


def _speak_reference(model: Any, text: str, voice: VoiceConditioning, num_codes: int) -> ReferenceRun:
    """`inference`, timed; the vocoder's share is measured by watching that module."""
    heard: list[list[int]] = []
    vocoder_s: list[float] = []
    generate, vocode = model.gpt.generate, model.hifigan_decoder.forward
    arguments = (
        text,
        "en",
        voice.gpt_conditioning_latents[None].to(model.device),
        voice.speaker_embedding[None].to(model.device),
    )
    options = {
        "do_sample": False,
        "repetition_penalty": float(model.config.repetition_penalty),
        "max_new_tokens": num_codes,
    }

    def watch_codes(**options: Any) -> torch.Tensor:
        codes = generate(**options)
        heard.append(codes[0].tolist())
        return codes

    def watch_vocoder(*arguments: Any, **options: Any) -> torch.Tensor:
        began_at_s = now_s(model.device)
        samples = vocode(*arguments, **options)
        vocoder_s.append(now_s(model.device) - began_at_s)
        return samples

    model.gpt.generate, model.hifigan_decoder.forward = watch_codes, watch_vocoder
    try:
        began_at_s = time.perf_counter()
        with _quiet():
            model.inference(*arguments, **options)
        whole_s = time.perf_counter() - began_at_s
    finally:
        del model.gpt.generate, model.hifigan_decoder.forward  # restores the methods of their classes
    with _quiet():
        began_at_s = time.perf_counter()
        stream = model.inference_stream(*arguments, **options)
        next(stream)
        first_audio_s = now_s(model.device) - began_at_s
        stream.close()
    return ReferenceRun(heard[0], whole_s - vocoder_s[0], whole_s, first_audio_s)


def now_s(device: torch.device) -> float:
    """The time when the device has finished its queue."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
