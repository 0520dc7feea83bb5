import pytest

from app.engine.admission import Admission
from app.engine.capacity import FULL_LOAD, Capacity
from app.engine.live import IN_HAND_S, LEAD_S, LiveStreams
from app.engine.scheduler import Request, Scheduler, Sequence
from app.errors import QueueFull
from tests.support.requests import admitted, request_of

SLOTS = 8


def live_streams(
    places: float, *, is_limited: bool = True, max_wait_s: float = 0.0, shares_steps: bool = True
) -> LiveStreams:
    """The rules of an engine that carries `places` streams, with a load that is proportional to their number."""
    capacity = Capacity({1: FULL_LOAD / places})
    return LiveStreams(
        capacity, is_limited=is_limited, max_wait_s=max_wait_s, max_ahead_s=30.0, shares_steps=shares_steps
    )


def scheduler(live: LiveStreams) -> Scheduler:
    return Scheduler(max_slots=SLOTS, num_kept_slots=1, live=live)


def add(rules: Scheduler, *expected_s: float, at_s: float = 0.0, streaming: bool = True) -> Request:
    request = admitted(*expected_s, at_s=at_s, streaming=streaming)
    rules.add(request)
    return request


def started(rules: Scheduler, now_s: float = 0.0) -> list[Sequence]:
    """All sequences that may start now."""
    return list(iter(lambda: rules.next_sequence(now_s), None))


def finish(rules: Scheduler, sequence: Sequence, now_s: float) -> None:
    rules.made(sequence, sequence.expected_s)
    rules.free_slot(sequence, now_s)
    rules.end(sequence)


def requests_of(sequences: list[Sequence]) -> list[Request]:
    return [sequence.request for sequence in sequences]


def test_no_more_streams_play_than_are_made_in_time() -> None:
    rules = scheduler(live_streams(3.9))
    first, second, third, fourth = (add(rules, 5) for _ in range(4))
    running = started(rules)
    assert requests_of(running) == [first, second, third]
    finish(rules, running[1], 2.0)
    assert requests_of(started(rules, 2.0)) == [fourth]


def test_a_long_stream_runs_in_no_more_slots_than_are_made_in_time() -> None:
    rules = scheduler(live_streams(4))
    add(rules, *[5] * 10)
    assert len(started(rules)) == 4
    add(rules, 5)
    assert len(started(rules)) == 1  # its place is its own


def test_two_listeners_with_two_places_are_both_made_at_a_time() -> None:
    rules = scheduler(live_streams(2))
    streams = [add(rules, 5, 5), add(rules, 5, 5)]
    first, second = started(rules)
    finish(rules, first, 1.0)
    assert requests_of(started(rules, 1.0)) == [streams[0]]
    finish(rules, second, 1.1)
    assert requests_of(started(rules, 1.1)) == [streams[1]]


def test_whole_answers_that_begin_take_no_more_slots_than_streams_beside_them_leave() -> None:
    rules = scheduler(live_streams(3))
    add(rules, 5)
    started(rules)
    for _ in range(SLOTS):
        add(rules, 5, streaming=False)
    assert len(started(rules)) == 2


def test_where_segments_do_not_slow_each_other_all_slots_are_used() -> None:
    rules = scheduler(live_streams(2, shares_steps=False))
    add(rules, *[2] * 10)
    [first] = started(rules)
    finish(rules, first, 0.1)
    assert len(started(rules, 0.1)) == SLOTS - 1


@pytest.mark.parametrize("is_limited", [False, True])
def test_where_segments_have_threads_of_their_own_a_stream_starts_no_second_one_before_its_first_audio(
    is_limited: bool,
) -> None:
    rules = scheduler(live_streams(3, is_limited=is_limited, shares_steps=False))
    streams = [add(rules, 2, 2), add(rules, 2, 2)]
    firsts = started(rules)
    assert requests_of(firsts) == streams
    finish(rules, firsts[1], 0.1)
    assert requests_of(started(rules, 0.1)) == [streams[1]]
    whole = add(rules, 2, 2, streaming=False)
    assert requests_of(started(rules, 0.1)) == [whole, whole]


def test_whole_answers_have_all_slots_while_no_stream_plays() -> None:
    rules = scheduler(live_streams(2))
    for _ in range(SLOTS):
        add(rules, 5, streaming=False)
    assert len(started(rules)) == SLOTS


def test_a_whole_answer_waits_for_no_place_of_a_stream() -> None:
    rules = scheduler(live_streams(2))
    add(rules, 5)
    started(rules)
    whole = add(rules, 5, streaming=False)
    assert requests_of(started(rules)) == [whole]


def test_a_stream_with_much_audio_in_hand_leaves_its_place_to_another() -> None:
    rules = scheduler(live_streams(1.5))
    add(rules, IN_HAND_S + 1, 5, 5)
    first = started(rules)
    short = add(rules, 2)
    assert started(rules) == []
    finish(rules, first[0], 0.5)
    assert requests_of(started(rules, 0.5)) == [short]


def test_a_stream_whose_caller_reads_nothing_holds_no_place() -> None:
    rules = Scheduler(max_slots=SLOTS, max_ahead_s=30.0, live=live_streams(1))
    add(rules, 31, 5)
    finish(rules, started(rules)[0], 25.0)  # all of max_ahead_s untaken, and 6 s in hand by the clock
    other = add(rules, 5, at_s=25.0)
    assert requests_of(started(rules, 25.0)) == [other]


def test_the_next_sentence_of_a_listener_needs_no_place_of_its_own() -> None:
    rules = scheduler(live_streams(1))
    first = add(rules, 5)
    started(rules)
    following = admitted(5)
    following.listener = first.listener
    rules.add(following)
    add(rules, 5)
    running = rules.requests[0].in_progress[0]
    finish(rules, running, 5.0)
    assert requests_of(started(rules, 5.0))[:1] == [following]


@pytest.mark.parametrize(
    ("lead_s", "in_progress"),
    [(-5, 1), (LEAD_S - 0.1, 1), (LEAD_S, 2), (2 * LEAD_S, 4), (3 * LEAD_S, SLOTS - 1), (100 * LEAD_S, SLOTS - 1)],
)
def test_a_stream_that_plays_alone_doubles_its_segments_for_each_second_in_hand(
    lead_s: float, in_progress: int
) -> None:
    rules = scheduler(live_streams(1))
    add(rules, *[4] * 10)
    [running] = started(rules)
    rules.made(running, 3.0)
    assert 1 + len(started(rules, 3.0 - lead_s)) == in_progress


def test_a_stream_that_one_segment_at_a_time_does_not_keep_up_with_takes_as_many_as_do() -> None:
    capacity = Capacity({1: 1.1, 2: 1.9, 4: 3.2})  # 1.1, 0.95, 0.85, 0.8 seconds for one of audio
    live = LiveStreams(capacity, is_limited=True, max_wait_s=0.0, max_ahead_s=30.0, shares_steps=True)
    rules = scheduler(live)
    add(rules, *[4] * 10)
    assert len(started(rules)) == 3


@pytest.mark.parametrize("live", [live_streams(0.9), live_streams(3, is_limited=False)], ids=["too slow", "off"])
def test_a_stream_that_nothing_keeps_up_with_or_that_may_have_gaps_takes_all_slots(live: LiveStreams) -> None:
    rules = scheduler(live)
    add(rules, *[4] * 10)
    assert len(started(rules)) == SLOTS - 1


def test_a_stream_beside_another_listener_uses_no_more_slots_however_far_it_is_ahead() -> None:
    rules = scheduler(live_streams(2))
    add(rules, *[5] * 10)
    add(rules, 5)
    for running in started(rules):
        rules.made(running, 4.0)
    assert started(rules, 1.0) == []


@pytest.mark.parametrize("live", [live_streams(0.9), live_streams(3, is_limited=False)], ids=["too slow", "off"])
def test_without_a_limit_streams_start_in_all_slots_and_none_is_refused(live: LiveStreams) -> None:
    rules, admission = scheduler(live), Admission(max_admitted=100, live=live)
    for _ in range(SLOTS):
        admission.admit(add(rules, 500))
    assert len(started(rules)) == SLOTS
    admission.admit(admitted(500))


def test_a_busy_hour_leaves_one_place_and_starts_no_other_stream_that_waits() -> None:
    live = live_streams(1.1)
    rules = scheduler(live)
    first = add(rules, 500)
    add(rules, 500)
    assert requests_of(started(rules)) == [first]
    for _ in range(100):
        live.capacity.measured(1, audio_s=0.5, seconds=1.0)
    assert live.capacity.streams < 1
    assert started(rules) == []


def test_a_stream_beyond_the_places_is_refused_with_the_time_until_one_is_free() -> None:
    live = live_streams(2)
    rules, admission = scheduler(live), Admission(max_admitted=100, live=live)
    for seconds in (20, 40):
        request = add(rules, seconds)
        admission.admit(request)
    started(rules)
    with pytest.raises(QueueFull, match="2 streams") as refusal:
        admission.admit(admitted(5))
    assert refusal.value.retry_after_s == 18  # 20 s of audio, made 1/0.9 times as fast as they are played


def test_a_stream_may_wait_for_a_place_for_a_short_time() -> None:
    live = live_streams(1, max_wait_s=10.0)
    rules, admission = scheduler(live), Admission(max_admitted=100, live=live)
    for _ in range(3):  # the third waits for two answers of 4 s
        request = add(rules, 4)
        admission.admit(request)
    with pytest.raises(QueueFull) as refusal:
        admission.admit(admitted(4))
    assert refusal.value.retry_after_s == 11


def test_whole_answers_and_callers_who_can_wait_are_never_refused_for_want_of_a_place() -> None:
    live = live_streams(1)
    admission = Admission(max_admitted=100, live=live)
    admission.admit(admitted(100))
    admission.admit(admitted(5, streaming=False))
    patient = admitted(5)
    patient.can_wait = True
    admission.admit(patient)
    with pytest.raises(QueueFull):
        admission.admit(admitted(5))


def test_a_listener_who_is_heard_already_is_not_refused_for_want_of_a_place() -> None:
    live = live_streams(1)
    admission = Admission(max_admitted=100, live=live)
    first = admitted(5)
    admission.admit(first)
    following = admitted(5)
    following.listener = first.listener
    admission.admit(following)
    assert admission.num_listeners == 1


def test_whole_answers_in_the_queue_do_not_count_as_listeners() -> None:
    admission = Admission(max_admitted=100, live=live_streams(1))
    for _ in range(5):
        admission.admit(admitted(5, streaming=False))
    admission.admit(admitted(5))
    assert admission.num_listeners == 1


def test_requests_are_of_different_listeners_unless_they_say_otherwise() -> None:
    assert request_of(1).listener != request_of(1).listener
