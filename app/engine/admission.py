"""Limits of requests and clones in an engine, and the time after which a refused one may come again.

Lives on the event loop, so a caller is refused at once.
"""

import math

import msgspec

from app.engine.live import LiveStreams, num_listeners
from app.engine.pace import Pace
from app.engine.scheduler import Request
from app.errors import QueueFull

MAX_CLONES = 8
"""Voices waiting to be cloned or being cloned: each holds up to 16 recordings of 30 s, 46 MB."""
MAX_RETRY_AFTER_S = 3600


class ClonePlace(msgspec.Struct, eq=False, kw_only=True):
    """One admitted clone. `reference_s`: seconds of its recordings."""

    reference_s: float
    admitted_at_s: float


class Admission:
    """Requests and clones in the engine, at most `max_admitted` together.

    num_slots    segments that are decoded at the same time
    pace         of a slot, as the scheduler measures it
    clone_pace   seconds of recordings turned into voices in a second, beside streams that are decoded
    live         None: streams are admitted as other requests are
    """

    def __init__(
        self,
        *,
        max_admitted: int,
        num_slots: int = 1,
        pace: Pace | None = None,
        clone_pace: Pace | None = None,
        live: LiveStreams | None = None,
    ) -> None:
        self.max_admitted = max_admitted
        self._num_slots = num_slots
        self._pace = pace or Pace()
        self._clone_pace = clone_pace or Pace()
        self._live = live
        self._requests: list[Request] = []
        self._clones: list[ClonePlace] = []

    @property
    def num_admitted(self) -> int:
        return len(self._requests) + len(self._clones)

    @property
    def num_waiting(self) -> int:
        return sum(request.started_at_s is None for request in self._requests)

    @property
    def num_listeners(self) -> int:
        """Listeners of streams with audio still to be made."""
        return num_listeners(self._requests)

    def admit(self, request: Request) -> None:
        """Raises QueueFull with the time after which a place should be free. A background request takes none."""
        if request.is_background:
            return
        self._check_room(request.admitted_at_s)
        self._check_live(request)
        self._requests.append(request)

    def admit_clone(self, reference_s: float, now_s: float) -> ClonePlace:
        """Raises QueueFull as for a request, and beyond MAX_CLONES."""
        if len(self._clones) >= MAX_CLONES:
            raise QueueFull(
                f"{len(self._clones)} voices are waiting to be cloned; try again in a moment",
                retry_after_s=_whole_seconds(self._until_clone(now_s)),
            )
        self._check_room(now_s)
        place = ClonePlace(reference_s=reference_s, admitted_at_s=now_s)
        self._clones.append(place)
        return place

    def release(self, item: Request | ClonePlace) -> None:
        """May be called twice."""
        if isinstance(item, Request):
            self._requests = [request for request in self._requests if request is not item]
        else:
            self._clones = [place for place in self._clones if place is not item]

    def _check_room(self, now_s: float) -> None:
        if self.num_admitted >= self.max_admitted:
            seconds = min(
                seconds_until_place(self._requests, now_s, pace=self._pace.audio_per_s, num_slots=self._num_slots),
                self._until_clone(now_s),
            )
            raise QueueFull(
                f"{self.num_admitted} requests are being spoken or waiting; try again in a moment",
                retry_after_s=_whole_seconds(seconds),
            )

    def _check_live(self, request: Request) -> None:
        if self._live is None or request.can_wait:
            return
        wait_s = self._live.wait_s(request, self._requests, request.admitted_at_s)
        if wait_s > self._live.max_wait_s:
            raise QueueFull(
                f"{self.num_listeners} streams are played or waiting, as many as can be spoken without gaps; "
                f"ask for a whole answer, or try again in a moment",
                retry_after_s=_whole_seconds(wait_s),
            )

    def _until_clone(self, now_s: float) -> float:
        """Infinity without a clone."""
        if not self._clones:
            return math.inf
        first = self._clones[0]
        return max(0.0, first.reference_s / self._clone_pace.audio_per_s - (now_s - first.admitted_at_s))


def seconds_until_place(requests: list[Request], now_s: float, *, pace: float, num_slots: int) -> float:
    """Seconds until the first of `requests` should be finished; infinity without one.

    The scheduler raises the lowest slack first, so slack rises like water: a request has started its last segment when
    the level is its slack plus its unstarted audio. The audio below that level, divided by the pace of all slots, is
    the time.

    pace   estimated audio that one slot decodes in a second
    """

    def remaining_s(request: Request) -> list[float]:
        return [
            max(0.0, sequence.expected_s - (now_s - sequence.started_at_s) * pace) for sequence in request.in_progress
        ]

    running = [max(remaining_s(request), default=0.0) / pace for request in requests if not request.has_waiting]
    waiting = [(request.slack_s(now_s), request.unstarted_s) for request in requests if request.has_waiting]
    if not waiting:
        return min(running, default=math.inf)
    level = min(slack_s + unstarted_s for slack_s, unstarted_s in waiting)
    unstarted_s = sum(min(unstarted_s, max(0.0, level - slack_s)) for slack_s, unstarted_s in waiting)
    in_progress_s = sum(sum(remaining_s(request)) for request in requests)
    num_sequences = sum(len(request.in_progress) + len(request.sequences) - request.num_started for request in requests)
    last_start_s = (unstarted_s + in_progress_s) / (pace * min(num_slots, num_sequences))
    return min([last_start_s, *running])


def _whole_seconds(seconds: float) -> int:
    return max(1, min(MAX_RETRY_AFTER_S, math.ceil(min(seconds, MAX_RETRY_AFTER_S))))
