"""Decode scheduling: which segment of which request runs next.

Knows requests, segments, slots and seconds of audio. Knows nothing of threads, tensors or samples, so every rule
here is tested with plain numbers. Lives on one thread and takes the time as an argument.

The rule is playback slack: audio made so far minus time since admission. The request that a listener would
notice first goes first, so a new request comes before one with a minute in hand, a long text never holds up a
short one, and nobody starves: slack falls by a second each second.
"""

from collections import deque

import msgspec

from app.errors import QueueFull


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
    """Bounded admission, and the choice of the next segment.

    max_slots        segments that run at the same time
    max_queue        requests that may be admitted beyond `max_slots`
    max_buffered_s   audio that one caller may leave untaken before its segments stop being started
    """

    def __init__(self, *, max_slots: int, max_queue: int, max_buffered_s: float = 60.0) -> None:
        self.max_slots = max_slots
        self.max_queue = max_queue
        self.max_buffered_s = max_buffered_s
        self._admitted: list[Work] = []
        self._busy_slots = 0

    @property
    def busy_slots(self) -> int:
        return self._busy_slots

    @property
    def num_admitted(self) -> int:
        return len(self._admitted)

    @property
    def num_waiting(self) -> int:
        return sum(work.started_at_s is None for work in self._admitted)

    def admit(self, num_segments: int, now_s: float) -> Work:
        """Take a request in, or raise QueueFull with the time after which a place should be free."""
        if len(self._admitted) >= self.max_slots + self.max_queue:
            raise QueueFull(
                f"{len(self._admitted)} requests are being spoken or waiting; try again in a moment",
                retry_after_s=self._retry_after_s(now_s),
            )
        work = Work(admitted_at_s=now_s, waiting=deque(range(num_segments)))
        self._admitted.append(work)
        return work

    def next_sequence(self, now_s: float) -> Sequence | None:
        """The segment to start now, in a free slot; None when no slot is free or nothing may start."""
        if self._busy_slots >= self.max_slots:
            return None
        startable = [work for work in self._admitted if work.waiting and self._has_room(work)]
        if not startable:
            return None
        work = min(startable, key=lambda candidate: candidate.slack_s(now_s))
        if work.started_at_s is None:
            work.started_at_s = now_s
        self._busy_slots += 1
        work.running += 1
        return Sequence(work, work.waiting.popleft())

    def finish(self, sequence: Sequence, made_s: float) -> None:
        """A started segment has ended, well or badly, with `made_s` seconds of audio. Its slot is free."""
        self._busy_slots -= 1
        sequence.work.running -= 1
        sequence.work.made_s += made_s

    def take(self, work: Work, taken_s: float) -> None:
        """The caller has taken `taken_s` seconds of audio."""
        work.taken_s += taken_s

    def release(self, work: Work) -> None:
        """Forget a request: done, failed or cancelled. May be called twice; a running segment ends by `finish`."""
        if work in self._admitted:
            self._admitted.remove(work)

    def _has_room(self, work: Work) -> bool:
        # Segments start in order, so the one that the caller waits for has always been started before the room ran out.
        return work.buffered_s < self.max_buffered_s

    def _retry_after_s(self, now_s: float) -> int:
        # Half the age of the oldest request: places come free about as often as they were taken.
        oldest_s = max((now_s - work.admitted_at_s for work in self._admitted), default=0.0)
        return max(1, min(30, round(oldest_s / 2)))
