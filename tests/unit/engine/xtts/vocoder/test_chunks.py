"""The schedule of chunks as a listener meets it."""

import pytest

from app.engine.xtts.vocoder.chunks import GRADUAL_CHUNK_FRAMES, chunk_lengths, plan_chunk

CONTEXT = 14
"""frames of the released vocoder"""
MINUTE = 60 * 24_000 // 256


def late_frames(pace: float) -> float:
    """The longest wait, in frames of audio, where speech is made `pace` times as fast as it is played."""
    index = start = 0
    made_at = longest = 0.0
    played_until = None
    while chunk := plan_chunk(
        index, start, num_ready=MINUTE, context=CONTEXT, is_final=True, sizes=GRADUAL_CHUNK_FRAMES
    ):
        num_frames = chunk.stop - chunk.start
        made_at += num_frames / pace
        if played_until is None:
            played_until = made_at
        longest = max(longest, made_at - played_until)
        played_until = max(played_until, made_at) + num_frames
        index, start = index + 1, chunk.stop
    assert start == MINUTE
    return longest


def test_speech_that_is_made_a_tenth_faster_than_it_is_played_has_no_gap() -> None:
    assert late_frames(1.1) == pytest.approx(0, abs=1e-6)
    assert late_frames(0.9) > 0


def test_chunks_grow_to_a_length_that_costs_the_vocoder_little() -> None:
    lengths = chunk_lengths(CONTEXT, GRADUAL_CHUNK_FRAMES)
    assert lengths[0] == min(GRADUAL_CHUNK_FRAMES) + CONTEXT - 1
    assert list(GRADUAL_CHUNK_FRAMES) == sorted(GRADUAL_CHUNK_FRAMES)
    assert lengths[-1] == 128
