import numpy as np
import pytest

from app.engine.values import Samples
from app.engine.xtts.runaway import Guards, budget_of, cut_at_silence

RATE_HZ = 24_000
CODE_S = 1024 / 22050


def speech(seconds: float, level: float = 0.2) -> Samples:
    noise = np.random.default_rng(round(seconds * 1000)).standard_normal(round(seconds * RATE_HZ))
    return (level * noise).astype(np.float32)


@pytest.mark.parametrize(
    "text",
    [
        "Hi.",
        "Alice was beginning to get very tired of sitting by her sister on the bank.",
        "one thousand nine hundred and eighty four " * 5,
    ],
)
def test_slow_speech_fits_the_budget_and_twice_as_much_never_does(text: str) -> None:
    budget = budget_of(text, code_s=CODE_S, limit=602, guards=Guards())
    slow_s = len(text) / 10
    assert budget.expected_codes * CODE_S > slow_s
    assert budget.expected_codes < budget.max_codes <= 602
    assert budget.max_codes * CODE_S < 2.5 * slow_s + 4


def test_no_budget_is_beyond_the_models_own_limit() -> None:
    budget = budget_of("x" * 1000, code_s=CODE_S, limit=602, guards=Guards())
    assert (budget.expected_codes, budget.max_codes) == (602, 602)


def test_benchmarks_get_exactly_the_codes_they_ask_for() -> None:
    budget = budget_of("x", code_s=CODE_S, limit=602, guards=Guards(exact_codes=100))
    assert (budget.expected_codes, budget.max_codes) == (100, 100)


def test_the_cut_is_at_the_first_pause() -> None:
    samples = np.concatenate([speech(0.7), speech(0.4, 0.0005), speech(1.0)])
    kept = cut_at_silence(samples, loudest=0.2, sample_rate_hz=RATE_HZ)
    assert 0.7 <= len(kept) / RATE_HZ < 0.75
    assert np.array_equal(kept[: round(0.69 * RATE_HZ)], samples[: round(0.69 * RATE_HZ)])
    assert kept[-1] == 0


def test_a_short_dip_is_no_pause() -> None:
    samples = np.concatenate([speech(0.5), speech(0.1, 0.0005), speech(0.5), speech(0.3, 0.0005)])
    assert 1.1 <= len(cut_at_silence(samples, loudest=0.2, sample_rate_hz=RATE_HZ)) / RATE_HZ < 1.15


def test_without_a_pause_the_quietest_moment_is_taken() -> None:
    samples = np.concatenate([speech(0.5), speech(0.04, 0.05), speech(0.5)])
    assert 0.5 <= len(cut_at_silence(samples, loudest=0.2, sample_rate_hz=RATE_HZ)) / RATE_HZ < 0.56


def test_what_is_all_silence_beside_earlier_speech_goes_at_once() -> None:
    kept = cut_at_silence(speech(1.0, 0.0005), loudest=0.2, sample_rate_hz=RATE_HZ)
    assert len(kept) / RATE_HZ <= 0.02
    assert len(cut_at_silence(np.zeros(10, np.float32), loudest=0.2, sample_rate_hz=RATE_HZ)) == 0
