import math

import pytest

from app.engine.admission import MAX_CLONES, Admission, seconds_until_place
from app.engine.pace import Pace
from app.engine.scheduler import Request, Scheduler, Sequence
from app.errors import QueueFull
from tests.support.requests import admitted


def test_one_request_more_than_fits_is_refused_with_retry_after() -> None:
    admission = Admission(max_admitted=5)
    for _ in range(5):
        admission.admit(admitted(10.0))
    with pytest.raises(QueueFull) as refusal:
        admission.admit(admitted(10.0))
    assert refusal.value.retry_after_s == 50  # one slot, ten seconds of audio each, at the pace of nothing measured yet


def test_a_released_request_frees_its_place_once() -> None:
    admission = Admission(max_admitted=2)
    first = admitted(1.0)
    admission.admit(first)
    admission.admit(admitted(1.0))
    admission.release(first)
    admission.release(first)
    assert admission.num_admitted == 1
    admission.admit(admitted(1.0))
    with pytest.raises(QueueFull):
        admission.admit(admitted(1.0))


def test_a_request_waits_until_its_first_segment_is_started() -> None:
    admission = Admission(max_admitted=2)
    request = admitted(1.0, 1.0, at_s=1.0)
    admission.admit(request)
    assert admission.num_waiting == 1
    request.started_at_s = 2.0
    assert (admission.num_waiting, admission.num_admitted) == (0, 1)


def test_clones_take_places_of_requests_and_are_bounded_themselves() -> None:
    admission = Admission(max_admitted=MAX_CLONES + 2)
    places = [admission.admit_clone(30.0, 0.0) for _ in range(MAX_CLONES)]
    with pytest.raises(QueueFull, match="cloned") as refusal:
        admission.admit_clone(30.0, 10.0)
    assert refusal.value.retry_after_s == 20
    for _ in range(2):
        admission.admit(admitted(100.0))
    with pytest.raises(QueueFull, match="spoken") as refusal:
        admission.admit(admitted(1.0, at_s=10.0))
    assert refusal.value.retry_after_s == 20  # the first clone is done before the first request
    admission.release(places[0])
    admission.admit(admitted(1.0))


def test_nothing_admitted_is_no_time_to_wait_for() -> None:
    assert seconds_until_place([], 0.0, pace=1.0, num_slots=1) == math.inf


class Server:
    """A scheduler whose segments take the time that their audio and the pace say, on a simulated clock."""

    def __init__(self, *, num_slots: int, audio_per_s: float, error: float = 1.0) -> None:
        self.num_slots, self.audio_per_s, self.error = num_slots, audio_per_s, error
        self.pace = Pace()
        self.rules = Scheduler(max_slots=num_slots, pace=self.pace)
        self.now_s = 0.0
        self.open: list[Request] = []
        self.running: list[tuple[float, Sequence]] = []

    def submit(self, *expected_s: float) -> None:
        request = admitted(*expected_s, at_s=self.now_s, streaming=False)
        self.rules.add(request)
        self.open.append(request)
        self._start()

    def _start(self) -> None:
        while sequence := self.rules.next_sequence(self.now_s):
            self.running.append((self.now_s + sequence.expected_s * self.error / self.audio_per_s, sequence))

    def advance(self) -> None:
        """To the end of the next segment."""
        self.running.sort(key=lambda item: item[0])
        self.now_s, sequence = self.running.pop(0)
        self.rules.made(sequence, sequence.expected_s * self.error)
        self.rules.free_slot(sequence, self.now_s)
        self.rules.end(sequence)
        if sequence.request.is_finished:
            self.rules.release(sequence.request)
            self.open.remove(sequence.request)
        self._start()

    def estimate(self) -> float:
        pace = self.pace.audio_per_s
        return seconds_until_place(self.open, self.now_s, pace=pace, num_slots=self.num_slots)


LOADS = {
    "two long texts on one slot": (1, [[4.0] * 60, [4.0] * 60]),
    "one long and one short text": (1, [[4.0] * 60, [4.0] * 5]),
    "many short texts on many slots": (16, [[5.0]] * 80),
    "long texts on many slots": (16, [[3.0 + number % 4] * 40 for number in range(20)]),
    "mixed texts": (8, [[4.0] * (1 + 7 * number % 30) for number in range(24)]),
}


@pytest.mark.parametrize("error", [0.8, 1.0, 1.25])
@pytest.mark.parametrize(("num_slots", "texts"), LOADS.values(), ids=list(LOADS))
def test_the_time_until_a_place_is_free_is_right_within_a_factor_of_one_and_a_half(
    num_slots: int, texts: list[list[float]], error: float
) -> None:
    """Asked at many moments; `error` is how much longer all audio is than estimated.

    The estimate lets audio flow, and a segment is decoded as a whole: it may be off by the time of one segment.
    """
    server = Server(num_slots=num_slots, audio_per_s=2.0, error=error)
    for _ in range(3):  # something to measure the pace by
        server.submit(4.0)
    while server.open:
        server.advance()
    for text in texts:
        server.submit(*text)
    segment_s = max(map(max, texts)) * error / server.audio_per_s
    asked: list[tuple[float, float]] = []
    while server.open:
        num_open = len(server.open)
        asked.append((server.now_s, server.estimate()))
        server.advance()
        if len(server.open) < num_open:
            for at_s, estimate in asked:
                truth = server.now_s - at_s
                assert truth / 1.5 - segment_s <= estimate <= 1.5 * truth + segment_s, (at_s, truth, estimate)
            asked.clear()
            if len(server.open) < len(texts) / 2:
                return
