"""Figures of probes and listeners within a span of time."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tests.chaos.figures import percentile
from tests.chaos.listen import Listening
from tests.chaos.probe import Probe


class Noticed(msgspec.Struct, frozen=True, kw_only=True):
    """`live_*`: answers of /health/live, in ms. `gap_s`: the longest break in what a listener hears."""

    live_p99_ms: float
    live_max_ms: float
    live_lost: int
    """questions without an answer of 200"""
    lag_p99_ms: float
    """how late the probe itself was: what the machine's load alone does to a process"""
    gap_s: float
    silence_s: float
    first_audio_p50_s: float
    first_audio_max_s: float
    streams: int
    refused: int
    broken: list[str]


def read_probes(result: Any) -> list[Probe]:
    return msgspec.convert(result, list[Probe])


def read_listenings(result: Any) -> list[Listening]:
    return msgspec.convert(result, list[Listening])


def noticed(probes: Sequence[Probe], listenings: Sequence[Listening], began_at_s: float, ended_at_s: float) -> Noticed:
    """Probes that began, gaps that ended and streams that began within the span."""
    live = [probe for probe in probes if began_at_s <= probe.at_s <= ended_at_s]
    took_ms = [1000 * probe.took_s for probe in live] or [0.0]
    started = [one for one in listenings if began_at_s <= one.began_at_s <= ended_at_s]
    firsts = [one.first_audio_s for one in started if one.first_audio_s is not None] or [0.0]
    gaps = [seconds for one in listenings for at_s, seconds in one.gaps if began_at_s <= at_s <= ended_at_s + seconds]
    return Noticed(
        live_p99_ms=percentile(took_ms, 0.99),
        live_max_ms=max(took_ms),
        live_lost=sum(probe.status != "200" for probe in live),
        lag_p99_ms=percentile([1000 * probe.lag_s for probe in live] or [0.0], 0.99),
        gap_s=max(gaps, default=0.0),
        silence_s=max((one.longest_silence_s for one in started), default=0.0),
        first_audio_p50_s=percentile(firsts, 0.5),
        first_audio_max_s=max(firsts),
        streams=len(started),
        refused=sum(one.ended == "refused" for one in started),
        broken=sorted({one.ended for one in started if one.ended not in ("whole", "left", "refused")}),
    )
