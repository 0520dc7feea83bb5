"""`POST /v1/audio/alignments`: known text beside its recording."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.asr.alignment import Edit
from app.errors import EngineFailure
from tests.support.fake_recognizer import FakeRecognizer, segment
from tests.support.http import check
from tests.support.recordings import voice_like, wav
from tests.support.server import RunningServer
from tests.support.transcribing import RECORDING, fake, transcribing, until_open

PATH = "/v1/audio/alignments"
TEXT = "The boat did not sink."
LONG = [segment(0, " The boat did not sink.", 0.5, 2.5), segment(1, " It came home at 5.", 3.5, 5.5)]


def align(server: RunningServer, recording: bytes = RECORDING, **fields: Any) -> httpx.Response:
    with server.client() as client:
        return client.post(PATH, data={"text": TEXT, "language": "en"} | fields, files={"file": ("a.wav", recording)})


def test_a_recording_that_says_its_text_passes_and_has_the_time_of_each_word(server: RunningServer) -> None:
    answer = align(server)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["verdict"], found["language"], found["duration_s"]) == ("passed", "en", 2.5)
    assert found["is_measured"] is False
    [sentence] = found["sentences"]
    assert (sentence["text"], sentence["verdict"], sentence["faults"]) == (TEXT, "passed", [])
    assert [word["text"] for word in sentence["words"]] == TEXT.split()
    assert sentence["words"][1] == {"text": "boat", "start_s": 0.5, "end_s": 0.95, "probability": 0.95}
    assert answer.headers["X-Audio-Seconds"] == "2.500"


def test_what_is_missing_is_named_with_its_time(tmp_path: Path) -> None:
    edits = [Edit(kind="missing", first=3, last=3, gain=12.0)]
    with transcribing(tmp_path, FakeRecognizer(edits=edits)) as server:
        found = align(server).json()
    assert found["verdict"] == "failed"
    assert found["sentences"][0]["faults"] == [{"kind": "missing", "start_s": 1.5, "end_s": 1.95, "text": "not"}]


def test_the_model_gets_the_text_as_it_is_written_and_as_it_is_said(server: RunningServer) -> None:
    align(server, text="At 5 km/h.")
    known = fake(server).known[-1]
    assert (known.written, known.spoken) == ("At 5 km/h.", "At five kilometers per hour.")
    assert len(known.samples) == 2.5 * 16_000


def test_without_a_language_it_is_detected_by_a_transcript(server: RunningServer) -> None:
    num_before = len(fake(server).requests)
    assert align(server, language="").json()["language"] == "en"
    assert len(fake(server).requests) == num_before + 1
    align(server)
    assert len(fake(server).requests) == num_before + 1


def test_a_long_text_is_cut_at_its_sentences_and_times_are_those_of_the_recording(tmp_path: Path) -> None:
    with transcribing(tmp_path, FakeRecognizer(LONG)) as server:
        found = align(server, wav(voice_like(6)), text="The boat did not sink. It came home at 5.", language="").json()
    first, second = found["sentences"]
    assert (first["text"], second["text"]) == ("The boat did not sink.", "It came home at 5.")
    assert first["start_s"] == 0
    assert 2.3 < first["end_s"] == second["start_s"] < 3.7
    assert second["end_s"] == 6
    assert second["words"][0]["start_s"] == second["start_s"]
    assert second["words"][-1]["end_s"] > 5


def test_only_the_end_of_the_recording_is_cut_off_and_no_end_of_a_piece_that_was_cut_for_its_sentence(
    tmp_path: Path,
) -> None:
    with transcribing(tmp_path, FakeRecognizer(LONG, cuts_off=True)) as server:
        found = align(server, wav(voice_like(6)), text="The boat did not sink. It came home at 5.", language="").json()
        [whole] = align(server).json()["sentences"]
    assert [[fault["kind"] for fault in sentence["faults"]] for sentence in found["sentences"]] == [[], ["cut_off"]]
    assert [fault["kind"] for fault in whole["faults"]] == ["cut_off"]


@pytest.mark.parametrize(("pause_s", "outcome"), [(0.6, "failed"), (0.0, "inconclusive")])
def test_a_word_beside_a_cut_without_a_pause_may_be_in_the_other_piece(
    tmp_path: Path, pause_s: float, outcome: str
) -> None:
    samples = voice_like(6)
    samples[round((3 - pause_s / 2) * 24_000) : round((3 + pause_s / 2) * 24_000)] = 0
    with transcribing(tmp_path, FakeRecognizer(LONG, faulty={"It came home at 5.": 1})) as server:
        found = align(server, wav(samples), text="The boat did not sink. It came home at 5.", language="").json()
    _, second = found["sentences"]
    assert (second["verdict"], len(second["faults"])) == (outcome, outcome == "failed")
    assert bool(second["reason"]) == (outcome == "inconclusive")


def test_speech_that_cannot_be_aligned_is_inconclusive_and_its_words_have_no_times(tmp_path: Path) -> None:
    with transcribing(tmp_path, FakeRecognizer([])) as server:
        found = align(server, text="word " * 150).json()
    assert found["verdict"] == "inconclusive"
    [sentence] = found["sentences"]
    assert sentence["reason"]
    assert len(sentence["words"]) == 150
    assert sentence["words"][0] == {"text": "word", "start_s": None, "end_s": None, "probability": None}


@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({"text": ""}, 400, "invalid_field", "text"),
        ({"text": "…"}, 422, "nothing_to_speak", "text"),
        ({"text": "a" * 20_001}, 413, "text_too_long", "text"),
        ({"language": "tlh"}, 400, "unsupported_language", "language"),
        ({"prompt": "x"}, 400, "invalid_field", "prompt"),
    ],
)
def test_fields_that_cannot_be_used_are_refused(
    server: RunningServer, fields: dict[str, str], status: int, code: str, param: str
) -> None:
    check(align(server, **fields), status, code, param)


def test_a_text_is_needed(server: RunningServer) -> None:
    with server.client() as client:
        check(client.post(PATH, files={"file": ("a.wav", RECORDING)}), 400, "invalid_field", "text")


def test_a_recording_without_speech_needs_the_name_of_its_language(tmp_path: Path) -> None:
    with transcribing(tmp_path, FakeRecognizer([])) as server:
        check(align(server, language=""), 400, "invalid_field", "language", "nothing is said")
        assert align(server).status_code == 200


def test_what_is_no_recording_is_refused_and_the_server_goes_on(server: RunningServer) -> None:
    check(align(server, b"no audio"), 415, "unreadable_audio", "file")
    assert align(server).status_code == 200


def test_a_recording_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    with transcribing(tmp_path, max_recording_s=2.0) as server:
        check(align(server), 413, "recording_too_long", "file")


def test_a_full_recogniser_refuses(tmp_path: Path) -> None:
    with transcribing(tmp_path, FakeRecognizer(max_admitted=0)) as server:
        refused = align(server)
        check(refused, 503, "queue_full")
        assert int(refused.headers["Retry-After"]) > 0


def test_a_failure_of_the_model_is_500_and_frees_the_memory_of_the_recording(tmp_path: Path) -> None:
    recognizer = FakeRecognizer(fails=EngineFailure("the recogniser failed"))
    with transcribing(tmp_path, recognizer, max_recording_s=3.0) as server:
        for _ in range(6):
            check(align(server), 500, "engine_failure")


def test_an_alignment_that_takes_too_long_is_504(tmp_path: Path) -> None:
    with transcribing(tmp_path, FakeRecognizer(waits=asyncio.Event()), request_timeout_s=0.5) as server:
        check(align(server), 504, "deadline_exceeded", says="the alignment did not come")
        until_open(server, 0)


def test_a_server_without_a_recogniser_says_how_to_add_one(embedded_server: RunningServer) -> None:
    answer = align(embedded_server)
    assert answer.status_code == 501
    assert answer.json()["error"]["code"] == "transcription_unavailable"
