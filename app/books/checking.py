"""Compares segments with their texts. Lives on the event loop."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from app.asr.alignment import Alignment, KnownSpeech
from app.asr.base import Recognizer
from app.asr.verdict import Fault, judge, thresholds_for
from app.books.notes import SegmentCheck
from app.engine.scheduler import Sequence
from app.engine.values import Samples
from app.errors import ChorusError, InvalidField, QueueFull
from app.pools import WINDOWS
from app.speech.checking.listening import at_model_rate

TOGETHER = 4
"""Segments in the recogniser at a time."""
PATIENCE_S = 300.0
"""Segments wait so long for a recogniser that is busy, all of them together; later ones ask it once."""


class Checker:
    """max_retries   readings that are tried in place of one that failed; 0 only reports"""

    def __init__(
        self,
        recognizer: Recognizer,
        *,
        max_retries: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._recognizer = recognizer
        self._sleep = sleep
        self._waited_s = 0.0
        """by all segments, since the recogniser took one"""
        self._thresholds = thresholds_for(recognizer.info.model)
        self._places = asyncio.Semaphore(TOGETHER)
        self.max_retries = max_retries

    def check_language(self, language: str) -> None:
        """Raises InvalidField for a language that the recogniser does not know."""
        if _base(language) not in self._recognizer.info.languages:
            model = self._recognizer.info.model
            raise InvalidField(f"check: {model} does not know {language!r}: leave the check out", param="language")

    def is_needed(self, check: SegmentCheck | None) -> bool:
        """False for a segment that has been compared as often as this checker would."""
        if check is None or not check.was_compared or check.model != self._recognizer.info.model:
            return True
        return check.outcome == "failed" and check.num_retries < self.max_retries

    async def check(self, samples: Samples, sample_rate_hz: int, sequence: Sequence) -> SegmentCheck:
        """Compare [samples] with the text of `sequence`. `was_compared` is False where the recogniser fails, and where
        it stays busy.
        """
        model = self._recognizer.info.model
        speech = KnownSpeech(
            samples=await WINDOWS.run(at_model_rate, samples, sample_rate_hz),
            written=sequence.segment.text,
            spoken=sequence.spoken_text,
            language=_base(sequence.language),
            finds_edits=True,
        )
        async with self._places:
            try:
                alignment = await self._align(speech)
            except ChorusError as error:
                return SegmentCheck(model=model, outcome="inconclusive", reason=error.message, was_compared=False)
        verdict = judge(alignment, self._thresholds)
        faults = tuple(_rounded(fault) for fault in verdict.faults)
        return SegmentCheck(model=model, outcome=verdict.outcome, reason=verdict.reason, faults=faults)

    async def _align(self, speech: KnownSpeech) -> Alignment | None:
        while True:
            try:
                [alignment] = await self._recognizer.align([speech])
            except QueueFull as error:
                if self._waited_s >= PATIENCE_S:
                    raise
                self._waited_s += error.retry_after_s
                await self._sleep(error.retry_after_s)
            else:
                self._waited_s = 0.0
                return alignment


def retried(check: SegmentCheck, num_retries: int) -> SegmentCheck:
    return msgspec.structs.replace(check, num_retries=num_retries)


def _rounded(fault: Fault) -> Fault:
    return msgspec.structs.replace(fault, start_s=round(fault.start_s, 3), end_s=round(fault.end_s, 3))


def _base(language: str) -> str:
    return language.partition("-")[0]
