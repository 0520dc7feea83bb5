"""The load generator on a clock that the test moves, over streams that the test scripts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import numpy as np
import pytest

from app.bench.arrivals import Load, at_once
from app.bench.figures import Figures
from app.bench.load import measure
from app.bench.streams import SENTENCES, OpenStream
from app.engine.values import Samples
from app.errors import ChorusError, EngineFailure, QueueFull
from tests.support.clock import Clock

RATE_HZ = 1000
Piece = tuple[float, float]
"""seconds until it arrives, seconds of audio in it"""


def audio(seconds: float) -> Samples:
    return np.full(round(seconds * RATE_HZ), 0.5, np.float32)


def figures_of(
    load: Load,
    make_stream: Callable[[Clock], OpenStream],
    *,
    code_s: float | None = None,
    oversleep_s: float = 0.0,
) -> Figures:
    clock = Clock()
    recorded: list[Figures] = []

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0)  # the streams that are due begin
        clock.now_s += seconds + oversleep_s

    async def run() -> None:
        await measure(
            make_stream(clock), load, sample_rate_hz=RATE_HZ, code_s=code_s,
            record=recorded.append, clock=clock, sleep=sleep,
        )  # fmt: skip

    asyncio.run(run())
    [figures] = recorded
    return figures


def speaking(pieces: Sequence[Piece]) -> Callable[[Clock], OpenStream]:
    """Streams that all give `pieces`; each moves the clock."""

    def make(clock: Clock) -> OpenStream:
        async def open_stream(text: str, seed: int) -> AsyncIterator[Samples]:
            for wait_s, audio_s in pieces:
                clock.now_s += wait_s
                yield audio(audio_s)

        return open_stream

    return make


def failing(errors: Sequence[ChorusError | None], *, after_s: float = 0.0) -> Callable[[Clock], OpenStream]:
    """Streams of a second, or that raise their error after `after_s` of audio."""

    def make(clock: Clock) -> OpenStream:
        async def open_stream(text: str, seed: int) -> AsyncIterator[Samples]:
            clock.now_s += 0.5
            if (error := errors[seed]) is None:
                yield audio(1.0)
                return
            if after_s:
                yield audio(after_s)
            raise error

        return open_stream

    return make


def test_the_real_time_factor_is_seconds_of_waiting_for_a_second_of_audio() -> None:
    figures = figures_of(at_once(1), speaking([(0.5, 2.0), (0.5, 2.0)]))
    assert figures.real_time_factor == pytest.approx(0.25)
    assert figures.audio_s_per_s == pytest.approx(4.0)


def test_codes_each_second_follow_from_the_length_of_a_code() -> None:
    pieces = speaking([(2.0, 6.0)])
    assert figures_of(at_once(1), pieces, code_s=0.05).codes_per_s == pytest.approx(6.0 / 0.05 / 2.0)
    assert figures_of(at_once(1), pieces).codes_per_s is None


def test_a_listener_who_waits_longer_than_the_audio_lasts_hears_a_gap() -> None:
    assert figures_of(at_once(1), speaking([(0.1, 1.0), (0.9, 1.0)])).underruns == 0
    gap = figures_of(at_once(1), speaking([(0.1, 1.0), (1.15, 1.0)]))
    assert (gap.underruns, gap.c50, gap.c100, gap.c200) == (1, 0.0, 0.0, 1.0)


def test_audio_of_all_listeners_is_added_up() -> None:
    figures = figures_of(at_once(4), speaking([(0.5, 2.0)]))
    assert figures.streams == 4
    assert figures.audio_s_per_s == pytest.approx(4 * 2.0 / 2.0)  # the clock is moved by each of them in turn


def test_requests_begin_when_they_are_due_though_earlier_ones_still_speak() -> None:
    began: list[tuple[float, str, int]] = []

    def make(clock: Clock) -> OpenStream:
        last, began_at_s = asyncio.Event(), clock.now_s

        async def open_stream(text: str, seed: int) -> AsyncIterator[Samples]:
            began.append((clock.now_s - began_at_s, text, seed))
            if seed == 2:
                last.set()
            await last.wait()  # none ends before the last has begun
            clock.now_s += 0.5
            yield audio(1.0)

        return open_stream

    figures = figures_of(Load(name="", arrivals_s=[0.25, 0.5, 4.0], rate_per_s=0.5), make)
    assert began == [(0.25, SENTENCES[0], 0), (0.5, SENTENCES[1], 1), (4.0, SENTENCES[2], 2)]
    assert (figures.streams, figures.rate_per_s, figures.late_p99_s) == (3, 0.5, 0.0)


def test_the_delay_of_the_load_generator_is_reported_and_is_part_of_the_wait() -> None:
    load = Load(name="", arrivals_s=[1.0], rate_per_s=1.0)
    figures = figures_of(load, speaking([(0.5, 1.0)]), oversleep_s=0.25)
    assert figures.late_p99_s == 0.25
    assert figures.first_playable_p50_s == figures.first_playable_p95_s == 0.75


def test_a_request_that_is_refused_is_counted_and_the_others_are_heard() -> None:
    full = QueueFull("the queue is full")
    figures = figures_of(at_once(4), failing([None, full, full, None]))
    assert (figures.streams, figures.refused, figures.failed, figures.problem) == (4, 2, 0, "the queue is full")
    assert (figures.first_playable_p50_s, figures.c50) == (1.25, 1.0)


def test_a_request_that_fails_is_counted_and_named() -> None:
    figures = figures_of(at_once(3), failing([QueueFull("full"), EngineFailure("the device is lost"), None]))
    assert (figures.refused, figures.failed, figures.problem) == (1, 1, "the device is lost")
    assert figures.c200 == 0.5


def test_a_stream_that_is_ended_by_a_shutdown_was_not_refused() -> None:
    figures = figures_of(at_once(1), failing([QueueFull("draining")], after_s=0.5))
    assert (figures.refused, figures.failed) == (0, 1)


def test_a_stream_without_a_playable_sample_has_failed() -> None:
    figures = figures_of(at_once(1), speaking([(0.5, 0.0)]))
    assert (figures.failed, figures.problem) == (1, "a stream ended without a playable sample")


def recorded_when_interrupted(open_stream: OpenStream, num_streams: int, interrupted: asyncio.Event) -> list[Figures]:
    """The figures of a measurement that is cancelled once `interrupted` is set."""
    recorded: list[Figures] = []

    async def run() -> None:
        measuring = asyncio.create_task(
            measure(open_stream, at_once(num_streams), sample_rate_hz=RATE_HZ, code_s=None, record=recorded.append)
        )
        await interrupted.wait()
        measuring.cancel()
        with pytest.raises(asyncio.CancelledError):
            await measuring

    asyncio.run(run())
    return recorded


def test_a_measurement_that_is_interrupted_gives_the_figures_of_what_had_ended() -> None:
    async def open_stream(text: str, seed: int) -> AsyncIterator[Samples]:
        yield audio(1.0)
        if seed == 1:
            interrupted.set()
            await asyncio.Event().wait()

    interrupted = asyncio.Event()
    recorded = recorded_when_interrupted(open_stream, 2, interrupted)
    [figures] = recorded
    assert (figures.streams, figures.unfinished, figures.failed, figures.c50) == (2, 1, 0, 1.0)


def test_a_measurement_that_is_interrupted_before_any_stream_ended_gives_none() -> None:
    async def open_stream(text: str, seed: int) -> AsyncIterator[Samples]:
        interrupted.set()
        await asyncio.Event().wait()
        yield audio(1.0)

    interrupted = asyncio.Event()
    recorded = recorded_when_interrupted(open_stream, 1, interrupted)
    assert recorded == []
