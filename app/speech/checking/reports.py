"""Times of words and verdicts of one answer, found beside its stream. Lives on the event loop."""

import asyncio
from collections import deque
from collections.abc import Callable

import msgspec

from app.engine.values import Samples
from app.speech.checking.listening import LATE, Heard, SegmentListener
from app.speech.events import SegmentChecked, SegmentEnded, SpokenWord, WordsSpoken

PATIENCE_S = 5.0
MAX_EXPECTED_S = 10.0
"""A segment whose report would come later is not heard: PATIENCE_S behind the audio of one more segment."""
TOGETHER = 2
"""Segments of one answer in the recogniser at a time."""
Report = SegmentChecked | WordsSpoken


class _Known(msgspec.Struct, frozen=True):
    heard: Heard
    num_attempts: int


class SegmentReports:
    """Listens to segments in the order in which they end. A failure costs the report of a segment, not its audio.

    words        report the times of words
    checks       report verdicts
    patience_s   gives the seconds that `following` waits for a segment, until it has waited in vain
    """

    def __init__(
        self,
        listener: SegmentListener,
        *,
        words: bool,
        checks: bool,
        patience_s: Callable[[], float] = lambda: PATIENCE_S,
    ) -> None:
        self._listener = listener
        self.times_words = words
        self._checks = checks
        self._patience_s = patience_s
        self._is_late = self._is_closed = False
        self._places = asyncio.Semaphore(TOGETHER)
        self._under_way: deque[tuple[SegmentEnded, asyncio.Task[Heard]]] = deque()
        self._known: dict[int, _Known] = {}
        self.words: list[WordsSpoken] = []
        """given by `ready` and `following`, as `checked`"""
        self.checked: list[SegmentChecked] = []
        self.warnings: list[str] = []

    @property
    def listened_s(self) -> float:
        """Seconds for which the recogniser was waited for, of all segments together."""
        return self._listener.listened_s

    def know(self, index: int, heard: Heard, num_attempts: int) -> None:
        """The segment was heard before its audio was delivered. Called before `begin`."""
        self._known[index] = _Known(heard, num_attempts)

    def begin(self, ended: SegmentEnded, samples: Samples) -> None:
        """`samples`: those of the segment, as they are delivered, from its `start_s` to its `end_s`."""
        self._under_way.append((ended, asyncio.create_task(self._hear(ended.index, samples))))

    def next_task(self) -> tuple[asyncio.Task[Heard], ...]:
        """The task after which `ready` gives reports; none where nothing is under way."""
        return (self._under_way[0][1],) if self._under_way else ()

    def ready(self) -> list[Report]:
        """The reports that are there, in order."""
        found: list[Report] = []
        while self._under_way and not self._is_closed and self._under_way[0][1].done():
            ended, task = self._under_way.popleft()
            found += self._report(ended, task.result())
        return found

    async def following(self) -> list[Report]:
        """Wait for the reports of the next segment; empty if all are given."""
        if not self._under_way:
            return []
        ended, task = self._under_way[0]
        if not task.done():
            await asyncio.wait((task,), timeout=0.0 if self._is_late else self._patience_s())
        if self._is_closed:  # meanwhile
            return []
        if task.done():
            heard = task.result()
        else:
            task.cancel()
            heard = Heard(reason=LATE)
            self._is_late = True  # the others wait behind it
        self._under_way.popleft()
        return self._report(ended, heard)

    async def aclose(self) -> None:
        """May be called twice."""
        self._is_closed = True
        for _, task in self._under_way:
            task.cancel()
        await asyncio.gather(*(task for _, task in self._under_way), return_exceptions=True)
        self._under_way.clear()

    async def _hear(self, index: int, samples: Samples) -> Heard:
        known = self._known.get(index)
        if known is not None:
            return known.heard
        async with self._places:
            return self._listener.refused(len(samples), MAX_EXPECTED_S) or await self._listener.hear(index, samples)

    def _report(self, ended: SegmentEnded, heard: Heard) -> list[Report]:
        reports: list[Report] = []
        if self._checks:
            known = self._known.pop(ended.index, None)
            checked = _checked(ended, heard, known.num_attempts if known else 1)
            self.checked.append(checked)
            reports.append(checked)
            self.warnings += _warnings(checked)
        if self.times_words:
            words = _words(ended, heard)
            self.words.append(words)
            reports.append(words)
            if heard.alignment is None:
                self.warnings.append(f"segment {ended.index} has no times of words: {heard.reason}")
        return reports


def _checked(ended: SegmentEnded, heard: Heard, num_attempts: int) -> SegmentChecked:
    if heard.verdict is None:
        return SegmentChecked(index=ended.index, verdict="unchecked", reason=heard.reason, num_attempts=num_attempts)
    return SegmentChecked(
        index=ended.index,
        verdict=heard.verdict.outcome,
        reason=heard.verdict.reason,
        faults=tuple(fault.moved(ended.start_s) for fault in heard.verdict.faults),
        num_attempts=num_attempts,
    )


def _warnings(checked: SegmentChecked) -> list[str]:
    if checked.verdict == "failed":
        found = ", ".join(fault.description for fault in checked.faults)
        return [f"segment {checked.index} may differ from its text: {found}"]
    if checked.verdict == "unchecked":
        return [f"segment {checked.index} is not checked: {checked.reason}"]
    return []


def _words(ended: SegmentEnded, heard: Heard) -> WordsSpoken:
    words = () if heard.alignment is None else heard.alignment.words
    return WordsSpoken(
        ended.index,
        tuple(
            SpokenWord(
                text=word.text,
                start_s=round(ended.start_s + word.start_s, 3),
                end_s=round(ended.start_s + word.end_s, 3),
                probability=round(word.probability, 4),
            )
            for word in words
        ),
    )
