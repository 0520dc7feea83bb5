"""WhisperNetwork with the embedded weights: prompts and times."""

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
