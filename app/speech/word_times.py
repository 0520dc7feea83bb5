"""Times of the words of one answer, by alignment of each segment beside its stream. Lives on the event loop."""

import asyncio
from collections import deque
from collections.abc import Sequence

import msgspec
import numpy as np

from app.asr.alignment import Aligner, KnownSpeech
from app.asr.samples import SAMPLE_RATE_HZ
from app.engine.values import Samples
from app.errors import ChorusError
from app.pools import WINDOWS
from app.speech.events import SegmentEnded, SpokenWord, WordsSpoken

PATIENCE_S = 5.0
TOGETHER = 2
"""Segments of one answer in the aligner at a time."""


class KnownSegment(msgspec.Struct, frozen=True):
    """The text of a segment."""

    written: str
    spoken: str
    language: str
    """a canonical code of an engine"""


class WordTimer:
    """Aligns segments in the order in which they end. A failure costs the words of a segment, not its audio.

    patience_s   seconds that `following` waits for a segment, until it has waited in vain
    """

    def __init__(
        self,
        aligner: Aligner,
        segments: Sequence[KnownSegment],
        sample_rate_hz: int,
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._aligner = aligner
        self._segments = segments
        self._sample_rate_hz = sample_rate_hz
        self._patience_s = patience_s
        self._places = asyncio.Semaphore(TOGETHER)
        self._under_way: deque[asyncio.Task[WordsSpoken]] = deque()
        self.timed: list[WordsSpoken] = []
        """given by `ready` and `following`"""
        self.warnings: list[str] = []

    def begin(self, ended: SegmentEnded, samples: Samples) -> None:
        """`samples`: those of the segment, as they are delivered, from its `start_s` to its `end_s`."""
        self._under_way.append(asyncio.create_task(self._time(ended, samples)))

    def ready(self) -> list[WordsSpoken]:
        """The words that are there, in order."""
        found: list[WordsSpoken] = []
        while self._under_way and self._under_way[0].done():
            found.append(self._under_way.popleft().result())
        self.timed += found
        return found

    async def following(self) -> WordsSpoken | None:
        """Wait for the words of the next segment; None if all are given."""
        if not self._under_way:
            return None
        index, task = len(self.timed), self._under_way[0]
        if not task.done():
            await asyncio.wait((task,), timeout=self._patience_s)
        if task.done():
            words = task.result()
        else:
            task.cancel()
            words = self._without(index, "they did not come in time")
            self._patience_s = 0.0  # the others wait behind it
        self._under_way.popleft()
        self.timed.append(words)
        return words

    async def aclose(self) -> None:
        """Cancel what is under way. May be called twice."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        self._under_way.clear()

    async def _time(self, ended: SegmentEnded, samples: Samples) -> WordsSpoken:
        segment = self._segments[ended.index]
        try:
            speech = KnownSpeech(
                samples=await WINDOWS.run(at_model_rate, samples, self._sample_rate_hz),
                written=segment.written,
                spoken=segment.spoken,
                language=segment.language.partition("-")[0],
            )
            async with self._places:
                [alignment] = await self._aligner.align([speech])
        except ChorusError as error:
            return self._without(ended.index, error.message)
        if alignment is None:
            return self._without(ended.index, "it is too long to be aligned")
        words = (
            SpokenWord(
                text=word.text,
                start_s=round(ended.start_s + word.start_s, 3),
                end_s=round(ended.start_s + word.end_s, 3),
                probability=round(word.probability, 4),
            )
            for word in alignment.words
        )
        return WordsSpoken(ended.index, tuple(words))

    def _without(self, index: int, reason: str) -> WordsSpoken:
        self.warnings.append(f"segment {index} has no times of words: {reason}")
        return WordsSpoken(index, ())


def at_model_rate(samples: Samples, sample_rate_hz: int) -> Samples:
    """Linear interpolation, which the benchmark's error rates include."""
    num_wanted = round(len(samples) * SAMPLE_RATE_HZ / sample_rate_hz)
    at = np.arange(num_wanted) * (sample_rate_hz / SAMPLE_RATE_HZ)
    return np.interp(at, np.arange(len(samples)), samples).astype(np.float32)
