"""Background requests get what callers leave."""

import pytest

from app.engine.admission import Admission
from app.engine.capacity import Capacity
from app.engine.live import LiveStreams
from app.engine.scheduler import Request, Scheduler, Sequence
from app.errors import QueueFull
from tests.support.requests import RecordingSink, request_of


def scheduler(*, max_slots: int = 4, num_kept_slots: int = 1, has_background_slots: bool = False) -> Scheduler:
    live = LiveStreams(Capacity({1: 0.1}), is_limited=False, max_wait_s=0.0, max_ahead_s=30.0, shares_steps=True)
    return Scheduler(
        max_slots=max_slots,
        num_kept_slots=num_kept_slots,
        max_ahead_s=30.0,
        live=live,
        has_background_slots=has_background_slots,
    )


def add(rules: Scheduler, *, is_background: bool = False, streaming: bool = False, seconds: float = 5.0) -> Request:
    request = request_of(seconds, seconds, streaming=streaming)
    request.is_background = is_background
    request.admit(RecordingSink(), 0.0)
    rules.add(request)
    return request


def start_all(rules: Scheduler, now_s: float = 0.0) -> list[Sequence]:
    started: list[Sequence] = []
    while sequence := rules.next_sequence(now_s):
        started.append(sequence)
    return started


def test_background_segments_leave_the_kept_slots_to_callers() -> None:
    rules = scheduler(max_slots=16, num_kept_slots=2)
    for _ in range(20):
        add(rules, is_background=True)
    assert len(start_all(rules)) == 14
    caller = add(rules)
    assert [sequence.request for sequence in start_all(rules)] == [caller]


def test_one_slot_stays_free_where_none_is_kept_and_the_only_slot_is_used() -> None:
    for max_slots, expected in ((2, 1), (1, 1)):
        rules = scheduler(max_slots=max_slots, num_kept_slots=0)
        for _ in range(4):
            add(rules, is_background=True)
        assert len(start_all(rules)) == expected


def test_a_caller_goes_before_background_requests_that_came_earlier() -> None:
    rules = scheduler(max_slots=2)
    add(rules, is_background=True)
    caller = add(rules)
    first = rules.next_sequence(100.0)
    assert first is not None
    assert first.request is caller


def test_no_background_segment_starts_while_a_stream_has_little_audio_in_hand() -> None:
    rules = scheduler()
    stream, book = add(rules, streaming=True), add(rules, is_background=True)
    first = rules.next_sequence(0.0)
    assert first is not None
    assert first.request is stream
    assert rules.must_yield(0.0)
    assert all(sequence.request is stream for sequence in start_all(rules))
    rules.made(first, 11.0)  # ten seconds and more are in hand
    assert not rules.must_yield(0.5)
    assert [sequence.request for sequence in start_all(rules, 0.5)] == [book]
    assert rules.must_yield(5.0)


def test_a_caller_that_waits_for_a_slot_makes_background_segments_step_aside() -> None:
    rules = scheduler(max_slots=2)
    add(rules, is_background=True)
    start_all(rules)
    add(rules)
    start_all(rules)
    assert not rules.must_yield(0.0)
    add(rules)
    assert start_all(rules) == []
    assert rules.must_yield(0.0)


def test_without_background_requests_nothing_has_to_yield() -> None:
    rules = scheduler(max_slots=1, num_kept_slots=0)
    add(rules, streaming=True)
    assert not rules.must_yield(0.0)


def test_background_slots_of_their_own_leave_all_slots_to_callers() -> None:
    rules = scheduler(max_slots=2, num_kept_slots=0, has_background_slots=True)
    for _ in range(4):
        add(rules, is_background=True)
    assert len(start_all(rules)) == 2
    callers = [add(rules) for _ in range(2)]
    assert {sequence.request for sequence in start_all(rules)} == set(callers)
    assert rules.busy_slots == 4


def test_a_slot_of_a_background_segment_is_free_again_when_it_leaves() -> None:
    rules = scheduler(max_slots=2, num_kept_slots=0)
    add(rules, is_background=True)
    [sequence] = start_all(rules)
    rules.free_slot(sequence, 1.0)
    rules.end(sequence)
    assert rules.busy_slots == 0
    assert len(start_all(rules)) == 1


def test_background_segments_do_not_change_the_measured_pace() -> None:
    rules = scheduler()
    add(rules, is_background=True)
    sequence = start_all(rules)[0]
    rules.free_slot(sequence, 500.0)
    assert rules.pace.audio_per_s == 1.0


def test_background_requests_take_no_place_in_the_queue() -> None:
    admission = Admission(max_admitted=1)
    for _ in range(3):
        request = request_of(1.0)
        request.is_background = True
        admission.admit(request)
        admission.release(request)
    admission.admit(request_of(1.0))
    assert admission.num_admitted == 1
    with pytest.raises(QueueFull):
        admission.admit(request_of(1.0))
