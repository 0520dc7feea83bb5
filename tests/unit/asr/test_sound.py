"""Sound and silence by level."""

import numpy as np
import pytest
from numpy.typing import NDArray

from app.asr.alignment import Region
from app.asr.samples import SAMPLE_RATE_HZ
from app.asr.sound import find_sounds, frame_levels, seconds, within


def recording(*parts: tuple[float, float], noise: float = 0.0) -> NDArray[np.float32]:
    """Parts of (seconds, level), over noise of a level."""
    random = np.random.default_rng(1)
    samples = np.concatenate([level * random.normal(size=round(s * SAMPLE_RATE_HZ)) for s, level in parts])
    return (samples + noise * random.normal(size=len(samples))).astype(np.float32)


def sounds(samples: NDArray[np.float32]) -> list[tuple[float, float]]:
    return [(round(each.start_s, 2), round(each.end_s, 2)) for each in find_sounds(frame_levels(samples))]


@pytest.mark.parametrize("noise", [0.0, 0.0005, 0.003])
@pytest.mark.parametrize("level", [0.3, 0.03])
def test_sounds_are_found_in_quiet_and_in_loud_recordings(noise: float, level: float) -> None:
    samples = recording((0.5, 0), (1, level), (0.4, 0), (0.7, level / 2), (0.5, 0), noise=noise * level)
    assert sounds(samples) == [(0.5, 1.5), (1.9, 2.6)]


def test_the_closure_of_a_consonant_parts_no_sound_and_a_click_is_none() -> None:
    samples = recording((0.2, 0), (0.3, 0.1), (0.05, 0), (0.3, 0.1), (0.5, 0), (0.01, 0.1), (0.3, 0))
    assert sounds(samples) == [(0.2, 0.85)]


@pytest.mark.parametrize("samples", [np.zeros(0, np.float32), np.zeros(100, np.float32), np.zeros(32_000, np.float32)])
def test_silence_has_no_sounds(samples: NDArray[np.float32]) -> None:
    assert sounds(samples) == []


def test_steady_sound_without_pauses_is_one_sound() -> None:
    assert sounds(recording((2.0, 0.1))) == [(0.0, 2.0)]


def test_the_parts_of_sounds_within_two_moments() -> None:
    inside = within([Region(0, 1), Region(2, 3), Region(5, 6)], 0.5, 2.5)
    assert inside == [Region(0.5, 1), Region(2, 2.5)]
    assert seconds(inside) == 1.0
