from statistics import median

import pytest

from app.engine.pace import Pace
from app.engine.scheduler import Request, Scheduler, Sequence
from app.engine.slots import kept_slots
from tests.support.requests import RecordingSink, admitted, request_of


def scheduler(*, max_slots: int = 1, num_kept_slots: int = 0, max_ahead_s: float = 60.0) -> Scheduler:
    return Scheduler(max_slots=max_slots, num_kept_slots=num_kept_slots, max_ahead_s=max_ahead_s)


def add(rules: Scheduler, *expected_s: float, at_s: float = 0.0, streaming: bool = True) -> Request:
    request = admitted(*expected_s, at_s=at_s, streaming=streaming)
    rules.add(request)
    return request


def start(rules: Scheduler, now_s: float = 0.0) -> Sequence:
    sequence = rules.next_sequence(now_s)
    assert sequence is not None
    return sequence


def finish(rules: Scheduler, sequence: Sequence, made_s: float, now_s: float = 0.0) -> None:
    rules.made(sequence, made_s)
    rules.free_slot(sequence, now_s)
    rules.end(sequence)


def test_segments_of_one_request_start_in_the_order_of_the_text() -> None:
    rules = scheduler(max_slots=3)
    add(rules, 1, 1, 1)
    assert [start(rules).index for _ in range(3)] == [0, 1, 2]


def test_no_more_segments_run_than_there_are_slots() -> None:
    rules = scheduler(max_slots=2)
    add(rules, 1, 1, 1)
    first = start(rules)
    start(rules)
    assert rules.next_sequence(0.0) is None
    finish(rules, first, 1.0)
    assert start(rules).index == 2


def test_a_new_request_goes_before_one_that_has_audio_in_hand() -> None:
    rules = scheduler()
    long = add(rules, *[10] * 100)
    finish(rules, start(rules), 10.0)
    short = add(rules, 2, at_s=1.0)
    sequence = start(rules, 1.0)
    assert sequence.request is short
    finish(rules, sequence, 2.0)
    assert start(rules, 1.1).request is long


def test_a_new_request_goes_before_one_whose_audio_is_being_decoded() -> None:
    rules = scheduler(max_slots=2)
    add(rules, *[10] * 100)
    start(rules)
    short = add(rules, 2, at_s=1.0)
    assert start(rules, 1.0).request is short


def test_the_stream_that_would_run_dry_first_goes_first() -> None:
    rules = scheduler()
    early = add(rules, *[5] * 5)
    finish(rules, start(rules), 5.0)
    late = add(rules, *[3] * 5, at_s=4.0)
    finish(rules, start(rules, 4.0), 3.0)
    # At 4.5 s the early listener has 0.5 s left, the late one 2.5 s.
    assert start(rules, 4.5).request is early
    assert late.has_waiting


def test_no_request_waits_longer_than_the_audio_it_has() -> None:
    rules = scheduler()
    patient = add(rules, 6, 6)
    finish(rules, start(rules), 6.0)
    now_s = 0.0
    while patient.has_waiting:
        now_s += 0.5
        add(rules, 1, at_s=now_s)
        finish(rules, start(rules, now_s), 1.0)
        assert now_s < 8.0
    assert now_s >= 6.0


def test_a_released_request_frees_its_place_and_starts_nothing_more() -> None:
    rules = scheduler()
    request = add(rules, 1, 1, 1)
    running = start(rules)
    rules.release(request)
    rules.release(request)
    finish(rules, running, 1.0)
    assert rules.busy_slots == 0
    assert not rules.can_start(1.0)
    add(rules, 1)
    assert start(rules).request is not request


def test_a_caller_who_takes_nothing_stops_being_served_at_the_limit() -> None:
    rules = scheduler(max_ahead_s=10.0)
    request = add(rules, *[6] * 10)
    for _ in range(2):
        finish(rules, start(rules), 6.0)
    assert rules.next_sequence(0.0) is None
    rules.take(request, 6.0)
    assert rules.next_sequence(0.0) is not None


def test_audio_that_is_being_decoded_counts_against_the_limit_of_a_stream() -> None:
    rules = scheduler(max_slots=64, max_ahead_s=30.0)
    add(rules, *[15] * 100)
    assert [start(rules).index for _ in range(2)] == [0, 1]
    assert rules.next_sequence(0.0) is None


def test_a_whole_answer_uses_all_slots_but_those_kept_for_others() -> None:
    rules = scheduler(max_slots=16, num_kept_slots=2, max_ahead_s=30.0)
    add(rules, *[15] * 100, streaming=False)
    while rules.next_sequence(0.0):
        pass
    assert rules.busy_slots == 14
    other = add(rules, 15, 15)
    assert start(rules).request is other
    assert rules.next_sequence(0.0) is None
    another = add(rules, 15)
    assert start(rules).request is another


def test_a_segment_that_turns_out_shorter_than_estimated_is_not_counted_any_more() -> None:
    rules = scheduler(max_slots=4, max_ahead_s=10.0)
    request = add(rules, 10, 10)
    sequence = start(rules)
    finish(rules, sequence, 1.0)
    assert (request.ahead_s, request.decoding_s) == (1.0, 0.0)
    assert start(rules).index == 1


def test_fast_speech_is_estimated_shorter() -> None:
    request = admitted(6, 6, speed=2.0)
    assert request.unstarted_s == 6.0


def test_the_rate_of_a_segment_multiplies_the_speed_of_its_request() -> None:
    request = request_of(6, 6, speed=2.0, rate=1.5)
    assert request.unstarted_s == 4.0
    assert [sequence.speed for sequence in request.sequences] == [3.0, 3.0]


def test_a_request_is_submitted_once_and_a_sequence_belongs_to_one_request() -> None:
    request = admitted(1.0)
    with pytest.raises(AssertionError, match="submitted once"):
        request.admit(RecordingSink(), 1.0)
    with pytest.raises(AssertionError, match="another request"):
        Request(sequences=request.sequences, voice=request.voice, sampling=request.sampling)


@pytest.mark.parametrize(("max_slots", "expected"), [(1, 0), (2, 1), (4, 1), (16, 2), (64, 8)])
def test_an_eighth_of_the_slots_is_kept_and_never_the_only_one(max_slots: int, expected: int) -> None:
    assert kept_slots(max_slots) == expected


def test_time_in_the_queue_ends_with_the_first_segment() -> None:
    rules = scheduler()
    request = add(rules, 1, 1, at_s=1.0)
    assert request.queue_s is None
    start(rules, 3.5)
    assert request.queue_s == 2.5


def test_the_pace_follows_the_segments_that_were_decoded_last() -> None:
    pace = Pace()
    assert pace.audio_per_s == 1.0
    for _ in range(50):
        pace.measured(6.0, 3.0)
    assert pace.audio_per_s == pytest.approx(2.0)
    for _ in range(50):
        pace.measured(6.0, 12.0)
    assert pace.audio_per_s == pytest.approx(0.5, rel=0.02)


def test_a_cancelled_segment_is_not_measured() -> None:
    rules = scheduler()
    add(rules, 6)
    rules.free_slot(start(rules), 0.1, is_whole=False)
    assert rules.pace.audio_per_s == 1.0


class Simulation:
    """Segments take 300 steps and last 15 s. A long text of 100 segments; a short one arrives every 150 steps."""

    STEPS, AUDIO_S = 300, 15.0

    def __init__(self, max_slots: int) -> None:
        rules = scheduler(max_slots=max_slots, num_kept_slots=kept_slots(max_slots))
        long = add(rules, *[self.AUDIO_S] * 100, streaming=False)
        running: list[tuple[int, Sequence]] = []
        shorts: list[Request] = []
        self.long_steps = 0
        while long.has_waiting or long.in_progress:
            now_s = float(self.long_steps)
            if self.long_steps % 150 == 0:
                shorts.append(add(rules, self.AUDIO_S, at_s=now_s))
            for ends_at, sequence in [item for item in running if item[0] <= self.long_steps]:
                running.remove((ends_at, sequence))
                finish(rules, sequence, self.AUDIO_S, now_s)
                if not sequence.request.has_waiting and not sequence.request.in_progress:
                    rules.release(sequence.request)
            while sequence := rules.next_sequence(now_s):
                running.append((self.long_steps + self.STEPS, sequence))
            self.long_steps += 1
        self.waits = [request.queue_s for request in shorts if request.queue_s is not None]
        assert len(self.waits) == len(shorts)


@pytest.mark.parametrize(("max_slots", "most_steps"), [(64, 602), (16, 2702)])
def test_a_text_of_100_segments_never_keeps_a_short_one_waiting(max_slots: int, most_steps: int) -> None:
    simulation = Simulation(max_slots)
    assert (median(simulation.waits), max(simulation.waits)) == (0, 0)
    assert simulation.long_steps <= most_steps
