"""Formats of a transcript: right values."""

import json
from typing import Any

import pytest

from app.asr.base import Finished, RecognizedSegment, Word
from app.transcription.formats import to_answer, to_json, to_srt, to_text, to_vtt, writer_for
from app.transcription.transcript import Transcript
from tests.support.fake_recognizer import SPOKEN, segment


def receipt(**changes: Any) -> Finished:
    values: dict[str, Any] = {
        "duration_s": 3.25,
        "speech_s": 2.5,
        "language": "en",
        "num_segments": 2,
        "num_windows": 1,
        "num_fallbacks": 0,
        "queue_s": 0.0,
        "total_s": 0.5,
    }
    return Finished(**values | changes)


def transcript(*segments: RecognizedSegment, **changes: Any) -> Transcript:
    return Transcript(segments=segments, receipt=receipt(**changes))


HELLO = transcript(*SPOKEN)


def test_text_joins_segments_as_the_recogniser_spaced_them() -> None:
    assert to_text(HELLO) == "Good morning. The river is wide.\n"
    chinese = transcript(segment(0, "你好。", 0, 1), segment(1, "再见。", 1, 2))
    assert to_text(chinese) == "你好。再见。\n"


def test_captions_have_a_cue_for_each_segment() -> None:
    assert to_srt(HELLO) == (
        "1\n00:00:00,000 --> 00:00:01,000\nGood morning.\n\n2\n00:00:01,500 --> 00:00:03,000\nThe river is wide.\n"
    )
    assert to_vtt(HELLO) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nGood morning.\n\n00:00:01.500 --> 00:00:03.000\nThe river is wide.\n"
    )


def test_captions_of_words_have_a_cue_for_each_word() -> None:
    assert to_srt(HELLO, by="word").startswith(
        "1\n00:00:00,000 --> 00:00:00,500\nGood\n\n2\n00:00:00,500 --> 00:00:01,000\nmorning.\n\n3\n00:00:01,500 -->"
    )
    assert to_vtt(HELLO, by="word").count("-->") == 6


def test_an_answer_has_text_language_length_segments_and_words() -> None:
    answer = json.loads(to_json(HELLO))
    assert set(answer) == {"text", "language", "duration_s", "segments", "words", "warnings"}
    assert (answer["text"], answer["language"], answer["duration_s"]) == (
        "Good morning. The river is wide.",
        "en",
        3.25,
    )
    assert answer["segments"][1] == {
        "index": 1,
        "text": "The river is wide.",
        "start_s": 1.5,
        "end_s": 3.0,
        "avg_logprob": -0.25,
        "no_speech_prob": 0.02,
    }
    assert answer["words"][0] == {"text": "Good", "start_s": 0.0, "end_s": 0.5, "probability": 0.9}
    assert len(answer["words"]) == 6


def test_times_of_an_answer_are_rounded_to_milliseconds() -> None:
    word = Word(start_s=0.12345, end_s=1.99999, text=" x", probability=0.123456)
    one = transcript(RecognizedSegment(
        index=0, start_s=0.12345, end_s=1.99999, text=" x", tokens=(1,), words=(word,), avg_logprob=-0.123456,
        compression_ratio=1.0, no_speech_prob=0.0, temperature=0.0,
    ), duration_s=2.00049)  # fmt: skip
    answer = to_answer(one)
    assert (answer.duration_s, answer.segments[0].start_s, answer.segments[0].end_s) == (2.0, 0.123, 2.0)
    assert (answer.words[0].start_s, answer.words[0].end_s, answer.words[0].probability) == (0.123, 2.0, 0.1235)


def test_no_speech_is_an_empty_text_in_every_format() -> None:
    nothing = transcript(language=None, num_segments=0, speech_s=0.0)
    assert to_text(nothing) == "\n"
    assert to_srt(nothing) == ""
    assert to_vtt(nothing) == "WEBVTT\n"
    answer = json.loads(to_json(nothing))
    assert (answer["text"], answer["language"], answer["segments"], answer["words"]) == ("", None, [], [])


@pytest.mark.parametrize("suffix", [".txt", ".json", ".srt", ".vtt", ".SRT"])
def test_the_ending_of_a_file_names_its_format(suffix: str) -> None:
    write = writer_for(suffix, words=False)
    assert write is not None
    assert "river" in write(HELLO)


def test_an_unknown_ending_has_no_format() -> None:
    assert writer_for(".doc", words=False) is None
