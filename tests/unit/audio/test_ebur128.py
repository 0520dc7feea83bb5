"""Loudness after EBU R128, and the limiter."""

import math

import numpy as np
import pytest

from app.audio.ebur128 import LoudnessMeter, LoudnessTally
from app.audio.limiter import Limiter

RATE_HZ = 24_000
TIME_S = np.arange(10 * RATE_HZ) / RATE_HZ


def sine(amplitude: float, hertz: float = 1_000) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hertz * TIME_S)).astype(np.float32)


@pytest.mark.parametrize("size", [RATE_HZ, 777])
def test_a_sine_of_1000_hz_has_the_loudness_that_the_standard_gives_it(size: int) -> None:
    """EBU Tech 3341: a stereo sine of -23 dBFS peak has -23 LUFS; in one channel it has 3 dB less."""
    meter = LoudnessMeter(RATE_HZ)
    samples = sine(10 ** (-20 / 20))
    for at in range(0, len(samples), size):
        meter.push(samples[at : at + size])
    assert meter.result().integrated_lufs == pytest.approx(-23.0, abs=0.1)
    assert meter.result().true_peak_dbtp == pytest.approx(-20.0, abs=0.2)


def test_the_true_peak_lies_between_samples() -> None:
    samples = (0.5 * np.sin(np.pi / 2 * np.arange(2 * RATE_HZ) + np.pi / 4) * np.hanning(2 * RATE_HZ)).astype(
        np.float32
    )
    meter = LoudnessMeter(RATE_HZ)
    meter.push(samples)
    assert 20 * math.log10(np.abs(samples).max()) == pytest.approx(-9.03, abs=0.01)
    assert meter.result().true_peak_dbtp == pytest.approx(-6.0, abs=0.5)


def test_silence_and_nothing_have_no_loudness() -> None:
    meter = LoudnessMeter(RATE_HZ)
    assert meter.result().integrated_lufs == -math.inf
    meter.push(np.zeros(5 * RATE_HZ, np.float32))
    assert meter.result().integrated_lufs == -math.inf
    assert meter.result().true_peak_dbtp == -math.inf


def test_quiet_parts_below_the_gates_do_not_count() -> None:
    """Ten seconds at -23 LUFS, ten that are 20 LU quieter, and ten of nearly nothing."""
    meter = LoudnessMeter(RATE_HZ)
    for level_db in (-20, -40, -90):
        meter.push(sine(10 ** (level_db / 20)))
    assert meter.result().integrated_lufs == pytest.approx(-23.0, abs=0.1)


def test_tallies_of_parts_between_silence_add_up_to_that_of_the_whole() -> None:
    silence = np.zeros(RATE_HZ, np.float32)
    parts = [np.concatenate([silence, sine(10 ** (level_db / 20)), silence]) for level_db in (-20, -26, -45)]
    whole, added = LoudnessMeter(RATE_HZ), LoudnessTally()
    for part in parts:
        whole.push(part)
        meter = LoudnessMeter(RATE_HZ)
        meter.push(part)
        added.add(meter.tally)
    assert added.result().integrated_lufs == pytest.approx(whole.result().integrated_lufs, abs=0.005)
    assert added.result().true_peak_dbtp == pytest.approx(whole.result().true_peak_dbtp, abs=0.001)


@pytest.mark.parametrize("size", [RATE_HZ, 777])
def test_the_limiter_turns_down_peaks_and_nothing_else(size: int) -> None:
    samples = sine(0.1, 300)
    samples[5 * RATE_HZ : 5 * RATE_HZ + 200] *= 9
    limiter = Limiter(RATE_HZ, -6.0)
    pieces = [limiter.push(samples[at : at + size]) for at in range(0, len(samples), size)]
    limited = np.concatenate([*pieces, limiter.close()])
    assert len(limited) == len(samples)
    assert np.abs(limited).max() == pytest.approx(10 ** (-6 / 20), abs=1e-4)
    assert np.array_equal(limited[: 4 * RATE_HZ], samples[: 4 * RATE_HZ])
    assert np.array_equal(limited[6 * RATE_HZ :], samples[6 * RATE_HZ :])
