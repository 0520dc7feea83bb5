"""The embedded Whisper model on speech of the embedded voice."""

import numpy as np
import pytest
from hibari import Hibari
from numpy.typing import NDArray

from app.asr import job
from app.asr.base import (
    SAMPLE_RATE_HZ,
    Finished,
    LanguageDetected,
    RecognitionEvent,
    RecognizedSegment,
    TranscriptionRequest,
    Word,
)
from tests.support.embedded_asr import at_model_rate, needs_embedded_model, recognize_all, text_of
from tests.support.recogniser import word_error_rate

SENTENCES = (
    "The tall teacher told them that the train to the town takes a long time.",
    "My mother read the letters in the kitchen while the soup was boiling.",
    "Years later I stood on one of his bridges and looked down at the brown water.",
)
PAUSE_S = 1.5


@pytest.fixture(scope="module")
def sentences() -> list[NDArray[np.float32]]:
    needs_embedded_model()
    voice = Hibari()
    return [at_model_rate(np.concatenate(list(voice.stream(text))), 24_000) for text in SENTENCES]


@pytest.fixture(scope="module")
def heard(sentences: list[NDArray[np.float32]]) -> list[list[RecognitionEvent]]:
    """Each sentence by itself, then all of them with pauses: four requests at the same time."""
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE_HZ), np.float32)
    whole = np.concatenate([part for sentence in sentences for part in (sentence, pause)])
    recordings = [*sentences, whole]
    return recognize_all([TranscriptionRequest(samples=samples, word_timestamps=True) for samples in recordings])


def words_of(events: list[RecognitionEvent]) -> list[Word]:
    return [word for event in events if isinstance(event, RecognizedSegment) for word in event.words]


def test_each_caller_hears_its_own_sentence(heard: list[list[RecognitionEvent]]) -> None:
    for events, text in zip(heard, (*SENTENCES, " ".join(SENTENCES)), strict=True):
        assert word_error_rate(text, text_of(events)) == 0
        assert isinstance(events[0], LanguageDetected)
        assert events[0].language == "en"
        assert isinstance(events[-1], Finished)


def test_every_word_is_likely_those_that_begin_with_t_too(heard: list[list[RecognitionEvent]]) -> None:
    assert min(word.probability for word in words_of(heard[0])) > 0.3


def test_words_join_to_the_text_and_follow_each_other(heard: list[list[RecognitionEvent]]) -> None:
    for events in heard:
        words = words_of(events)
        assert "".join(word.text for word in words).strip() == text_of(events)
        times = [time for word in words for time in (word.start_s, word.end_s)]
        assert times == sorted(times)


def test_times_count_pauses_that_the_model_did_not_hear(
    sentences: list[NDArray[np.float32]], heard: list[list[RecognitionEvent]]
) -> None:
    expected_s = [0.0]
    for sentence in sentences[:-1]:
        expected_s.append(expected_s[-1] + len(sentence) / SAMPLE_RATE_HZ + PAUSE_S)
    starts_s = [event.start_s for event in heard[-1] if isinstance(event, RecognizedSegment)]
    assert len(starts_s) == len(SENTENCES)
    assert np.allclose(starts_s, expected_s, atol=0.4)


def test_a_piece_of_a_word_has_neither_text_nor_language(sentences: list[NDArray[np.float32]]) -> None:
    piece = sentences[1][SAMPLE_RATE_HZ:][: SAMPLE_RATE_HZ // 20]
    [[receipt]] = recognize_all([TranscriptionRequest(samples=piece)])
    assert isinstance(receipt, Finished)
    assert (receipt.language, receipt.num_windows) == (None, 0)


def test_no_segment_goes_on_behind_a_long_silence(sentences: list[NDArray[np.float32]]) -> None:
    silence = np.zeros(20 * SAMPLE_RATE_HZ, np.float32)
    first, second = sentences[1], sentences[2]
    cut = len(second) // 3  # inside a phrase
    samples = np.concatenate([first, second[:cut], silence, second[cut:]])
    [events] = recognize_all([TranscriptionRequest(samples=samples)])
    segments = [event for event in events if isinstance(event, RecognizedSegment)]
    begins_s = (len(first) + cut) / SAMPLE_RATE_HZ
    assert all(segment.end_s < begins_s + 1 or segment.start_s > begins_s + 19 for segment in segments)
    assert len(segments) >= 2


@pytest.mark.slow
def test_short_speech_has_its_words_and_their_times_with_little_context_too() -> None:
    """Without silence around it: Whisper repeats short texts where what follows them is no silence."""
    needs_embedded_model()
    texts = ("Turn it off.", "Call my mother.", "Please turn on the light in the kitchen.", SENTENCES[2])
    voice = Hibari()
    requests = []
    for text in texts:
        spoken = at_model_rate(np.concatenate(list(voice.stream(text))), 24_000)
        loud = np.flatnonzero(np.abs(spoken) > 0.01)
        samples = spoken[loud[0] : loud[-1]]
        requests += [
            TranscriptionRequest(samples=samples, language="en", word_timestamps=True, low_latency=low_latency)
            for low_latency in (True, False)
        ]
    heard = recognize_all(requests)
    for text, short, long in zip(texts, heard[::2], heard[1::2], strict=True):
        assert word_error_rate(text, text_of(short)) == 0
        pairs = zip(words_of(short), words_of(long), strict=True)
        assert np.median([abs(one.start_s - other.start_s) for one, other in pairs]) < 0.1


@pytest.mark.slow
def test_no_word_is_lost_where_the_token_limit_cuts_windows(
    sentences: list[NDArray[np.float32]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in dense speech, such as spelled letters, whose windows have more tokens than the model gives."""
    monkeypatch.setattr(job, "MAX_TOKENS", 24)
    events = recognize_all([TranscriptionRequest(samples=np.concatenate(sentences), language="en")])[0]
    assert word_error_rate(" ".join(SENTENCES), text_of(events)) == 0
    receipt = events[-1]
    assert isinstance(receipt, Finished)
    assert receipt.num_windows > 1


def test_silence_noise_and_tones_have_no_text() -> None:
    needs_embedded_model()
    generator = np.random.default_rng(0)
    time_s = np.arange(5 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    chord = sum(np.sin(2 * np.pi * frequency * time_s) for frequency in (220, 277, 330)) / 10
    recordings = [
        np.zeros(5 * SAMPLE_RATE_HZ, np.float32),
        generator.normal(0, 0.1, 5 * SAMPLE_RATE_HZ).astype(np.float32),
        chord.astype(np.float32),
        np.zeros(1, np.float32),
    ]
    heard = recognize_all([TranscriptionRequest(samples=samples) for samples in recordings])
    assert [text_of(events) for events in heard] == [""] * len(recordings)
