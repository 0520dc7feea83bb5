"""Places of live streams: requests whose caller listens while they are made.

A stream takes a place while it is made and its listener has little audio in hand. Further streams wait for a place, and
one that would wait too long is refused. Where not even one stream was ever made as fast as it is played, there are no
places and no limit, because callers wait for the end of an answer anyway.
"""

import heapq
from collections.abc import Hashable, Iterable

from app.engine.capacity import Capacity
from app.engine.scheduler import Request

IN_HAND_S = 10.0
"""A stream with so much audio in hand leaves its place to others until it has less."""
LEAD_S = 1.0
"""A stream that plays alone doubles its segments in progress for each such piece of audio that it has in hand."""


class LiveStreams:
    """Rules of live streams, for the scheduler and for admission. Holds no requests.

    is_limited     False lets any number of streams play: more audio in a second, and gaps
    max_wait_s     a stream that is expected to wait longer for a place is refused
    max_ahead_s    as in Scheduler
    shares_steps   True: segments share the steps of one device, so `slots` bounds how many are in progress at a time.
                   False: each has a thread, and a stream has one segment in progress until its first audio is made,
                   because a second one would take a core, or the interpreter's lock, from it
    """

    def __init__(
        self,
        capacity: Capacity,
        *,
        is_limited: bool,
        max_wait_s: float,
        max_ahead_s: float,
        shares_steps: bool,
    ) -> None:
        self.capacity = capacity
        self.max_wait_s = max_wait_s
        self._is_limited = is_limited
        self._max_ahead_s = max_ahead_s
        self._shares_steps = shares_steps

    @property
    def places(self) -> int | None:
        """None: no limit. One is left where a busy hour leaves less: without a limit all streams would start then."""
        if not self._is_limited or not self.capacity.has_carried_one:
            return None
        return max(1, int(self.capacity.streams))

    def playing(self, requests: Iterable[Request], now_s: float) -> set[Hashable]:
        """Listeners that take a place."""
        return {request.listener for request in requests if self._takes_place(request, now_s)}

    def slots(self, request: Request, max_slots: int, playing: set[Hashable], now_s: float) -> int:
        """Segments that may be in progress once `request` starts one beside those of `playing`."""
        if not self._is_limited or not self._shares_steps or not playing:
            return max_slots
        if playing != {request.listener}:
            return max_slots if self.places is None else min(max_slots, self.places)
        few = self.capacity.fewest_together
        if few is None:  # no number keeps up: all together are made soonest
            return max_slots
        few = max(few, self.places or 1)
        lead_s = 0.0 if request.started_at_s is None else request.made_s - (now_s - request.started_at_s)
        doublings = min(int(max(0.0, lead_s) / LEAD_S), max_slots)
        return min(max_slots, few << doublings)

    def may_start(self, request: Request, playing: set[Hashable]) -> bool:
        """False for a stream that has to wait for a place, or for its own first audio."""
        if not self._shares_steps and request.streaming and request.in_progress and not request.made_s:
            return False
        places = self.places
        if places is None or not request.streaming or request.started_at_s is not None:
            return True
        return request.listener in playing or len(playing) < places

    def wait_s(self, request: Request, requests: Iterable[Request], now_s: float) -> float:
        """Seconds until `request` gets a place behind `requests`; 0 where it needs to wait for none."""
        places = self.places
        streams = [other for other in requests if is_live(other)]
        if places is None or not request.streaming or any(other.listener == request.listener for other in streams):
            return 0.0
        pace = 1 / self.capacity.load(places)
        left_s = {other.listener: 0.0 for other in streams if self._takes_place(other, now_s)}
        waiting: list[float] = []
        for other in streams:
            seconds = (other.unstarted_s + other.decoding_s) / pace
            if other.listener in left_s:
                left_s[other.listener] += seconds
            elif other.started_at_s is None:
                waiting.append(seconds)
        free_at_s = sorted(left_s.values())[-places:]
        free_at_s = [0.0] * (places - len(free_at_s)) + free_at_s
        for seconds in waiting:
            heapq.heapreplace(free_at_s, free_at_s[0] + seconds)
        return free_at_s[0]

    def _takes_place(self, request: Request, now_s: float) -> bool:
        is_paused = not request.in_progress and request.ahead_s >= self._max_ahead_s
        return (
            is_live(request)
            and request.started_at_s is not None
            and not is_paused
            and request.playback_slack_s(now_s) < IN_HAND_S
        )


def num_listeners(requests: Iterable[Request]) -> int:
    """Listeners with audio still to be made."""
    return len({request.listener for request in requests if is_live(request)})


def is_live(request: Request) -> bool:
    return request.streaming and not request.is_finished
