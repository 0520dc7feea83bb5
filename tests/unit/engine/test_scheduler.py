from app.engine.scheduler import Scheduler, Sequence, Work


def scheduler(*, max_slots: int = 1, max_buffered_s: float = 60.0) -> Scheduler:
    return Scheduler(max_slots=max_slots, max_buffered_s=max_buffered_s)


def add(scheduler: Scheduler, num_segments: int, now_s: float = 0.0) -> Work:
    work = Work.of(num_segments, now_s)
    scheduler.add(work)
    return work


def finish(scheduler: Scheduler, sequence: Sequence, made_s: float) -> None:
    scheduler.made(sequence.work, made_s)
    scheduler.finish(sequence)


def start(scheduler: Scheduler, now_s: float = 0.0) -> Sequence:
    sequence = scheduler.next_sequence(now_s)
    assert sequence is not None
    return sequence


def test_segments_of_one_request_start_in_the_order_of_the_text() -> None:
    rules = scheduler(max_slots=3)
    add(rules, 3, 0.0)
    assert [start(rules).segment_index for _ in range(3)] == [0, 1, 2]


def test_no_more_segments_run_than_there_are_slots() -> None:
    rules = scheduler(max_slots=2)
    add(rules, 3, 0.0)
    first = start(rules)
    start(rules)
    assert rules.next_sequence(0.0) is None
    finish(rules, first, 1.0)
    assert start(rules).segment_index == 2


def test_a_new_request_goes_before_one_that_has_audio_in_hand() -> None:
    rules = scheduler()
    long = add(rules, 100, 0.0)
    finish(rules, start(rules), 10.0)
    short = add(rules, 1, 1.0)
    sequence = start(rules, 1.0)
    assert sequence.work is short
    finish(rules, sequence, 2.0)
    assert start(rules, 1.1).work is long


def test_the_stream_that_would_run_dry_first_goes_first() -> None:
    rules = scheduler()
    early = add(rules, 5, 0.0)
    finish(rules, start(rules), 5.0)
    late = add(rules, 5, 4.0)
    finish(rules, start(rules, 4.0), 3.0)
    # At 4.5 s the early listener has 0.5 s left, the late one 2.5 s.
    assert start(rules, 4.5).work is early
    assert late.waiting


def test_nobody_waits_longer_than_the_audio_they_have() -> None:
    rules = scheduler()
    patient = add(rules, 2, 0.0)
    finish(rules, start(rules), 6.0)
    now_s = 0.0
    while patient.waiting:
        now_s += 0.5
        add(rules, 1, now_s)
        finish(rules, start(rules, now_s), 1.0)
        assert now_s < 8.0
    assert now_s >= 6.0


def test_a_released_request_frees_its_place_and_starts_nothing_more() -> None:
    rules = scheduler()
    work = add(rules, 3, 0.0)
    running = start(rules)
    rules.release(work)
    rules.release(work)
    finish(rules, running, 1.0)
    assert rules.busy_slots == 0
    assert not rules.can_start()
    add(rules, 1, 0.0)
    assert start(rules).work is not work


def test_a_caller_who_takes_nothing_stops_being_served_at_the_limit() -> None:
    rules = scheduler(max_slots=1, max_buffered_s=10.0)
    work = add(rules, 10, 0.0)
    for _ in range(2):
        finish(rules, start(rules), 6.0)
    assert rules.next_sequence(0.0) is None
    rules.take(work, 6.0)
    assert rules.next_sequence(0.0) is not None


def test_time_in_the_queue_ends_with_the_first_segment() -> None:
    rules = scheduler()
    work = add(rules, 2, 1.0)
    assert work.queue_s is None
    start(rules, 3.5)
    assert work.queue_s == 2.5
