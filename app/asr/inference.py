"""The model as its thread sees it: arrays and tokens in, decoded tokens and timed phrases out.

app.asr.whisper.network has it in CTranslate2.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.asr.base import RecognizedSegment, Task
from app.asr.fallback import Decoded
from app.asr.windows import Window

NUM_FRAMES = 3000
"""Frames of 10 ms that the model was trained on."""
Features = NDArray[np.float32]
"""[mel bands, frames]: NUM_FRAMES or fewer"""
Encoded = NDArray[Any]
"""[windows, frames of 20 ms, channels] in the model's number format. Any: numpy has no name for each of them."""


class TokenTimes(msgspec.Struct, frozen=True, eq=False):
    """A known text beside its speech."""

    probabilities: NDArray[np.float32]
    """[tokens], each after the tokens before it"""
    starts_s: NDArray[np.float32]
    """[tokens + 1]: of each token, and the end of the last one"""


class Network(Protocol):
    """`features` may be called on any thread, the methods below it on the thread that owns the model."""

    @property
    def is_multilingual(self) -> bool: ...

    @property
    def can_translate(self) -> bool: ...

    @property
    def languages(self) -> tuple[str, ...]: ...

    @property
    def precision(self) -> str: ...

    def features(self, samples: NDArray[np.float32], num_frames: int = NUM_FRAMES) -> Features:
        """`num_frames` of `samples`, which are not longer, and of what follows them: silence, or for NUM_FRAMES as
        faster-whisper does.
        """
        ...

    def prompt(self, language: str, task: Task, text: str) -> list[int]:
        """Tokens before a window's own: the end of `text`, the language and the task."""
        ...

    def encode(self, features: Sequence[Features]) -> Encoded:
        """`features` are equally long."""
        ...

    def detect_languages(self, encoded: Encoded) -> list[tuple[str, float]]:
        """The likeliest language of each window and its probability."""
        ...

    def generate(
        self, encoded: Encoded, prompts: Sequence[list[int]], *, temperature: float, beam_size: int, max_tokens: int
    ) -> list[Decoded]:
        """Decode windows whose prompts are equally long, to at most `max_tokens` each."""
        ...

    def finished_text(
        self, window: Window, decoded: Decoded, encoded: Encoded, *, language: str, task: Task
    ) -> tuple[Decoded, float]:
        """The text without an end that the token limit has cut, and the seconds of the window that it covers.

        It covers less than the window also where the model leaves an unfinished phrase to the next window. `encoded`:
        of one window.
        """
        ...

    def segments(
        self, window: Window, decoded: Decoded, encoded: Encoded, *, language: str, task: Task, word_timestamps: bool
    ) -> list[RecognizedSegment]:
        """The text of one window in phrases, numbered from 0, with the recording's times. `encoded`: of one window."""
        ...

    def tokens(self, texts: Sequence[str], language: str) -> list[Sequence[int]]:
        """Tokens of each text as it stands behind a space, or behind another character in a language without spaces."""
        ...

    def letters(self, words: Sequence[str], language: str) -> Sequence[int]:
        """Tokens of words letter by letter, whose times are more exact than those of longer tokens."""
        ...

    def mark(self, mark: str, language: str) -> Sequence[int]:
        """Tokens of punctuation marks as they stand behind a word."""
        ...

    def transcripts(self, encoded: Encoded, language: str, *, max_tokens: int) -> list[str]:
        """Texts that the model hears by itself, at temperature 0 and without times, in at most `max_tokens` each."""
        ...

    def align(
        self, encoded: Encoded, texts: Sequence[Sequence[int]], *, language: str, seconds: Sequence[float]
    ) -> list[TokenTimes]:
        """Known texts beside their speech, whose length in `seconds` is given. No text is empty."""
        ...
