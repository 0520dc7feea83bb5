"""How long speech that is given now would wait, by a clock that the test turns."""

from app.asr.pace import FIRST_PACE, Pace


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def aligned(pace: Pace, clock: Clock, speech_s: float, took_s: float, *, is_aligned: bool = True) -> None:
    pace.begin(speech_s)
    clock.now_s += took_s
    pace.end(speech_s, is_aligned=is_aligned)


def test_before_anything_is_measured_the_first_pace_counts_for_all_speech_under_way() -> None:
    pace = Pace(Clock())
    assert pace.seconds_for(4.0) == 4.0 * FIRST_PACE
    pace.begin(6.0)
    assert pace.seconds_for(4.0) == 10.0 * FIRST_PACE


def test_a_slow_recogniser_is_soon_known_to_be_slow() -> None:
    clock = Clock()
    pace = Pace(clock)
    for _ in range(5):
        aligned(pace, clock, 5.0, 5.0)
    assert 0.6 < pace.seconds_for(1.0) < 1.0


def test_segments_that_are_aligned_together_count_their_time_once() -> None:
    clock = Clock()
    pace = Pace(clock)
    for _ in range(4):
        pace.begin(5.0)
    clock.now_s += 2.0
    for _ in range(4):
        pace.end(5.0, is_aligned=True)
    assert pace.seconds_for(1.0) == (0.5 + 2.0) / (5.0 + 20.0)


def test_speech_that_was_given_up_counts_with_its_time_alone() -> None:
    clock = Clock()
    pace = Pace(clock)
    aligned(pace, clock, 5.0, 4.0, is_aligned=False)
    assert pace.seconds_for(1.0) == (0.5 + 4.0) / 5.0


def test_idle_seconds_are_no_work_and_let_a_busy_time_be_forgotten() -> None:
    clock = Clock()
    pace = Pace(clock)
    aligned(pace, clock, 5.0, 10.0)
    busy_s = pace.seconds_for(1.0)
    clock.now_s += 10.0
    assert FIRST_PACE < pace.seconds_for(1.0) < busy_s
    clock.now_s += 600.0
    assert abs(pace.seconds_for(1.0) - FIRST_PACE) < 1e-6
