"""Figures of one measurement, and the worst of several. Pure arithmetic."""

import statistics
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from app.bench.listener import Listener


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Results of one load. Times in seconds from the arrival of a request; None where nothing was spoken."""

    streams: int
    """requests"""
    rate_per_s: float | None
    """mean of their arrivals; None: all at the same moment"""
    refused: int
    """told to come later: `Unavailable`, over HTTP the statuses 503 and 429"""
    failed: int
    """any other error, or no playable sample"""
    unfinished: int
    """still speaking when the measurement was interrupted"""
    problem: str | None
    """message of the first request that failed, else of the first one that was refused"""
    first_playable_p50_s: float | None
    """until the first sample of at least -50 dBFS has arrived"""
    first_playable_p95_s: float | None
    real_time_factor: float | None
    """seconds from request to end of stream for each second of audio; the median listener's"""
    audio_s_per_s: float
    """seconds of audio made in a second, of all streams together"""
    codes_per_s: float | None
    underruns: int
    """listeners who would have heard a gap"""
    c50: float | None
    """share of the admitted streams whose largest underrun is at most 50 ms; a failed one counts as larger"""
    c100: float | None
    c200: float | None
    late_p99_s: float | None
    """between the moment at which a request was due, and the moment at which the load generator began it"""


_MORE_IS_BETTER = {"audio_s_per_s", "codes_per_s", "c50", "c100", "c200"}


class Attempt:
    """One request and its end. `late_s`: the load generator's own delay."""

    def __init__(self, listener: Listener, *, late_s: float) -> None:
        self.listener = listener
        self.late_s = late_s
        self.ended: Literal["finished", "refused", "failed"] | None = None
        self.problem: str | None = None


def figures_of(
    attempts: Sequence[Attempt], *, rate_per_s: float | None, elapsed_s: float, code_s: float | None
) -> Figures:
    """Figures of `attempts`, which took `elapsed_s` seconds together, more than 0.

    `code_s`: seconds of audio in one audio code; None where the engine has no codes.
    """
    finished = [attempt.listener for attempt in attempts if attempt.ended == "finished"]
    num_failed = sum(attempt.ended == "failed" for attempt in attempts)
    first = sorted(one.first_playable_s for one in finished if one.first_playable_s is not None)
    audio_s = sum(attempt.listener.audio_s for attempt in attempts)
    late = sorted(attempt.late_s for attempt in attempts)
    underruns_s = [one.largest_underrun_s for one in finished]
    num_admitted = len(finished) + num_failed
    return Figures(
        streams=len(attempts),
        rate_per_s=rate_per_s,
        refused=sum(attempt.ended == "refused" for attempt in attempts),
        failed=num_failed,
        unfinished=sum(attempt.ended is None for attempt in attempts),
        problem=next(
            (attempt.problem for how in ("failed", "refused") for attempt in attempts if attempt.ended == how), None
        ),
        first_playable_p50_s=statistics.median(first) if first else None,
        first_playable_p95_s=percentile(first, 0.95) if first else None,
        real_time_factor=statistics.median(one.total_s / one.audio_s for one in finished) if finished else None,
        audio_s_per_s=audio_s / elapsed_s,
        codes_per_s=None if code_s is None else audio_s / code_s / elapsed_s,
        underruns=sum(one.num_underruns > 0 for one in finished),
        c50=share_within(underruns_s, 0.05, num_admitted),
        c100=share_within(underruns_s, 0.1, num_admitted),
        c200=share_within(underruns_s, 0.2, num_admitted),
        late_p99_s=percentile(late, 0.99) if late else None,
    )


def share_within(underruns_s: Sequence[float], bound_s: float, num_streams: int) -> float | None:
    """Share of `num_streams` streams whose largest underrun is at most `bound_s`; None where there are no streams."""
    return sum(underrun_s <= bound_s for underrun_s in underruns_s) / num_streams if num_streams else None


def percentile(ordered: Sequence[float], share: float) -> float:
    """Nearest rank of the values, which are in ascending order. `share` is between 0 and 1."""
    return ordered[round(share * (len(ordered) - 1))]


def worst_of(runs: Sequence[Figures]) -> Figures:
    """Each figure's worst value in runs of the same load; None where one run has no value."""

    def worst(name: str) -> Any:  # Any: the field's own type
        values = [getattr(run, name) for run in runs]
        if name == "problem":
            return next((value for value in values if value is not None), None)
        if None in values:
            return None
        return min(values) if name in _MORE_IS_BETTER else max(values)

    return Figures(**{name: worst(name) for name in Figures.__struct_fields__})
