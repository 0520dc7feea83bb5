"""Onsets: where the sound of a word begins."""

import numpy as np

from app.asr.onset import onset_s

TONE = np.sin(np.arange(8000) * 0.3).astype(np.float32)


def test_a_pause_in_front_of_a_word_is_left_out_of_it() -> None:
    samples = np.concatenate([np.zeros(16_000, np.float32), TONE])
    assert abs(onset_s(samples, 0.2, 1.5) - 0.98) < 0.011


def test_a_word_without_a_pause_in_front_of_it_keeps_its_start() -> None:
    assert onset_s(TONE, 0.1, 0.4) == 0.1


def test_noise_in_the_pause_keeps_the_start() -> None:
    noise = np.random.default_rng(0).normal(0, 0.2, 16_000).astype(np.float32)
    assert onset_s(np.concatenate([noise, TONE]), 0.2, 1.5) == 0.2


def test_an_empty_word_keeps_its_start() -> None:
    assert onset_s(TONE, 0.3, 0.3) == 0.3
    assert onset_s(TONE, 9.0, 9.5) == 9.0
