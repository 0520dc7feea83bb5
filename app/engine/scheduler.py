"""Requests, their sequences, and the choice of the next sequence to decode.

Knows slots and seconds of audio, no threads or tensors. Lives on one thread and takes the time as an argument.

The rule is playback slack: audio made or being decoded, minus the time since admission. The request with the least goes
first. Two limits keep a long text from delaying a short one: a stream is decoded at most `max_ahead_s` ahead of its
listener, and the last `num_kept_slots` slots are for requests that have not started. A third one keeps streams without
gaps: app/engine/live.py. Background requests get what is left: no segment of them starts while a request of a caller
waits for its first slot, or while a stream has little audio in hand.
"""

from collections.abc import Hashable, Iterable
from typing import Protocol

import msgspec

from app.engine.pace import Pace
from app.engine.sink import NO_SINK, AudioSink
from app.engine.slots import Slots
from app.engine.values import SamplingParams, Voice
from app.text.segments import Segment


class Sequence(msgspec.Struct, eq=False, kw_only=True):
    """One segment, from `Engine.prepare` to its last sample. Engines add their own state.

    Once its request is admitted, only the scheduler's thread writes it.
    """

    segment: Segment
    """`text` as the caller wrote it; `index` counts the sequences of the request"""
    language: str
    """of this segment: a canonical code"""
    spoken_text: str
    """`segment.text` with numbers, abbreviations and symbols spelt out"""
    normal_s: float
    """estimated seconds of audio at speed 1"""
    unspoken: str = ""
    """distinct letters, digits and signs of the spoken form that the engine cannot pronounce"""
    has_sound: bool = True
    """False if nothing would be heard"""
    request_or_none: "Request | None" = None
    """set by the request"""
    started_at_s: float = 0.0
    """when it got a slot"""
    made_s: float = 0.0
    """seconds of audio handed to the sink"""

    @property
    def request(self) -> "Request":
        assert self.request_or_none is not None, "the sequence belongs to no request yet"
        return self.request_or_none

    @property
    def index(self) -> int:
        return self.segment.index

    @property
    def speed(self) -> float:
        return self.request.speed * self.segment.rate

    @property
    def expected_s(self) -> float:
        return self.normal_s / self.speed

    @property
    def unmade_s(self) -> float:
        return max(0.0, self.expected_s - self.made_s)


class Request(msgspec.Struct, eq=False, kw_only=True):
    """All sequences of one text: admitted and cancelled together, delivered in order.

    After admission the scheduler's thread writes it. Other threads may read it, because fields are replaced and never
    changed in place. Times and audio are in seconds.
    """

    sequences: tuple[Sequence, ...]
    voice: Voice
    sampling: SamplingParams
    speed: float = 1.0
    streaming: bool = True
    """False delivers whole segments, which may be decoded twice"""
    listener: Hashable = msgspec.field(default_factory=object)
    """equal for streams that one listener hears one after the other"""
    can_wait: bool = False
    """True: perhaps of a batch job, so it is admitted to wait for as long as it takes"""
    is_background: bool = False
    """of a book: it yields to all other requests, takes no place in the queue, and may fail with SteppedAside"""

    sink: AudioSink = NO_SINK
    admitted_at_s: float = 0.0
    started_at_s: float | None = None
    """when the first sequence was started; None while the request waits"""
    num_started: int = 0
    """sequences start in order"""
    in_progress: tuple[Sequence, ...] = ()
    """started, with audio still to be made"""
    made_s: float = 0.0
    taken_s: float = 0.0

    def __post_init__(self) -> None:
        for sequence in self.sequences:
            assert sequence.request_or_none is None, "the sequence belongs to another request"
            sequence.request_or_none = self

    def admit(self, sink: AudioSink, now_s: float) -> None:
        """Called once, by `Engine.submit`."""
        assert self.sink is NO_SINK, "a request is submitted once"
        self.sink, self.admitted_at_s = sink, now_s

    @property
    def seed(self) -> int:
        assert self.sampling.seed is not None, "a request is submitted with a seed"
        return self.sampling.seed

    @property
    def front(self) -> int:
        """Index of the first unfinished sequence."""
        return min((sequence.index for sequence in self.in_progress), default=self.num_started)

    @property
    def is_finished(self) -> bool:
        return self.front == len(self.sequences)

    @property
    def has_waiting(self) -> bool:
        return self.num_started < len(self.sequences)

    @property
    def queue_s(self) -> float | None:
        """Seconds from admission to the first start; None while it waits."""
        return None if self.started_at_s is None else self.started_at_s - self.admitted_at_s

    @property
    def unstarted_s(self) -> float:
        return sum(sequence.expected_s for sequence in self.sequences[self.num_started :])

    @property
    def decoding_s(self) -> float:
        """Estimated audio still to be made of sequences in progress."""
        return sum(sequence.unmade_s for sequence in self.in_progress)

    @property
    def ahead_s(self) -> float:
        """Audio made or being decoded that the caller has not taken."""
        return self.made_s + self.decoding_s - self.taken_s

    def slack_s(self, now_s: float) -> float:
        """Seconds until a listener since admission would hear a gap, once all in progress is made."""
        return self.playback_slack_s(now_s) + self.decoding_s

    def playback_slack_s(self, now_s: float) -> float:
        """The same from audio that has been made; negative during a gap."""
        return self.made_s - (now_s - self.admitted_at_s)


class LiveRule(Protocol):
    """app.engine.live.LiveStreams, to the scheduler."""

    def playing(self, requests: Iterable[Request], now_s: float) -> set[Hashable]: ...

    def slots(self, request: Request, max_slots: int, playing: set[Hashable], now_s: float) -> int: ...

    def may_start(self, request: Request, playing: set[Hashable]) -> bool: ...


class Scheduler:
    """Chooses the next sequence.

    max_slots        sequences that are decoded at the same time
    num_kept_slots   of those, slots for requests that have not started
    max_ahead_s      a stream with so much audio ahead of its listener starts no further sequence; whole answers have no
                     such limit
    live             None: any number of streams may play
    has_background_slots   see Slots
    """

    def __init__(
        self,
        *,
        max_slots: int,
        num_kept_slots: int = 0,
        max_ahead_s: float = 30.0,
        pace: Pace | None = None,
        live: LiveRule | None = None,
        has_background_slots: bool = False,
    ) -> None:
        self.max_slots = max_slots
        self.max_ahead_s = max_ahead_s
        self.pace = pace or Pace()
        self._live = live
        self._slots = Slots(max_slots, num_kept=num_kept_slots, has_background_slots=has_background_slots)
        self._requests: list[Request] = []

    @property
    def busy_slots(self) -> int:
        """Those of background segments included."""
        return self._slots.num_busy

    @property
    def busy_background(self) -> int:
        return self._slots.num_background

    @property
    def requests(self) -> tuple[Request, ...]:
        return tuple(self._requests)

    def add(self, request: Request) -> None:
        self._requests.append(request)

    def can_start(self, now_s: float) -> bool:
        return bool(self._startable(now_s))

    def next_sequence(self, now_s: float) -> Sequence | None:
        """Start a sequence in a free slot; None when no slot is free or no sequence may start."""
        startable = self._startable(now_s)
        if not startable:
            return None
        request = min(startable, key=lambda candidate: candidate.slack_s(now_s))
        if request.started_at_s is None:
            request.started_at_s = now_s
        sequence = request.sequences[request.num_started]
        sequence.started_at_s = now_s
        request.num_started += 1
        request.in_progress = (*request.in_progress, sequence)
        self._slots.count(1, is_background=request.is_background)
        return sequence

    def must_yield(self, now_s: float) -> bool:
        """True while background segments step aside."""
        has_background = any(request.is_background for request in self._requests)
        return has_background and (self._has_unstarted() or bool(self._playing(now_s)))

    def made(self, sequence: Sequence, made_s: float) -> None:
        sequence.made_s += made_s
        sequence.request.made_s += made_s

    def free_slot(self, sequence: Sequence, now_s: float, *, is_whole: bool = True) -> None:
        """A started sequence has left its slot; `is_whole` unless it failed or was cancelled.

        Background sequences are not timed: they may run at a lower priority.
        """
        self._slots.count(-1, is_background=sequence.request.is_background)
        if is_whole and not sequence.request.is_background:
            self.pace.measured(sequence.expected_s, now_s - sequence.started_at_s)

    def end(self, sequence: Sequence) -> None:
        """No more audio of the sequence will be made."""
        request = sequence.request
        request.in_progress = tuple(other for other in request.in_progress if other is not sequence)

    def take(self, request: Request, taken_s: float) -> None:
        request.taken_s += taken_s

    def release(self, request: Request) -> None:
        """Forget a request. May be called twice; `free_slot` frees its slots."""
        if request in self._requests:
            self._requests.remove(request)

    def clear(self) -> None:
        self._requests.clear()
        self._slots.clear()

    def _startable(self, now_s: float) -> list[Request]:
        """Requests of callers that may start a sequence; background requests where there are none."""
        waiting = [request for request in self._requests if request.has_waiting]
        callers = [request for request in waiting if not request.is_background]
        playing = self._playing(now_s) if waiting else set[Hashable]()
        if startable := [request for request in callers if self._may_start(request, playing, now_s)]:
            return startable
        if playing or self._has_unstarted():
            return []
        return [request for request in waiting if request.is_background and self._slots.has_background_room()]

    def _playing(self, now_s: float) -> set[Hashable]:
        return set() if self._live is None else self._live.playing(self._requests, now_s)

    def _has_unstarted(self) -> bool:
        return any(request.started_at_s is None and not request.is_background for request in self._requests)

    def _may_start(self, request: Request, playing: set[Hashable], now_s: float) -> bool:
        live = self._live
        if live is None:
            return self._has_room(request, self.max_slots)
        slots = live.slots(request, self.max_slots, playing, now_s)
        return live.may_start(request, playing) and self._has_room(request, slots)

    def _has_room(self, request: Request, slots: int) -> bool:
        """False also for a stream that is far enough ahead of its listener.

        slots   that sequences in progress may take; a stream that begins has its own place and may exceed them
        """
        num_busy = self._slots.num_busy_of_callers
        if request.started_at_s is None:
            return num_busy < (self.max_slots if request.streaming else slots)
        if request.streaming and request.ahead_s >= self.max_ahead_s:
            return False
        return num_busy < min(slots, self.max_slots - self._slots.num_kept)
