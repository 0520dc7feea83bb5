"""Latents to vocoder frames: the same frames, whichever part of them is asked for and however few latents are there.

The reference stretches the latents of a whole segment three times by linear interpolation: by 1 / speed, by 4 (one
latent is 1024 samples, one frame 256) and by 24000 / 22050. The last factor repeats only every 36.75 latents, so
interpolating a slice by itself gives other values. Each frame is computed at its place in the whole segment, with the
positions of `torch.nn.functional.interpolate(mode="linear")`: (i + 0.5) / scale - 0.5 in float32.
"""

import math
from bisect import bisect_left
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from app.engine.xtts.config import ModelArgs
from app.engine.xtts.device.copies import to_device

Indices = NDArray[np.int64]
UNKNOWN = 1 << 40
"""An unknown length: it holds back no position."""


class LatentUpsampler:
    def __init__(self, args: ModelArgs, *, speed: float = 1.0) -> None:
        stretch = () if speed == 1.0 else (1.0 / speed,)
        upsample = args.gpt_code_stride_len / args.output_hop_length
        to_output_rate = args.output_sample_rate / args.input_sample_rate
        self._scales = (*stretch, upsample, *(() if to_output_rate == 1.0 else (to_output_rate,)))

    def num_frames(self, num_latents: int) -> int:
        """Frames of a finished segment."""
        return self._lengths(num_latents)[-1]

    def num_ready(self, num_latents: int) -> int:
        """Frames that no later latent can change, of a segment that goes on."""
        return _num_ready(self._scales, num_latents)

    def num_needed(self, num_frames: int) -> int:
        """The least number of latents of which `num_frames` frames are ready."""
        return _num_needed(self._scales, num_frames)

    def frames(self, latents: torch.Tensor, start: int, stop: int, *, is_final: bool) -> torch.Tensor:
        """Frames `start` to `stop` of the segment, [stop - start, channels].

        latents    [latents so far, channels]
        is_final   True if these are all latents of the segment
        """
        lengths = self._lengths(len(latents)) if is_final else [UNKNOWN] * (len(self._scales) + 1)
        # From the frames down to the latents: neighbours in each stretch, from its first input.
        lowers: list[Indices] = []
        uppers: list[Indices] = []
        shares: list[NDArray[np.float32]] = []
        for scale, length in zip(reversed(self._scales), reversed(lengths[:-1]), strict=True):
            lower, share = _neighbours(start, stop, scale, length)
            upper = np.minimum(lower + 1, length - 1)
            start, stop = int(lower[0]), int(upper[-1]) + 1
            lowers.append(lower - start)
            uppers.append(upper - start)
            shares.append(share)
        # Each copy is a call of the driver.
        places = np.stack((np.concatenate(lowers), np.concatenate(uppers)))
        at_lower, at_upper = to_device(torch.from_numpy(places), latents.device)
        weights = to_device(torch.from_numpy(np.concatenate(shares)), latents.device)[:, None]
        sizes = [len(share) for share in shares]
        stretches = zip(at_lower.split(sizes), at_upper.split(sizes), weights.split(sizes), strict=True)
        frames = latents[start:stop]
        for lower_places, upper_places, weight in reversed(list(stretches)):
            frames = frames[lower_places] * (1 - weight) + frames[upper_places] * weight
        return frames

    def _lengths(self, num_latents: int) -> list[int]:
        lengths = [num_latents]
        for scale in self._scales:
            lengths.append(math.floor(lengths[-1] * scale))
        return lengths


def _num_ready(scales: tuple[float, ...], num_latents: int) -> int:
    ready = num_latents
    for scale in scales:
        if ready < 2:
            return 0
        lower, _ = _neighbours(0, math.floor(ready * scale), scale, UNKNOWN)
        ready = int(np.searchsorted(lower, ready - 2, side="right"))
    return ready


@lru_cache(maxsize=4096)  # asked at every step of every stream, mostly for the same value
def _num_needed(scales: tuple[float, ...], num_frames: int) -> int:
    return bisect_left(range(num_frames + 3), num_frames, key=lambda num_latents: _num_ready(scales, num_latents))


def _neighbours(start: int, stop: int, scale: float, length: int) -> tuple[Indices, NDArray[np.float32]]:
    """The input at or before each output `start` to `stop`, and the share of the input after it."""
    step = np.float32(1.0 / scale)
    half = np.float32(0.5)
    position = np.maximum(step * (np.arange(start, stop).astype(np.float32) + half) - half, np.float32(0))
    lower = np.minimum(position.astype(np.int64), length - 1)
    return lower, np.clip(position - lower.astype(np.float32), np.float32(0), np.float32(1))
