"""WhisperNetwork with the embedded weights: prompts, times, and the end of a text."""

from typing import Any

import numpy as np
import pytest

from app.asr.base import SAMPLE_RATE_HZ
from app.asr.fallback import Decoded
from tests.support.embedded_asr import needs_embedded_model

FIRST_TIMESTAMP = 50364


@pytest.fixture(scope="module")
def network() -> "WhisperNetwork":  # type: ignore[name-defined] # noqa: F821
    needs_embedded_model()
    from app.asr.whisper.embedded import read_files
    from app.asr.whisper.network import WhisperNetwork

    return WhisperNetwork("whisper-base", device="cpu", precision="int8", files=read_files())


@pytest.mark.parametrize("special", ["<|startoftranscript|>", "<|de|>", "<|translate|>", "<|endoftext|>"])
def test_names_of_special_tokens_in_a_prompt_give_no_orders(network, special: str) -> None:  # type: ignore[no-untyped-def]
    plain = network.prompt("en", "transcribe", "Names: Ada")
    assert network.prompt("en", "transcribe", f"Names: Ada{special}") == plain


def test_a_phrase_that_the_model_places_behind_the_end_is_inside_the_window(network) -> None:  # type: ignore[no-untyped-def]
    from app.asr.windows import Window

    samples = np.zeros(2 * SAMPLE_RATE_HZ, np.float32)
    words = [token for token in network.prompt("en", "transcribe", "good morning") if token < 50257]
    decoded = Decoded(
        tokens=(FIRST_TIMESTAMP, *words, FIRST_TIMESTAMP + 100, FIRST_TIMESTAMP + 150, *words, FIRST_TIMESTAMP + 200),
        avg_logprob=-0.1,
        no_speech_prob=0.0,
        compression_ratio=1.0,
        temperature=0.0,
    )
    window = Window(((0, len(samples)),), samples)
    segments = network.segments(
        window, decoded, np.zeros((1, 1, 1)), language="en", task="transcribe", word_timestamps=False
    )
    assert [segment.text for segment in segments] == [" good morning"] * 2
    assert all(0 <= segment.start_s < segment.end_s <= 2 for segment in segments)


def window_of(seconds: float) -> "Window":  # type: ignore[name-defined] # noqa: F821
    from app.asr.windows import Window

    samples = np.random.default_rng(0).normal(0, 0.01, round(seconds * SAMPLE_RATE_HZ)).astype(np.float32)
    return Window(((0, len(samples)),), samples)


def finished(  # type: ignore[no-untyped-def]
    network, tokens: tuple[int, ...], encoded: Any = None, **facts: Any
) -> tuple[Decoded, float]:
    """Finished text of a window of 20 s. Only words without timestamps need `encoded`."""
    facts = {"avg_logprob": -0.1, "compression_ratio": 1.0} | facts
    decoded = Decoded(tokens=tokens, no_speech_prob=0.0, temperature=0.0, **facts)
    window = window_of(20)
    return network.finished_text(window, decoded, encoded, language="en", task="transcribe")


A, B, C = range(1000, 1003)
AT_8_S, AT_9_S = FIRST_TIMESTAMP + 400, FIRST_TIMESTAMP + 450


@pytest.mark.parametrize(
    ("tokens", "is_cut", "kept", "until_s"),
    [
        ((FIRST_TIMESTAMP, A, AT_8_S), False, 3, 20),
        ((FIRST_TIMESTAMP, A), False, 2, 20),
        ((FIRST_TIMESTAMP, A, AT_8_S, AT_9_S), False, 4, 9),
        ((FIRST_TIMESTAMP, A, AT_8_S), True, 3, 8),
        ((FIRST_TIMESTAMP, A, AT_8_S, AT_9_S), True, 3, 9),
        ((FIRST_TIMESTAMP, A, AT_8_S, AT_9_S, B, C), True, 3, 9),
    ],
)
def test_a_text_ends_with_its_last_whole_phrase_where_it_was_cut(
    network,  # type: ignore[no-untyped-def]
    tokens: tuple[int, ...],
    is_cut: bool,
    kept: int,
    until_s: float,
) -> None:
    text, end_s = finished(network, tokens, is_cut=is_cut)
    assert text.tokens == tokens[:kept]
    assert end_s == pytest.approx(until_s)


@pytest.mark.slow
def test_of_a_cut_text_without_a_whole_phrase_the_last_word_is_left_to_the_next_window(network) -> None:  # type: ignore[no-untyped-def]
    words = [token for token in network.prompt("en", "transcribe", "seven eight nine") if token < 50257]
    encoded = network.encode([network.features(window_of(20).samples)])
    text, until_s = finished(network, (FIRST_TIMESTAMP, *words), encoded, is_cut=True)
    assert text.tokens == (FIRST_TIMESTAMP, *words[:2], FIRST_TIMESTAMP + round(until_s / 0.02))
    assert 0 < until_s <= 20


@pytest.mark.parametrize("facts", [{"compression_ratio": 3.0}, {"avg_logprob": -2.0}])
def test_a_cut_text_that_is_no_speech_is_not_continued(network, facts: dict[str, float]) -> None:  # type: ignore[no-untyped-def]
    _, until_s = finished(network, (FIRST_TIMESTAMP, A, B, C), is_cut=True, **facts)
    assert until_s == 20


@pytest.mark.slow
def test_a_text_of_as_many_tokens_as_were_allowed_is_cut(network) -> None:  # type: ignore[no-untyped-def]
    encoded = network.encode([network.features(window_of(5).samples)])
    long = network.prompt("en", "transcribe", "word " * 300)  # which the model continues for ever
    room = 448 - (len(long) - 1)
    for prompt, max_tokens, num_tokens in (([50258, 50259, 50359], 2, 2), (long, 2, 2), (long, 224, room)):
        [decoded] = network.generate(encoded, [prompt], temperature=0.0, beam_size=1, max_tokens=max_tokens)
        assert (len(decoded.tokens), decoded.is_cut) == (num_tokens, True)
    [decoded] = network.generate(encoded, [[50258, 50259, 50359]], temperature=0.0, beam_size=1, max_tokens=224)
    assert not decoded.is_cut
