"""Likelihoods of texts beside encoded speech, in calls of the model of bounded size. Used on the model's thread."""

from collections.abc import Iterator, Sequence

import numpy as np

from app.asr.alignment import KnownSpeech
from app.asr.inference import Encoded, Network, TokenTimes
from app.asr.known_tokens import Tokens

MAX_ROWS = 16
"""Texts that are compared in one call: 1.5 MB of encoded speech each for 30 s (base)."""
MAX_CALL_TOKENS = 128
"""Tokens of one call with its padding. Each has 0.2 MB of probabilities over the vocabulary, and glibc keeps memory of
up to 32 MB for the next call: a quarter less compute than with 512. A longer text has a call of its own."""
MAX_PADDING = 16
"""Tokens by which the texts of a call may differ in length: all are padded to the longest."""
LEAST_PROBABILITY = 1e-6
"""int8 weights tell smaller ones apart by chance."""


class Scorer:
    """Reads texts beside the encoded speech of several segments, which are in one language."""

    def __init__(self, network: Network, speech: Sequence[KnownSpeech], encoded: Encoded) -> None:
        self._network = network
        self._speech = speech
        self._encoded = encoded

    def __call__(self, texts: Sequence[tuple[int, Tokens]]) -> list[TokenTimes]:
        """`texts`: the index of a segment and the tokens of a text each."""
        results: list[TokenTimes] = []
        order = sorted(range(len(texts)), key=lambda at: len(texts[at][1]))
        for call in _calls([len(texts[at][1]) for at in order]):
            part = [texts[at] for at in order[call]]
            results += self._network.align(
                self._encoded[[segment for segment, _ in part]],
                [tokens for _, tokens in part],
                language=self._speech[0].language,
                seconds=[self._speech[segment].duration_s for segment, _ in part],
            )
        by_place = dict(zip(order, results, strict=True))
        return [by_place[at] for at in range(len(texts))]


def _calls(lengths: Sequence[int]) -> Iterator[slice]:
    """Texts, the shortest first, in calls of at most MAX_ROWS and MAX_CALL_TOKENS, or of one."""
    start = 0
    for stop, length in enumerate(lengths):
        num_rows = stop - start
        is_full = num_rows == MAX_ROWS or (num_rows + 1) * length > MAX_CALL_TOKENS
        if num_rows and (is_full or length > lengths[start] + MAX_PADDING):
            yield slice(start, stop)
            start = stop
    if lengths:
        yield slice(start, len(lengths))


def log_likelihood(times: TokenTimes, num_tokens: int | None = None) -> float:
    """Logarithm of the likelihood of the first `num_tokens` tokens, or of all."""
    return float(np.log(np.maximum(times.probabilities[:num_tokens], LEAST_PROBABILITY)).sum())
