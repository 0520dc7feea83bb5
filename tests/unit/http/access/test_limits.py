"""Requests at once and in a minute, counted by a clock of the test's own."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import RateLimitExceeded, TooManyConcurrentRequests
from app.http.access.callers import Caller
from app.http.access.limits import TokenBucket
from app.http.access.middleware import Access
from app.settings import Settings
from tests.support.clock import Clock


@pytest.mark.slow
@settings(deadline=None)
@given(per_minute=st.integers(1, 1000), waits=st.lists(st.floats(0, 30), max_size=50), start=st.floats(0, 1e7))
def test_the_wait_that_is_told_is_long_enough_and_no_minute_holds_more_than_twice_the_limit(
    per_minute: int, waits: list[float], start: float
) -> None:
    bucket = TokenBucket(per_minute, start)
    now_s, taken_at_s = start, list[float]()
    for wait_s in [0.0] * per_minute + waits:
        now_s += wait_s
        if told_s := bucket.take(now_s):
            now_s += told_s
            assert bucket.take(now_s) == 0
        taken_at_s.append(now_s)
    for index, first_s in enumerate(taken_at_s):
        in_a_minute = sum(first_s <= at_s < first_s + 60 for at_s in taken_at_s[index:])
        assert in_a_minute <= 2 * per_minute


def test_a_rested_caller_may_start_a_minutes_worth_at_once_and_then_one_by_one() -> None:
    clock = Clock()
    access = Access(Settings(), clock)
    ada = Caller(name="ada", requests_per_minute=60)
    for _ in range(60):
        access.enter(ada)
    for _ in range(3):
        with pytest.raises(RateLimitExceeded, match=r"next one in 1\.0 s") as caught:
            access.enter(ada)
        assert caught.value.retry_after_s == 1
        clock.now_s += 1
        access.enter(ada)
    clock.now_s += 3600
    for _ in range(60):
        access.enter(ada)
    with pytest.raises(RateLimitExceeded):
        access.enter(ada)


def test_retry_after_is_the_first_whole_second_that_will_do() -> None:
    clock = Clock()
    access = Access(Settings(), clock)
    ada = Caller(name="ada", requests_per_minute=7)
    for _ in range(7):
        access.enter(ada)
    with pytest.raises(RateLimitExceeded) as caught:
        access.enter(ada)
    assert caught.value.retry_after_s == 9  # 60 / 7 = 8.57
    clock.now_s += 8
    with pytest.raises(RateLimitExceeded):
        access.enter(ada)
    clock.now_s += 1
    access.enter(ada)


def test_a_place_is_given_back_once_however_often() -> None:
    access = Access(Settings())
    ada = Caller(name="ada", max_concurrent=2)
    leave, _ = access.enter(ada), access.enter(ada)
    leave()
    leave()
    access.enter(ada)
    with pytest.raises(TooManyConcurrentRequests) as caught:
        access.enter(ada)
    assert caught.value.retry_after_s == 1


def test_callers_do_not_count_for_each_other() -> None:
    access = Access(Settings())
    ada, bob = (Caller(name=name, max_concurrent=1, requests_per_minute=2) for name in ("ada", "bob"))
    access.enter(ada)
    access.enter(bob)
    with pytest.raises(TooManyConcurrentRequests):
        access.enter(ada)


def test_a_refusal_for_one_limit_costs_nothing_of_the_other() -> None:
    clock = Clock()
    access = Access(Settings(), clock)
    ada = Caller(name="ada", max_concurrent=1, requests_per_minute=2)
    leave = access.enter(ada)
    for _ in range(5):
        with pytest.raises(TooManyConcurrentRequests):
            access.enter(ada)
    leave()
    access.enter(ada)()
    for _ in range(5):
        with pytest.raises(RateLimitExceeded):
            access.enter(ada)
    clock.now_s += 30
    access.enter(ada)


def test_new_limits_of_a_caller_hold_at_once_and_give_no_second_minute() -> None:
    clock = Clock()
    access = Access(Settings(), clock)
    for _ in range(10):
        access.enter(Caller(name="ada", requests_per_minute=10))
    faster = Caller(name="ada", requests_per_minute=60)
    with pytest.raises(RateLimitExceeded, match=r"1\.0 s"):
        access.enter(faster)
    clock.now_s += 60
    access.enter(faster)
    access.enter(Caller(name="ada", requests_per_minute=1))
    with pytest.raises(RateLimitExceeded):
        access.enter(Caller(name="ada", requests_per_minute=1))
