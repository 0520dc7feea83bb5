"""Languages of fine-tunes: added ones are spoken, and those that the vocabulary does not know are not offered."""

import logging
import shutil
from pathlib import Path
from typing import Any

import pytest

from app.engine.factory import build_engine
from app.errors import UnusableCheckpoint
from app.settings import Settings
from tests.support.fine_tunes import add_language, list_languages
from tests.support.http import check, get
from tests.support.server import serve
from tests.support.speaking import samples_of, speak

TEXT = "Xin chào, tôi là người Việt Nam."


@pytest.fixture
def folder(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "fine-tune"))


def settings(folder: Path) -> Settings:
    return Settings(engine="xtts", model=str(folder), data=folder.parent / "data")


def test_a_language_that_a_fine_tune_has_added_is_spoken_on_every_route(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with serve(settings(add_language(folder))) as server:
        assert "in addition: vi; they are spoken as they are written" in caplog.text
        health: dict[str, Any] = get(server, "/health")
        assert (health["languages"][-1], health["languages_as_written"]) == ("vi", ["vi"])
        assert get(server, "/speakers")["speakers"][0]["languages"][-1] == "vi"
        assert get(server, "/languages")["languages"]["Vietnamese"] == "vi"
        body = get(server, "/docs/openapi.json")["components"]["schemas"]["TtsBody"]
        assert "vi" in body["properties"]["language"]["enum"]
        answer = speak(server, text=TEXT, language="vi-VN")
        assert len(samples_of(answer)) > 10_000
        assert "X-Chorus-Warnings" not in answer.headers
        said = speak(server, text="Tôi là 7.", language="vi")
        assert "numbers are not spelt out" in said.headers["X-Chorus-Warnings"]
        assert "not spelt out" not in speak(server, text="I am 7.").headers.get("X-Chorus-Warnings", "")
        with server.client() as client:
            openai = {"model": "tts-1", "input": TEXT, "voice": "Ada Tiny", "language": "vi"}
            assert client.post("/v1/audio/speech", json=openai).status_code == 200
            query = {"text": TEXT, "language": "vi"}
            assert client.get("/tts_stream", params=query).status_code == 200
        check(speak(server, language="sv"), 400, "unsupported_language", "language", "hi, vi only, not 'sv'")


def test_a_language_without_a_mark_in_the_vocabulary_is_named_and_not_offered(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serve(settings(list_languages(folder, "en", "EN", "vi", "zh"))) as server:
        assert [record.message for record in caplog.records if "not spoken" in record.message] == [
            "languages of config.json that are not spoken: vi; the vocabulary has no mark [vi]"
        ]
        assert get(server, "/health")["languages"] == ["en", "zh-cn"]
        check(speak(server, language="vi"), 400, "unsupported_language", "language", "speaks en, zh-cn only")
        check(speak(server, language="hi"), 400, "unsupported_language", "language", "speaks en, zh-cn only")


def test_a_request_without_a_language_is_spoken_in_the_only_one(folder: Path) -> None:
    with serve(settings(list_languages(add_language(folder), "vi"))) as server:
        assert speak(server, text=TEXT).status_code == 200
        with server.client() as client:
            openai = {"model": "tts-1", "input": TEXT, "voice": "Ada Tiny"}
            assert client.post("/v1/audio/speech", json=openai).status_code == 200
        check(speak(server, language="en"), 400, "unsupported_language", "language", "speaks vi only")
        body = get(server, "/docs/openapi.json")["components"]["schemas"]["TtsBody"]
        assert (body["properties"]["language"]["enum"], body["properties"]["language"]["default"]) == (["vi"], "vi")


def test_a_config_with_unknown_languages_only_ends_in_one_sentence(folder: Path) -> None:
    with pytest.raises(UnusableCheckpoint, match=r"it lists vi, xx, and vocab\.json has marks for en, es, fr, de"):
        build_engine(settings(list_languages(folder, "vi", "xx")))
