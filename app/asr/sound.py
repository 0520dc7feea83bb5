"""Sound and silence in samples, by their level. Pure functions."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.asr.alignment import Region
from app.asr.samples import SAMPLE_RATE_HZ

FRAME = SAMPLE_RATE_HZ // 100
FRAME_S = FRAME / SAMPLE_RATE_HZ
BELOW_PEAK = 10 ** (-32 / 20)
FAINTEST = 10 ** (-60 / 20)
ABOVE_NOISE = 10 ** (6 / 20)
MAX_NOISE_SHARE = 10 ** (-12 / 20)
"""Largest noise, as a share of the loudest frames: a recording whose quietest frames are louder has no pauses."""
MAX_GAP = 6
"""Frames of silence inside a sound, such as the closure of a plosive."""
MIN_SOUND = 3
"""Frames of the shortest sound: less is a click."""


def frame_levels(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """[n // FRAME] root mean squares."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    return np.sqrt(np.mean(np.square(frames), axis=1))


def find_sounds(levels: NDArray[np.float32]) -> list[Region]:
    """Regions of sound, in order. Gaps of up to MAX_GAP belong to the sound around them."""
    if not len(levels):
        return []
    peak, noise = float(np.percentile(levels, 98)), float(np.percentile(levels, 5))
    threshold = max(FAINTEST, BELOW_PEAK * peak)
    if noise < MAX_NOISE_SHARE * peak:
        threshold = max(threshold, ABOVE_NOISE * noise)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], (levels >= threshold).astype(np.int8), [0]))))
    spans: list[list[int]] = []
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if spans and start - spans[-1][1] <= MAX_GAP:
            spans[-1][1] = stop
        else:
            spans.append([start, stop])
    return [Region(start * FRAME_S, stop * FRAME_S) for start, stop in spans if stop - start >= MIN_SOUND]


def within(sounds: Sequence[Region], start_s: float, end_s: float) -> list[Region]:
    """The parts of `sounds` between two moments."""
    cut = (Region(max(sound.start_s, start_s), min(sound.end_s, end_s)) for sound in sounds)
    return [sound for sound in cut if sound.end_s > sound.start_s]


def seconds(sounds: Sequence[Region]) -> float:
    return sum(sound.duration_s for sound in sounds)
