"""How `make chaos` computes what it prints."""

import asyncio

import pytest

from tests.chaos.attack import Attack, Tally, carry_out
from tests.chaos.figures import Gaps, percentile
from tests.chaos.target import Answer, Target

TARGET = Target(port=1, pid=1)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([5, 1, 4, 2, 3], 0.5) == 3
    assert percentile(list(range(1, 101)), 0.99) == 99
    assert percentile(list(range(1, 101)), 1.0) == 100
    assert percentile([7], 0.01) == 7


def test_audio_that_comes_while_earlier_audio_is_played_leaves_no_gap() -> None:
    gaps = Gaps()
    for at_s in (10.0, 10.9, 11.8):
        gaps.arrived(at_s, 1.0)
    assert gaps.gaps == []
    assert gaps.longest_silence_s == pytest.approx(0.9)


def test_a_gap_lasts_from_the_end_of_playback_to_the_next_piece_and_is_counted_once() -> None:
    gaps = Gaps()
    gaps.arrived(10.0, 1.0)
    gaps.arrived(13.5, 1.0)  # silence from 11.0 to 13.5; this piece is played until 14.5
    gaps.arrived(14.4, 1.0)
    assert gaps.gaps == [(13.5, pytest.approx(2.5))]


def test_a_stream_that_never_goes_on_counts_up_to_the_moment_when_it_is_left() -> None:
    gaps = Gaps()
    gaps.arrived(10.0, 1.0)
    gaps.cut_off(31.0)
    assert gaps.gaps == [(31.0, pytest.approx(20.0))]


def test_waiting_for_the_first_audio_is_no_gap() -> None:
    gaps = Gaps()
    gaps.cut_off(99.0)
    assert gaps.gaps == []


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer("200"), "ok"),
        (Answer("500"), "answered 500"),
        (Answer("503", {"retry-after": "1"}), "ok"),
        (Answer("503"), "503 without Retry-After"),
        (Answer("400", num_bytes=10_000), "400 with a body of 10000 bytes"),
    ],
)
def test_an_answer_that_a_sound_server_does_not_give_is_a_fault(answer: Answer, verdict: str) -> None:
    async def run(_: Target, tally: Tally) -> None:
        tally.take(answer)

    attack = Attack(name="one", sends="1 request", run=run, expects=frozenset({"200", "400", "503"}))
    assert asyncio.run(carry_out(attack, TARGET)).verdict == verdict


def test_an_attack_that_the_server_holds_for_longer_than_it_may_is_a_fault() -> None:
    async def run(_: Target, tally: Tally) -> None:
        tally.add("200")
        await asyncio.Event().wait()

    attack = Attack(name="one", sends="1 request", run=run, expects=frozenset({"200"}), limit_s=0.01)
    assert asyncio.run(carry_out(attack, TARGET)).faults == ["not over after 0 s"]
