import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audio.loudness import KNEE, gain_for, measure_level, soft_limit, speech_level_dbfs
from app.audio.pcm import float_to_int16

RATE_HZ = 24_000


def tone(seconds: float, amplitude: float) -> Any:
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (amplitude * np.sin(2 * np.pi * 200 * time_s)).astype(np.float32)


def silence(seconds: float) -> Any:
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def test_a_full_scale_sine_has_a_level_of_minus_3_dbfs() -> None:
    assert speech_level_dbfs(tone(1, 1.0), RATE_HZ) == pytest.approx(-3.01, abs=0.01)


def test_pauses_do_not_change_the_level() -> None:
    speech = tone(1, 0.2)
    paused = np.concatenate([silence(2), speech, silence(3), speech])
    assert speech_level_dbfs(paused, RATE_HZ) == pytest.approx(speech_level_dbfs(speech, RATE_HZ), abs=0.01)


def test_soft_syllables_count_and_background_noise_does_not() -> None:
    loud, soft, noise = tone(1, 0.2), tone(1, 0.1), tone(4, 0.002)
    expected = 10 * math.log10((0.2**2 + 0.1**2) / 4)
    assert speech_level_dbfs(np.concatenate([noise, loud, soft]), RATE_HZ) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("amplitude", [0.05, 0.1, 0.3])
def test_the_gain_brings_speech_to_the_target(amplitude: float) -> None:
    speech = np.concatenate([silence(0.3), tone(1, amplitude), silence(0.3)])
    gain = gain_for(measure_level(speech, RATE_HZ), -20.0)
    assert speech_level_dbfs(speech * np.float32(gain), RATE_HZ) == pytest.approx(-20.0, abs=0.05)


def test_the_gain_is_at_most_12_db_either_way() -> None:
    assert gain_for(measure_level(tone(1, 0.001), RATE_HZ), -20.0) == pytest.approx(10 ** (12 / 20))
    assert gain_for(measure_level(tone(1, 0.8), RATE_HZ), -40.0) == pytest.approx(10 ** (-12 / 20))


def test_the_gain_never_lifts_the_measured_peak_above_minus_1_dbfs() -> None:
    speech = tone(1, 0.05)
    speech[5000] = 0.8
    gain = gain_for(measure_level(speech, RATE_HZ), -20.0)
    assert 10 ** (-1.1 / 20) <= gain * 0.8 <= 10 ** (-1 / 20)


@pytest.mark.parametrize("samples", [silence(0), silence(1), tone(1, 1e-5), np.zeros(3, np.float32)])
def test_silence_is_left_as_it_is(samples: Any) -> None:
    assert gain_for(measure_level(samples, RATE_HZ), -20.0) == 1.0


def test_a_voice_of_unknown_level_is_left_as_it_is() -> None:
    assert gain_for(None, -20.0) == 1.0


def test_a_level_measured_again_among_other_rounding_errors_is_the_same() -> None:
    speech = tone(1, 0.0503)
    assert measure_level(speech * np.float32(1.00001), RATE_HZ) == measure_level(speech, RATE_HZ)


def test_audio_shorter_than_a_frame_is_measured_too() -> None:
    assert speech_level_dbfs(np.full(7, 0.1, np.float32), RATE_HZ) == pytest.approx(-20.0, abs=0.01)


def test_the_limiter_leaves_what_is_below_its_knee_untouched() -> None:
    samples = np.linspace(-KNEE, KNEE, 1001).astype(np.float32) * np.float32(0.9999)
    np.testing.assert_array_equal(soft_limit(samples), samples)


def test_limited_samples_rise_without_steps_and_never_clip() -> None:
    samples = np.linspace(0, 8, 80_001).astype(np.float32)
    limited = soft_limit(samples)
    steps = np.diff(limited)
    assert steps.min() >= 0
    assert steps.max() <= 1.01e-4  # the input's own step: the curve is never steeper than the line
    assert float_to_int16(limited).max() <= 32_767
    assert limited.max() < 1.0
    np.testing.assert_array_equal(soft_limit(-samples), -limited)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(cut=st.integers(0, 1003), gain=st.floats(0.1, 100))
def test_limiting_two_pieces_equals_limiting_the_whole(cut: int, gain: float) -> None:
    samples = np.random.default_rng(0).normal(0, gain, 1003).astype(np.float32)
    pieces = np.concatenate([soft_limit(samples[:cut]), soft_limit(samples[cut:])])
    np.testing.assert_array_equal(pieces, soft_limit(samples))


def test_the_limiter_does_not_change_its_input() -> None:
    samples = np.array([0.1, 2.0], np.float32)
    soft_limit(samples)
    assert samples.tolist() == [np.float32(0.1), 2.0]
