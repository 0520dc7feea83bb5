"""When a listener first hears something, on a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from app.bench.listener import Listener
from app.engine.values import Samples
from tests.support.clock import Clock

RATE_HZ = 1000


def level(dbfs: float, seconds: float = 0.5) -> Samples:
    return np.full(round(seconds * RATE_HZ), 10 ** (dbfs / 20), np.float32)


def heard(*pieces: tuple[float, Samples]) -> Listener:
    """A listener after `pieces`: (seconds until the piece arrives, the piece)."""
    clock = Clock()
    listener = Listener(clock)

    async def arriving() -> AsyncIterator[Samples]:
        for wait_s, samples in pieces:
            clock.now_s += wait_s
            yield samples

    asyncio.run(listener.listen(arriving(), sample_rate_hz=RATE_HZ))
    return listener


def test_the_first_playable_sample_is_no_header_and_no_silence() -> None:
    silence = level(-51)
    listener = heard((0.25, level(0, seconds=0)), (0.25, silence), (0.25, -silence), (0.25, level(-49)), (1, level(0)))
    assert listener.first_playable_s == 1.0
    assert listener.audio_s == pytest.approx(2.0)


def test_one_playable_sample_among_silence_is_enough_whatever_its_sign() -> None:
    piece = level(-60)
    piece[-1] = -0.1
    assert heard((0.5, piece)).first_playable_s == 0.5


def test_a_stream_of_silence_has_no_playable_sample() -> None:
    listener = heard((0.5, level(-60)), (0.5, np.zeros(10, np.float32)))
    assert listener.first_playable_s is None
    assert listener.total_s == 1.0


def test_the_largest_of_several_gaps_counts() -> None:
    piece = level(-10)  # 0.5 s
    listener = heard((9, piece), (0.75, piece), (1.5, piece), (0.625, piece))
    assert listener.num_underruns == 3
    assert listener.largest_underrun_s == 1.0


def test_silence_is_played_as_speech_is() -> None:
    assert heard((1, level(-60)), (0.5, level(-10))).largest_underrun_s == 0.0


def test_a_listener_waits_from_its_construction() -> None:
    """A deployed server is measured from the first attempt to connect, which comes before its stream."""
    clock = Clock()

    async def pieces() -> AsyncIterator[Samples]:
        clock.now_s += 0.5
        yield level(0)

    listener = Listener(clock)
    clock.now_s += 2.0
    asyncio.run(listener.listen(pieces(), sample_rate_hz=RATE_HZ))
    assert listener.first_playable_s == listener.total_s == 2.5
