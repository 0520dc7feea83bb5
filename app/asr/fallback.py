"""Decisions about a decoded window: is it text, no speech, or to be decoded again at a higher temperature?

The thresholds are those of Whisper's own program and of faster-whisper: text that repeats itself compresses well, and
invented text is unlikely.
"""

import zlib
from collections.abc import Sequence

import msgspec

TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
MAX_COMPRESSION_RATIO = 2.4
MIN_AVG_LOGPROB = -1.0
MAX_NO_SPEECH_PROB = 0.6


class Decoded(msgspec.Struct, frozen=True, kw_only=True):
    """One decoding of one window."""

    tokens: tuple[int, ...]
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    temperature: float
    is_cut: bool = False
    """ended by the limit of tokens, not by the model"""

    @property
    def is_silence(self) -> bool:
        return self.no_speech_prob > MAX_NO_SPEECH_PROB and self.avg_logprob <= MIN_AVG_LOGPROB

    @property
    def is_repetitive(self) -> bool:
        return self.compression_ratio > MAX_COMPRESSION_RATIO

    @property
    def is_acceptable(self) -> bool:
        return self.is_silence or not (self.is_repetitive or self.avg_logprob < MIN_AVG_LOGPROB)


def temperatures_for(temperature: float) -> tuple[float, ...]:
    """Those that a window is decoded at, one after the other, until its text is acceptable."""
    return TEMPERATURES if temperature == 0 else (temperature,)


def best_of(attempts: Sequence[Decoded]) -> Decoded:
    """The likeliest attempt, and one that does not repeat itself before all others."""
    varied = [attempt for attempt in attempts if not attempt.is_repetitive]
    return max(varied or attempts, key=lambda attempt: attempt.avg_logprob)


def compression_ratio(text: str) -> float:
    content = text.encode()
    return len(content) / len(zlib.compress(content))
