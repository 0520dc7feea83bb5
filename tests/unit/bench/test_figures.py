"""The arithmetic of C50, C100 and C200, and of the worst of several runs."""

from typing import Literal

import msgspec
import pytest

from app.bench.figures import Attempt, Figures, figures_of, percentile, share_within, worst_of
from app.bench.listener import Listener
from app.speech.playback import Playback
from tests.support.clock import Clock

FIGURES = Figures(
    streams=10,
    rate_per_s=2.0,
    refused=1,
    failed=2,
    unfinished=0,
    problem=None,
    first_playable_p50_s=0.5,
    first_playable_p95_s=1.0,
    real_time_factor=0.5,
    audio_s_per_s=10.0,
    codes_per_s=200.0,
    underruns=1,
    c50=0.5,
    c100=0.75,
    c200=0.875,
    late_p99_s=0.002,
)


class HeardListener(Listener):
    """Has heard a stream of a second with one gap."""

    def __init__(self, gap_s: float) -> None:
        clock = Clock()
        super().__init__(clock)
        self._playback = Playback(clock)
        for wait_s in (0.0, 0.5 + gap_s):
            clock.now_s += wait_s
            self._playback.delivered(0.5)
        self.first_playable_s, self.audio_s, self.total_s = 0.25, 1.0, 1.0 + gap_s


def ended(how: Literal["finished", "refused", "failed"], *, gap_s: float = 0.0, late_s: float = 0.0) -> Attempt:
    attempt = Attempt(HeardListener(gap_s) if how == "finished" else Listener(Clock()), late_s=late_s)
    attempt.ended = how
    return attempt


def figures(*attempts: Attempt) -> Figures:
    return figures_of(attempts, rate_per_s=None, elapsed_s=2.0, code_s=None)


def test_c_values_are_shares_of_streams_by_their_largest_gap() -> None:
    found = figures(*(ended("finished", gap_s=gap_s) for gap_s in (0.0, 0.04, 0.06, 0.11, 0.19, 0.21, 0.5, 0.0)))
    assert (found.c50, found.c100, found.c200) == (3 / 8, 4 / 8, 6 / 8)
    assert found.underruns == 6


def test_a_gap_of_exactly_the_bound_is_within_it() -> None:
    assert share_within([0.05, 0.06], 0.05, 2) == 0.5


def test_a_failed_stream_counts_as_one_with_a_gap_and_a_refused_one_does_not_count() -> None:
    found = figures(ended("finished"), ended("refused"), ended("refused"), ended("failed"))
    assert (found.streams, found.refused, found.failed) == (4, 2, 1)
    assert found.c50 == found.c200 == 0.5


def test_a_load_that_is_refused_altogether_has_counts_and_no_times() -> None:
    found = figures(ended("refused"), ended("refused"))
    assert (found.streams, found.refused, found.c100, found.first_playable_p95_s) == (2, 2, None, None)
    assert (found.real_time_factor, found.audio_s_per_s, found.underruns) == (None, 0.0, 0)


def test_a_load_without_requests_has_no_figures() -> None:
    found = figures()
    assert (found.streams, found.c50, found.late_p99_s) == (0, None, None)


def test_one_request_of_a_hundred_may_be_late_but_not_two() -> None:
    on_time = [ended("finished", late_s=0.001)] * 99
    assert figures(*on_time, ended("refused", late_s=0.5)).late_p99_s == 0.001
    assert figures(*on_time[1:], *[ended("refused", late_s=0.5)] * 2).late_p99_s == 0.5


def test_the_nearest_rank_is_a_value_of_the_list() -> None:
    assert [percentile([1.0, 2.0, 3.0, 4.0, 5.0], share) for share in (0.0, 0.5, 0.95, 1.0)] == [1.0, 3.0, 5.0, 5.0]


def test_the_worst_of_runs_is_the_worst_value_of_each_figure() -> None:
    other = Figures(
        streams=10,
        rate_per_s=2.0,
        refused=0,
        failed=3,
        unfinished=0,
        problem="full",
        first_playable_p50_s=0.4,
        first_playable_p95_s=1.5,
        real_time_factor=0.75,
        audio_s_per_s=9.0,
        codes_per_s=210.0,
        underruns=4,
        c50=0.25,
        c100=0.8,
        c200=0.5,
        late_p99_s=0.001,
    )
    assert msgspec.structs.asdict(worst_of([FIGURES, other])) == {
        "streams": 10,
        "rate_per_s": 2.0,
        "refused": 1,
        "failed": 3,
        "unfinished": 0,
        "problem": "full",
        "first_playable_p50_s": 0.5,
        "first_playable_p95_s": 1.5,
        "real_time_factor": 0.75,
        "audio_s_per_s": 9.0,
        "codes_per_s": 200.0,
        "underruns": 4,
        "c50": 0.25,
        "c100": 0.75,
        "c200": 0.5,
        "late_p99_s": 0.002,
    }
    assert worst_of([FIGURES]) == FIGURES


@pytest.mark.parametrize("name", ["c100", "first_playable_p95_s", "codes_per_s"])
def test_a_run_that_spoke_nothing_is_the_worst(name: str) -> None:
    silent = msgspec.structs.replace(FIGURES, **{name: None})
    assert getattr(worst_of([FIGURES, silent]), name) is None
