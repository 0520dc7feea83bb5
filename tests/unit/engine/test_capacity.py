import pytest

from app.engine.capacity import FULL_LOAD, MEMORY_S, Capacity


def test_between_measured_numbers_of_streams_the_load_is_interpolated() -> None:
    assert Capacity({1: 0.5, 4: 0.8, 8: 1.2}).streams == pytest.approx(5.0)


def test_beyond_the_last_measured_number_each_further_stream_is_as_much_work() -> None:
    capacity = Capacity({1: 0.02, 64: 0.45})
    assert capacity.streams == pytest.approx(64 * FULL_LOAD / 0.45)
    assert capacity.load(128) == pytest.approx(0.9)


def test_a_device_that_cannot_make_one_stream_in_time_has_a_fraction_of_a_stream() -> None:
    assert Capacity({1: 1.8}).streams == pytest.approx(0.5)


def test_a_disturbed_measurement_at_the_start_does_not_say_that_more_streams_are_less_work() -> None:
    assert Capacity({1: 0.6, 2: 0.5, 4: 1.2}).streams == pytest.approx(3.0)


def test_a_pace_that_halves_while_serving_halves_the_capacity() -> None:
    capacity = Capacity({1: 0.1, 10: 1.0})
    for _ in range(100):
        capacity.measured(5, audio_s=1.0, seconds=1.0)  # the start said 0.5 s
    assert capacity.streams == pytest.approx(4.5, rel=0.06)
    assert capacity.load(5) == pytest.approx(1.0, rel=0.06)


def test_one_disturbed_step_changes_little() -> None:
    capacity = Capacity({1: 0.1, 10: 1.0})
    capacity.measured(1, audio_s=0.046, seconds=0.3)
    assert capacity.streams == pytest.approx(9.0, rel=0.1)


def test_a_measurement_is_forgotten_with_the_work_that_follows() -> None:
    capacity = Capacity({1: 0.1, 10: 1.0})
    for _ in range(round(MEMORY_S)):
        capacity.measured(10, audio_s=0.2, seconds=1.0)
    for _ in range(8 * round(MEMORY_S)):
        capacity.measured(10, audio_s=1.0, seconds=1.0)
    assert capacity.streams == pytest.approx(9.0, rel=0.02)


def test_work_without_a_stream_lowers_the_capacity() -> None:
    """Turns in which the vocoder alone works, behind the last code of a segment."""
    capacity = Capacity({1: 0.5})
    before = capacity.streams
    capacity.measured(0, audio_s=0.046, seconds=0.1)
    assert capacity.streams < before


@pytest.mark.parametrize(
    ("loads", "fewest"),
    [
        ({1: 0.9}, 1),
        ({1: 1.0, 2: 1.8}, 2),
        ({1: 1.0, 4: 3.5}, 3),  # of 3, by interpolation, 2.67
        ({1: 1.0, 2: 1.9}, None),
    ],
)
def test_so_many_segments_of_one_text_are_made_together_as_fast_as_it_is_played(
    loads: dict[int, float], fewest: int | None
) -> None:
    assert Capacity(loads).fewest_together == fewest


def test_a_pace_that_falls_asks_for_more_segments_at_a_time() -> None:
    capacity = Capacity({1: 0.8, 2: 1.2, 4: 2.0})
    assert capacity.fewest_together == 1
    for _ in range(100):
        capacity.measured(1, audio_s=1.0, seconds=1.0)  # a quarter more than at the start
    assert capacity.fewest_together == 2
