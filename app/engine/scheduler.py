"""Decode scheduling: which segment of which request runs next.

Knows requests, segments, slots and seconds of audio. Knows nothing of threads, tensors or samples, so every rule
here is tested with plain numbers. Lives on one thread and takes the time as an argument.

The rule is playback slack: audio made so far minus time since admission. The request that a listener would
notice first goes first, so a new request comes before one with a minute in hand, a long text never holds up a
short one, and nobody starves: slack falls by a second each second.
"""

from collections import deque

import msgspec


class Sequence(msgspec.Struct, eq=False):
    """One segment of one request, being decoded."""

    work: "Work"
    segment_index: int


class Work(msgspec.Struct, eq=False, kw_only=True):
    """What the scheduler keeps of one admitted request. Times in seconds."""

    admitted_at_s: float
    waiting: deque[int]
    running: int = 0
    made_s: float = 0.0
    taken_s: float = 0.0
    started_at_s: float | None = None

    @classmethod
    def of(cls, num_segments: int, now_s: float) -> "Work":
        return cls(admitted_at_s=now_s, waiting=deque(range(num_segments)))

    @property
    def buffered_s(self) -> float:
        """Audio made and not yet taken by the caller."""
        return self.made_s - self.taken_s

    @property
    def queue_s(self) -> float | None:
        """Seconds from admission until the first segment was started; None while it waits."""
        return None if self.started_at_s is None else self.started_at_s - self.admitted_at_s

    def slack_s(self, now_s: float) -> float:
        """Seconds until a listener who began at admission would hear a gap; negative when there is one."""
        return self.made_s - (now_s - self.admitted_at_s)


class Scheduler:
    """The choice of the next segment.

    max_slots        segments that run at the same time
    max_buffered_s   audio that one caller may leave untaken before its segments stop being started
    """

    def __init__(self, *, max_slots: int, max_buffered_s: float = 60.0) -> None:
        self.max_slots = max_slots
        self.max_buffered_s = max_buffered_s
        self._works: list[Work] = []
        self._busy_slots = 0

    @property
    def busy_slots(self) -> int:
        return self._busy_slots

    def add(self, work: Work) -> None:
        """An admitted request: its segments may be started."""
        self._works.append(work)

    def can_start(self) -> bool:
        """Whether `next_sequence` would have one."""
        return bool(self._startable())

    def next_sequence(self, now_s: float) -> Sequence | None:
        """The segment to start now, in a free slot; None when no slot is free or nothing may start."""
        startable = self._startable()
        if not startable:
            return None
        work = min(startable, key=lambda candidate: candidate.slack_s(now_s))
        if work.started_at_s is None:
            work.started_at_s = now_s
        self._busy_slots += 1
        work.running += 1
        return Sequence(work, work.waiting.popleft())

    def made(self, work: Work, made_s: float) -> None:
        """`made_s` seconds of audio are on their way to the caller."""
        work.made_s += made_s

    def finish(self, sequence: Sequence) -> None:
        """A started segment has ended, well or badly. Its slot is free."""
        self._busy_slots -= 1
        sequence.work.running -= 1

    def take(self, work: Work, taken_s: float) -> None:
        """The caller has taken `taken_s` seconds of audio."""
        work.taken_s += taken_s

    def release(self, work: Work) -> None:
        """Forget a request: done, failed or cancelled. May be called twice; a running segment ends by `finish`."""
        if work in self._works:
            self._works.remove(work)

    def _startable(self) -> list[Work]:
        if self._busy_slots >= self.max_slots:
            return []
        return [work for work in self._works if work.waiting and self._has_room(work)]

    def _has_room(self, work: Work) -> bool:
        # Segments start in order, so the one that the caller waits for has always been started before the room ran out.
        return work.buffered_s < self.max_buffered_s
