"""A FakeNetwork below the recogniser: its model reads a text from the samples, and a test says when a turn may end."""

import threading
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.asr.base import SAMPLE_RATE_HZ, RecognizedSegment, Task
from app.asr.fallback import Decoded
from app.asr.inference import NUM_FRAMES, Encoded, Features, TokenTimes
from app.asr.windows import Span, Window

SILENCE, NOISE, BABBLE, SPEECH = 0.0, -1.0, -0.5, 0.5
"""Values of samples: no speech, speech whose text is unlikely, speech whose text has no end, and speech."""


def spoken(seconds: float, value: float = SPEECH) -> NDArray[np.float32]:
    """A recording without silence. The text of its windows is `value` and their length."""
    return np.full(round(seconds * SAMPLE_RATE_HZ), value, np.float32)


def find_speech(samples: NDArray[np.float32]) -> list[Span]:
    """All that is not SILENCE, in spans of at most 30 s."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], (samples != SILENCE).astype(np.int8), [0]))))
    step = 30 * SAMPLE_RATE_HZ
    return [
        (start, min(start + step, int(stop)))
        for first, stop in zip(edges[::2], edges[1::2], strict=True)
        for start in range(int(first), int(stop), step)
    ]


class FakeNetwork:
    """Speech is text at once, or from `acceptable_at` on where its samples are NOISE or BABBLE.

    Tokens of a known text are the codes of its characters; those of `unheard` are unlikely.

    unread_s  seconds at the end of a window of 30 s that its text leaves out, with its last token
    turn     called in each turn before it decodes, on the model's thread, with the seconds of each window
    encoding called as `turn`, before it encodes
    heard    the transcript of every speech whose text is known
    """

    is_multilingual = True
    can_translate = True
    languages = ("en", "de")
    precision = "none"

    def __init__(
        self,
        turn: Callable[[list[float]], None] = lambda _: None,
        *,
        acceptable_at: float = 2.0,
        unread_s: float = 0,
        unheard: str = "",
        encoding: Callable[[list[float]], None] = lambda _: None,
        heard: str = "",
    ) -> None:
        self._heard = heard
        self.transcribed: list[int] = []
        """the most tokens of each transcript"""
        self._unheard = frozenset(map(ord, unheard))
        self.aligned: list[list[str]] = []
        self._encoding = encoding
        self._unread_s = unread_s
        self._turn = turn
        self._acceptable_at = acceptable_at
        self.batches: list[list[float]] = []
        self.temperatures: list[float] = []
        self.num_frames: list[int] = []
        self.max_tokens: list[int] = []
        self.num_encoded = 0
        self.prompts: list[list[int]] = []
        self.threads: set[int] = set()

    def features(self, samples: NDArray[np.float32], num_frames: int = NUM_FRAMES) -> Features:
        features = np.zeros((1, num_frames), np.float32)
        features[0, :2] = samples[0], len(samples) / SAMPLE_RATE_HZ
        return features

    def prompt(self, language: str, task: Task, text: str) -> list[int]:
        return [self.languages.index(language), *map(ord, text)]

    def encode(self, features: Sequence[Features]) -> Encoded:
        self.threads.add(threading.get_ident())
        self.num_encoded += len(features)
        self._encoding([float(row[0, 1]) for row in features])
        return np.stack(features)

    def detect_languages(self, encoded: Encoded) -> list[tuple[str, float]]:
        return [("de", 0.75)] * len(encoded)

    def generate(
        self, encoded: Encoded, prompts: Sequence[list[int]], *, temperature: float, beam_size: int, max_tokens: int
    ) -> list[Decoded]:
        assert len({len(prompt) for prompt in prompts}) == 1, "CTranslate2 takes prompts of one length only"
        assert len(prompts) == len(encoded)
        seconds = [float(row[0, 1]) for row in encoded]
        self._turn(seconds)
        self.batches.append(seconds)
        self.temperatures.append(temperature)
        self.max_tokens.append(max_tokens)
        self.num_frames.append(encoded.shape[-1])
        self.prompts += prompts
        return [
            Decoded(
                tokens=(1, 2) * (max_tokens if row[0, 0] == BABBLE and temperature < self._acceptable_at else 1),
                avg_logprob=-2.0 if row[0, 0] == NOISE and temperature < self._acceptable_at else -0.2,
                no_speech_prob=0.1,
                compression_ratio=1.0,
                temperature=temperature,
            )
            for row in encoded
        ]

    def finished_text(
        self, window: Window, decoded: Decoded, encoded: Encoded, *, language: str, task: Task
    ) -> tuple[Decoded, float]:
        assert encoded.shape[0] == 1
        if window.duration_s != 30 or not self._unread_s:
            return decoded, window.duration_s
        return msgspec.structs.replace(decoded, tokens=decoded.tokens[:-1]), 30 - self._unread_s

    def segments(
        self, window: Window, decoded: Decoded, encoded: Encoded, *, language: str, task: Task, word_timestamps: bool
    ) -> list[RecognizedSegment]:
        assert encoded.shape[0] == 1
        return [
            RecognizedSegment(
                index=0,
                start_s=window.spans[0][0] / SAMPLE_RATE_HZ,
                end_s=window.end_s,
                text=f" {language} {float(encoded[0, 0, 1]):g}",
                tokens=decoded.tokens,
                avg_logprob=decoded.avg_logprob,
                compression_ratio=decoded.compression_ratio,
                no_speech_prob=decoded.no_speech_prob,
                temperature=decoded.temperature,
            )
        ]

    def tokens(self, texts: Sequence[str], language: str) -> list[Sequence[int]]:
        return [list(map(ord, f" {text}")) for text in texts]

    def letters(self, words: Sequence[str], language: str) -> Sequence[int]:
        return [ord(letter) for word in words for letter in word]

    def mark(self, mark: str, language: str) -> Sequence[int]:
        return list(map(ord, mark))

    def transcripts(self, encoded: Encoded, language: str, *, max_tokens: int) -> list[str]:
        self.transcribed += [max_tokens] * len(encoded)
        return [self._heard] * len(encoded)

    def align(
        self, encoded: Encoded, texts: Sequence[Sequence[int]], *, language: str, seconds: Sequence[float]
    ) -> list[TokenTimes]:
        """Tokens are equally long."""
        assert len(encoded) == len(texts) == len(seconds)
        self.threads.add(threading.get_ident())
        self._turn([float(row[0, 1]) for row in encoded])
        self.aligned.append(["".join(map(chr, text)) for text in texts])
        return [
            TokenTimes(
                np.array([0.001 if token in self._unheard else 1.0 for token in text], np.float32),
                np.linspace(0, each_s, len(text) + 1, dtype=np.float32),
            )
            for text, each_s in zip(texts, seconds, strict=True)
        ]
