"""WindowQueue: who shares the next turn."""

import msgspec

from app.asr.queue import WindowQueue


class Item(msgspec.Struct, frozen=True):
    owner: str
    index: int = 0
    batch_key: int = 0


def filled(*items: Item, max_batch: int = 4, max_per_owner: int = 2) -> WindowQueue[Item]:
    queue: WindowQueue[Item] = WindowQueue(max_batch=max_batch, max_per_owner=max_per_owner)
    for item in items:
        queue.add(item)
    return queue


def test_a_sentence_behind_an_hour_of_speech_is_in_the_next_turn() -> None:
    hour = [Item("hour", index) for index in range(120)]
    queue = filled(*hour)
    assert queue.take() == hour[:2]
    queue.add(Item("sentence"))
    assert Item("sentence") in queue.take()


def test_every_request_has_a_window_in_a_turn_before_any_has_two() -> None:
    queue = filled(*(Item(owner, index) for owner in "abc" for index in range(2)))
    assert queue.take() == [Item("a", 0), Item("b", 0), Item("c", 0), Item("a", 1)]
    assert queue.take() == [Item("b", 1), Item("c", 1)]
    assert queue.take() == []


def test_more_requests_than_a_turn_has_room_for_take_turns() -> None:
    queue = filled(*(Item(owner, index) for owner in "abc" for index in range(3)), max_batch=1)
    assert [queue.take()[0].owner for _ in range(6)] == list("abcabc")


def test_windows_of_another_key_wait_for_a_turn_of_their_own_and_get_the_next() -> None:
    queue = filled(Item("a", 0), Item("a", 1), Item("b", 0, batch_key=1), Item("c", 0))
    assert queue.take() == [Item("a", 0), Item("c", 0), Item("a", 1)]
    queue.add(Item("a", 2))
    assert queue.take() == [Item("b", 0, batch_key=1)]


def test_windows_of_a_request_stay_in_order_when_one_is_put_back() -> None:
    queue = filled(Item("a", 0), Item("a", 1), max_per_owner=1)
    [first] = queue.take()
    queue.put_back(first)
    assert [queue.take()[0].index for _ in range(2)] == [0, 1]


def test_no_window_of_a_dropped_request_is_taken() -> None:
    queue = filled(Item("a"), Item("b"))
    queue.drop("a")
    queue.drop("never seen")
    assert queue.take() == [Item("b")]
    assert len(queue) == 0
