"""Which text of a window is taken."""

import pytest

from app.asr.fallback import Decoded, best_of, compression_ratio, temperatures_for


def decoded(logprob: float = -0.3, *, no_speech: float = 0.0, ratio: float = 1.0) -> Decoded:
    return Decoded(tokens=(), avg_logprob=logprob, no_speech_prob=no_speech, compression_ratio=ratio, temperature=0.0)


@pytest.mark.parametrize(
    ("attempt", "is_acceptable", "is_silence"),
    [
        (decoded(), True, False),
        (decoded(-1.01), False, False),
        (decoded(ratio=2.41), False, False),
        (decoded(-1.01, no_speech=0.61), True, True),
        (decoded(no_speech=0.99), True, False),
    ],
)
def test_unlikely_and_repetitive_text_is_decoded_again_and_silence_is_not(
    attempt: Decoded, is_acceptable: bool, is_silence: bool
) -> None:
    assert attempt.is_acceptable is is_acceptable
    assert attempt.is_silence is is_silence


def test_a_text_that_repeats_itself_is_taken_only_when_all_do() -> None:
    likely, unlikely = decoded(-0.1, ratio=3.0), decoded(-3.0)
    assert best_of([likely, unlikely]) is unlikely
    assert best_of([decoded(-2.0, ratio=3.0), likely]) is likely


def test_a_repeated_phrase_compresses_beyond_the_limit_and_a_sentence_does_not() -> None:
    assert compression_ratio("thank you very much. " * 12) > 2.4
    assert compression_ratio("The harbour was quiet when the first boats came home.") < 2.4


def test_only_temperature_zero_is_raised() -> None:
    assert temperatures_for(0.0) == (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    assert temperatures_for(0.3) == (0.3,)
