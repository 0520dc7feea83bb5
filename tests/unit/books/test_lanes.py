"""Parts that are made at a time and taken in order."""

import threading
from collections.abc import Callable, Iterator

import pytest

from app.books.lanes import NUM_LANES_AHEAD, Lane, LaneClosed, in_order

Put = Callable[[int], None]
PATIENCE_S = 30.0


def test_results_come_in_the_order_of_the_parts_whichever_is_made_first() -> None:
    later_is_made = threading.Event()

    def make(part: int, put: Put) -> None:
        if part == 0:
            assert later_is_made.wait(PATIENCE_S)
        put(10 * part)
        put(10 * part + 1)
        if part == 1:
            later_is_made.set()

    with in_order(make, range(5), num_threads=2, max_size=2) as parts:
        assert [(part, list(lane)) for part, lane in parts] == [
            (0, [0, 1]), (1, [10, 11]), (2, [20, 21]), (3, [30, 31]), (4, [40, 41])
        ]  # fmt: skip


def test_parts_are_taken_from_the_iterator_only_as_lanes_become_free() -> None:
    taken: list[int] = []

    def parts() -> Iterator[int]:
        for part in range(100):
            taken.append(part)
            yield part

    with in_order(lambda part, put: put(part), parts(), num_threads=1, max_size=1) as lanes:
        for part, lane in lanes:
            assert list(lane) == [part]
            assert len(taken) <= part + 1 + NUM_LANES_AHEAD
    assert taken == [*range(100)]


def test_a_part_waits_when_its_lane_is_full() -> None:
    lane = Lane[int](2, lambda result: 1)
    made: list[int] = []

    def make(put: Put) -> None:
        for result in range(10):
            put(result)
            made.append(result)

    thread = threading.Thread(target=lane.run, args=(make,))
    thread.start()
    results = iter(lane)
    seen = [next(results) for _ in range(4)]
    assert len(made) <= 4 + 2 + 1
    assert [*seen, *results] == [*range(10)]
    thread.join(PATIENCE_S)


def test_a_lane_is_bounded_by_the_size_of_its_results_and_takes_one_of_any_size() -> None:
    lane = Lane[bytes](10, len)
    made: list[int] = []

    def make(put: Callable[[bytes], None]) -> None:
        for size in (20, 6, 4, 5):
            put(bytes(size))
            made.append(size)

    thread = threading.Thread(target=lane.run, args=(make,))
    thread.start()
    results = iter(lane)
    assert len(next(results)) == 20
    assert [len(result) for result in results] == [6, 4, 5]
    thread.join(PATIENCE_S)
    assert made == [20, 6, 4, 5]
    full = Lane[bytes](10, len)
    full.put(bytes(6))
    full.put(bytes(4))
    waiting = threading.Thread(target=full.run, args=(lambda put: put(bytes(1)),))  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    waiting.start()
    assert waiting.is_alive()
    full.close()
    waiting.join(PATIENCE_S)
    with pytest.raises(LaneClosed):
        list(full)


def test_an_error_is_raised_behind_the_results_before_it() -> None:
    def make(part: int, put: Put) -> None:
        put(part)
        if part == 1:
            raise ValueError("part 1")

    seen: list[int] = []
    with (
        pytest.raises(ValueError, match="part 1"),
        in_order(make, range(3), num_threads=3, max_size=1) as parts,
    ):
        for _, lane in parts:
            seen += lane
    assert seen == [0, 1]


def test_leaving_early_ends_threads_that_wait() -> None:
    ended: list[int] = []

    def make(part: int, put: Put) -> None:
        try:
            while True:
                put(part)
        except LaneClosed:
            ended.append(part)
            raise

    with in_order(make, range(10), num_threads=3, max_size=1) as parts:
        _, lane = next(parts)
        assert next(iter(lane)) == 0
    assert 0 in ended
    assert set(ended) <= {0, 1, 2}
