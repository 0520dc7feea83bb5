"""The embedded voice with the time of each word: its network's own numbers of frames."""

import os
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hibari
import msgspec
import numpy as np
from hibari import Hibari, dsp
from numpy.typing import NDArray

from app.asr.base import SAMPLE_RATE_HZ
from tests.support.embedded_asr import at_model_rate

FRAMES = b"/Cast_32_output_0"
"""The tensor in hibari 0.2's network with the frames of each phoneme, [1, phonemes] int64."""
FRAME_S = 0.025
PUNCTUATION = frozenset('.,!?;:—…"“”()')

Audio = NDArray[np.float32]


class TimedWord(msgspec.Struct, frozen=True):
    """Its first to its last phoneme."""

    start_s: float
    end_s: float


class Spoken(msgspec.Struct, frozen=True, eq=False):
    samples: Audio
    """[n] at the recogniser's rate"""
    words: tuple[TimedWord, ...]
    """parted by the spaces of the phonemes: a word with a hyphen is two"""


class TimedVoice:
    def __init__(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            model = Path(folder, "timed.onnx")
            model.write_bytes(with_output(Path(hibari.__file__).parent.joinpath("assets", "hibari.onnx").read_bytes()))
            self._voice: Any = Hibari(model=os.fspath(model))

    def __call__(self, text: str, *, seed: int = 0, speed: float = 1.0) -> Spoken:
        noise = np.random.default_rng(seed)
        parts: list[Audio] = [np.zeros(0, np.float32)]
        words: list[TimedWord] = []
        began_s = 0.0
        for phonemes in self._voice.phonemize(text):
            known = [each for each in phonemes if each in self._voice.vocab]
            given = {"ids": np.array([self._voice.ids(phonemes)]), "speed": np.array([speed], np.float32)}
            *spectra, frames = self._voice.sess.run(None, given)
            ends_s = began_s + FRAME_S * np.cumsum(frames.reshape(-1))
            words += _words(known, ends_s)
            parts.append(dsp.synth(*(spectrum[0] for spectrum in spectra), noise))
            began_s = float(ends_s[-1])
        return Spoken(at_model_rate(np.concatenate(parts), Hibari.sample_rate), tuple(words))


@cache
def timed_voice() -> TimedVoice:
    return TimedVoice()


def with_output(model: bytes) -> bytes:
    """An ONNX file whose graph gives FRAMES too: protobuf joins messages that stand one behind the other."""
    of_integers = _field(1, bytes([1 << 3, 7]))  # TypeProto.tensor_type with elem_type INT64
    output = _field(1, FRAMES) + _field(2, of_integers)
    return model + _field(7, _field(12, output))  # ModelProto.graph.output


def _field(number: int, content: bytes) -> bytes:
    assert len(content) < 128, "longer lengths take several bytes"
    return bytes([number << 3 | 2, len(content)]) + content


def _words(phonemes: list[str], ends_s: NDArray[np.float64]) -> Iterator[TimedWord]:
    """`ends_s`: of each phoneme, with one more in front of the first and behind the last."""
    start_s: float | None = None
    end_s = 0.0
    for at, phoneme in enumerate([*phonemes, " "]):
        if phoneme == " ":
            if start_s is not None:
                yield TimedWord(start_s, end_s)
            start_s = None
        elif phoneme not in PUNCTUATION:
            start_s = float(ends_s[at]) if start_s is None else start_s
            end_s = float(ends_s[at + 1])


def samples_of(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)
