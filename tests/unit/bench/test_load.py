"""The arithmetic of `chorus bench`, on a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.bench.load import SENTENCES, Figures, Listener, engine_streams, measure
from tests.support.clock import Clock
from tests.support.fake_engine import FakeEngine

RATE_HZ = 1000


async def figures_of(pieces: list[tuple[float, float]], *, streams: int = 1, code_s: float | None = None) -> Figures:
    """Figures of streams that give `pieces`: (seconds until the piece arrives, seconds of audio in it)."""
    clock = Clock()

    async def open_stream(text: str, seed: int) -> AsyncIterator[int]:
        for wait_s, audio_s in pieces:
            clock.now_s += wait_s
            yield round(audio_s * RATE_HZ)

    return await measure(open_stream, streams, sample_rate_hz=RATE_HZ, code_s=code_s, clock=clock)


def test_the_real_time_factor_is_seconds_of_waiting_for_a_second_of_audio() -> None:
    figures = asyncio.run(figures_of([(0.5, 2.0), (0.5, 2.0)]))
    assert figures.real_time_factor == pytest.approx(0.25)
    assert figures.audio_s_per_s == pytest.approx(4.0)


def test_first_audio_is_the_first_piece_with_samples() -> None:
    figures = asyncio.run(figures_of([(0.25, 0.0), (0.5, 1.0), (0.25, 1.0)]))
    assert figures.first_audio_p50_s == figures.first_audio_p95_s == pytest.approx(0.75)


def test_codes_each_second_follow_from_the_length_of_a_code() -> None:
    figures = asyncio.run(figures_of([(2.0, 6.0)], code_s=0.05))
    assert figures.codes_per_s == pytest.approx(6.0 / 0.05 / 2.0)
    assert asyncio.run(figures_of([(2.0, 6.0)])).codes_per_s is None


def test_a_listener_who_waits_longer_than_the_audio_lasts_hears_a_gap() -> None:
    assert asyncio.run(figures_of([(0.1, 1.0), (0.9, 1.0)])).underruns == 0
    assert asyncio.run(figures_of([(0.1, 1.0), (1.1, 1.0)])).underruns == 1


def test_audio_of_all_listeners_is_added_up() -> None:
    figures = asyncio.run(figures_of([(0.5, 2.0)], streams=4))
    assert figures.streams == 4
    assert figures.audio_s_per_s == pytest.approx(4 * 2.0 / 2.0)  # the clock is moved by each of them in turn


def test_a_listener_who_leaves_gives_its_place_in_the_engine_back() -> None:
    async def leave() -> None:
        engine = FakeEngine()
        stream = engine_streams(engine)(f"{SENTENCES[0]} Now wait for ever. {SENTENCES[1] * 3}", 1)
        assert await anext(stream) > 0
        assert engine.stats().admitted_requests == 1
        await stream.aclose()
        assert engine.stats().admitted_requests == 0
        await engine.aclose()

    asyncio.run(leave())


def test_a_listener_waits_from_its_construction() -> None:
    """A deployed server is measured from the first attempt to connect, which comes before its stream."""
    clock = Clock()

    async def pieces() -> AsyncIterator[int]:
        clock.now_s += 0.5
        yield RATE_HZ

    listener = Listener(clock)
    clock.now_s += 2.0
    asyncio.run(listener.listen(pieces(), sample_rate_hz=RATE_HZ))
    assert listener.first_audio_s == listener.total_s == pytest.approx(2.5)
