"""Frames at their place in the segment, against interpolation of the whole."""

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.xtts.config import ModelArgs
from app.engine.xtts.vocoder.upsampling import LatentUpsampler

ARGS = ModelArgs()


def interpolated(latents: torch.Tensor, speed: float) -> torch.Tensor:
    """[frames, channels], as the reference makes them."""
    x = latents.T[None]
    if speed != 1.0:
        x = F.interpolate(x, scale_factor=1 / speed, mode="linear")
    x = F.interpolate(x, scale_factor=[4.0], mode="linear")
    return F.interpolate(x, scale_factor=[24000 / 22050], mode="linear")[0].T


@given(count=st.integers(3, 300), speed=st.sampled_from([1.0, 0.5, 0.77, 1.31, 2.0]), data=st.data())
@settings(max_examples=80, deadline=None)
def test_any_part_of_the_frames_is_that_part_of_the_whole(count: int, speed: float, data: st.DataObject) -> None:
    latents = torch.randn(count, 3, generator=torch.Generator().manual_seed(count))
    whole = interpolated(latents, speed)
    upsampler = LatentUpsampler(ARGS, speed=speed)
    assert upsampler.num_frames(count) == len(whole)
    if len(whole) < 12 or (speed != 1.0 and math.floor(count / speed) == count):
        return  # torch copies where input and output have one length, and so shifts them by a fraction of a frame
    start = data.draw(st.integers(0, len(whole) - 1))
    stop = data.draw(st.integers(start + 1, len(whole)))
    # Positions are float32: at the 1000th of them the last bit is 6e-5 of a latent.
    torch.testing.assert_close(
        upsampler.frames(latents, start, stop, is_final=True), whole[start:stop], atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("speed", [1.0, 0.8, 1.7])
def test_frames_that_are_ready_are_never_changed_by_later_latents(speed: float) -> None:
    upsampler = LatentUpsampler(ARGS, speed=speed)
    latents = torch.randn(90, 2)
    whole = upsampler.frames(latents, 0, upsampler.num_frames(90), is_final=True)
    seen = 0
    for count in range(1, 90):
        ready = upsampler.num_ready(count)
        assert seen <= ready <= upsampler.num_frames(count)
        if ready:
            assert torch.equal(upsampler.frames(latents[:count], 0, ready, is_final=False), whole[:ready])
        seen = ready
    assert seen > upsampler.num_frames(86)


@given(num_frames=st.integers(1, 700), speed=st.sampled_from([1.0, 0.5, 0.77, 1.31, 2.0]))
@settings(max_examples=60, deadline=None)
def test_frames_are_ready_with_the_latents_that_they_need_and_not_with_one_less(num_frames: int, speed: float) -> None:
    upsampler = LatentUpsampler(ARGS, speed=speed)
    needed = upsampler.num_needed(num_frames)
    assert upsampler.num_ready(needed) >= num_frames
    assert upsampler.num_ready(needed - 1) < num_frames
