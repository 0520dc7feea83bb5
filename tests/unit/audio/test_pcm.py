import math

import numpy as np
import pytest

from app.audio.pcm import (
    amplitude_to_dbfs,
    dbfs_to_amplitude,
    float_to_bytes,
    float_to_int16,
)


def test_every_16_bit_value_survives_the_way_to_float_and_back() -> None:
    steps = np.arange(-32_768, 32_768).astype(np.int16)
    np.testing.assert_array_equal(float_to_int16(steps.astype(np.float32) / 32_768), steps)


def test_samples_beyond_full_scale_are_clipped_and_never_wrap() -> None:
    samples = np.array([-9.0, -1.0, 1.0, 1.5, 1e9], np.float32)
    assert float_to_int16(samples).tolist() == [-32_768, -32_768, 32_767, 32_767, 32_767]


def test_samples_are_rounded_to_the_nearest_step_not_towards_zero() -> None:
    samples = np.array([0.6, -0.6, 0.4, 99.7], np.float32) / 32_768
    assert float_to_int16(samples).tolist() == [1, -1, 0, 100]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_sample_that_is_not_a_number_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="NaN"):
        float_to_int16(np.array([0.0, bad], np.float32))


def test_bytes_are_little_endian() -> None:
    assert float_to_bytes(np.array([1 / 32_768, 0.5], np.float32)) == b"\x01\x00\x00\x40"


def test_decibels_and_amplitudes_are_each_others_inverse() -> None:
    assert dbfs_to_amplitude(-20.0) == pytest.approx(0.1)
    assert amplitude_to_dbfs(dbfs_to_amplitude(-33.0)) == pytest.approx(-33.0)
    assert amplitude_to_dbfs(0.0) == -math.inf
