"""Arrivals of an open loop, and the rates that name them."""

import statistics

import pytest

from app.bench.arrivals import Rate, at_once, parse_rates, poisson


def gaps_s(arrivals_s: list[float]) -> list[float]:
    return [later - earlier for earlier, later in zip([0.0, *arrivals_s], arrivals_s, strict=False)]


def test_a_seed_gives_the_same_arrivals_again_and_another_seed_gives_others() -> None:
    rate = Rate("2/s", 2.0)
    first, again, other = (poisson(rate, duration_s=60, seed=seed).arrivals_s for seed in (7, 7, 8))
    assert first == again
    assert first != other


@pytest.mark.parametrize("seed", range(4))
def test_gaps_between_arrivals_are_exponential(seed: int) -> None:
    arrivals_s = list(poisson(Rate("50/s", 50.0), duration_s=200, seed=seed).arrivals_s)
    assert len(arrivals_s) == pytest.approx(10_000, abs=400)  # four standard deviations of a Poisson count
    gaps = gaps_s(arrivals_s)
    assert min(gaps) >= 0
    assert statistics.mean(gaps) == pytest.approx(1 / 50, rel=0.05)
    assert statistics.stdev(gaps) == pytest.approx(1 / 50, rel=0.05)  # equal to the mean: no other gaps have that
    assert statistics.median(gaps) == pytest.approx(0.6931 / 50, rel=0.05)


def test_all_arrivals_are_within_the_duration() -> None:
    for seed in range(20):
        load = poisson(Rate("3/s", 3.0), duration_s=10, seed=seed)
        assert all(0 < arrival_s < 10 for arrival_s in load.arrivals_s)
        assert load.rate_per_s == 3.0


def test_a_longer_duration_only_adds_arrivals() -> None:
    short, long = (poisson(Rate("3/s", 3.0), duration_s=seconds, seed=1).arrivals_s for seconds in (5, 10))
    assert 0 < len(short) < len(long)
    assert long[: len(short)] == short


def test_streams_at_once_all_arrive_at_the_start() -> None:
    load = at_once(3)
    assert (load.name, load.arrivals_s, load.rate_per_s) == ("3", [0.0, 0.0, 0.0], None)


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        ("2/s", {"2/s": 2.0}),
        ("0.5/s", {"0.5/s": 0.5}),
        ("30/m", {"30/m": 0.5}),
        ("0.5,1,2/s", {"0.5/s": 0.5, "1/s": 1.0, "2/s": 2.0}),
        ("30/m, 6/s", {"30/m": 0.5, "6/s": 6.0}),
        ("1000/s", {"1000/s": 1000.0}),
    ],
)
def test_a_rate_has_a_unit_which_the_last_one_gives_to_all(text: str, rates: dict[str, float]) -> None:
    assert {rate.name: rate.per_s for rate in parse_rates(text)} == rates


@pytest.mark.parametrize("text", ["", "2", "2/h", "/s", "-1/s", "nan/s", "1e3/s", "1/s,", "1/s,2", "many", "²/s"])
def test_another_way_to_write_a_rate_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as 2/s, 30/m"):
        parse_rates(text)


@pytest.mark.parametrize("text", ["0/s", "0.0/m", "1000.1/s", "60001/m"])
def test_a_rate_out_of_bounds_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"out of bounds: more than 0 and at most 1000/s"):
        parse_rates(text)


def test_more_requests_than_a_run_can_hold_are_refused() -> None:
    rate = Rate("1000/s", 1000.0)
    assert len(poisson(rate, duration_s=100, seed=1).arrivals_s) == pytest.approx(100_000, rel=0.02)
    with pytest.raises(ValueError, match="more than 100000 requests"):
        poisson(rate, duration_s=101, seed=1)
