"""The time after which a full recogniser has a place again."""

import asyncio

import numpy as np
import pytest

from app.asr.base import TranscriptionRequest
from app.asr.stream import EventStream
from app.asr.transcription import Transcription, seconds_until_place


async def nothing() -> None:
    pass


def under_way(duration_s: int, until_s: float, speech_s: float) -> Transcription:
    samples = np.broadcast_to(np.int16(0), duration_s * 16_000)
    transcription = Transcription(TranscriptionRequest(samples=samples), EventStream(nothing), 0.0)
    transcription.until_s, transcription.speech_s = until_s, speech_s
    return transcription


@pytest.mark.parametrize(("num_open", "expected_s"), [(1, 185), (2, 370)])
def test_the_pace_counts_the_speech_of_recordings_that_are_still_open(num_open: int, expected_s: int) -> None:
    """Half an hour of speech in 180 s: nearly ten seconds in a second."""

    async def scenario() -> int:
        hours = [under_way(3600, 1800, 1800 / num_open) for _ in range(num_open)]
        return seconds_until_place(hours, ended_speech_s=0, busy_s=180)

    assert asyncio.run(scenario()) == pytest.approx(expected_s, rel=0.01)


def test_before_the_pace_is_measured_it_is_assumed() -> None:
    async def scenario() -> int:
        return seconds_until_place([under_way(60, 0, 0), under_way(600, 0, 0)], ended_speech_s=0, busy_s=0)

    assert asyncio.run(scenario()) == 24


def test_a_recording_that_is_nearly_done_is_waited_for_a_second() -> None:
    async def scenario() -> int:
        return seconds_until_place([under_way(60, 60, 1)], ended_speech_s=0, busy_s=0)

    assert asyncio.run(scenario()) == 1
    assert seconds_until_place([], ended_speech_s=0, busy_s=0) == 1
