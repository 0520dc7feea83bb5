"""The server that `make run` starts after `make asr`: it speaks, and understands what it said."""

import asyncio
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
import soundfile

from app.settings import Settings
from tests.support.documents import ROOT, blocks
from tests.support.embedded_asr import needs_embedded_model
from tests.support.recogniser import word_error_rate
from tests.support.recordings import wav
from tests.support.server import RunningServer, serve
from tests.support.transcribing import send

pytestmark = pytest.mark.slow

TEXT = "The old grey house stood by the sea. Nothing more was said about it. The fox went home."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    needs_embedded_model()
    settings = Settings(data=tmp_path_factory.mktemp("data"), engine="embedded", asr_model="embedded")
    with serve(settings) as running:
        yield running


@pytest.fixture(scope="module")
def spoken(server: RunningServer) -> bytes:
    with server.client() as client:
        return client.post("/tts", json={"text": TEXT, "seed": 1}).content


@pytest.fixture(scope="module")
def sdk(server: RunningServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_the_script_of_the_guide_speaks_and_understands_its_own_answer(server: RunningServer, tmp_path: Path) -> None:
    (code,) = [block for block in blocks("python", (ROOT / "docs/clients.md").read_text()) if "transcriptions" in block]
    code = code.replace("http://chorus:8000", server.url)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert word_error_rate("The river is wide.", done.stdout) == 0.0


def test_text_times_and_language_are_right(server: RunningServer, spoken: bytes) -> None:
    transcript = send(server, "/transcribe", spoken).json()
    assert word_error_rate(TEXT, transcript["text"]) <= 0.06  # gray for grey
    assert transcript["language"] == "en"
    samples, rate_hz = soundfile.read(io.BytesIO(spoken))
    assert transcript["duration_s"] == pytest.approx(len(samples) / rate_hz, abs=0.01)
    times = [time for word in transcript["words"] for time in (word["start_s"], word["end_s"])]
    assert times == sorted(times)
    assert times[-1] <= transcript["duration_s"] + 0.1
    assert len(transcript["words"]) == len(TEXT.split())


def test_the_pieces_of_a_stream_are_the_whole_text(sdk: openai.OpenAI, spoken: bytes) -> None:
    create = sdk.audio.transcriptions.create
    whole = create(file=("speech.wav", spoken), model="whisper-1", temperature=0)
    *deltas, done = list(create(file=("speech.wav", spoken), model="whisper-1", temperature=0, stream=True))
    assert "".join(event.delta for event in deltas) == done.text == whole.text  # type: ignore[union-attr]


def test_captions_and_times_of_words_come_from_the_model(sdk: openai.OpenAI, spoken: bytes) -> None:
    file: Any = ("speech.wav", spoken)
    srt: Any = sdk.audio.transcriptions.create(file=file, model="whisper-1", response_format="srt")
    assert srt.startswith("1\n00:00:00,")
    verbose = sdk.audio.transcriptions.create(
        file=file, model="whisper-1", response_format="verbose_json", timestamp_granularities=["word", "segment"]
    )
    assert verbose.language == "english"
    assert verbose.segments
    assert verbose.words
    assert len(verbose.words) == len(TEXT.split())


def test_many_callers_at_once_each_get_their_own_text(server: RunningServer, sdk: openai.OpenAI) -> None:
    texts = [f"The number of this house is {number}." for number in ("one", "two", "three", "four")]
    with server.client() as client:
        recordings = [client.post("/tts", json={"text": text, "seed": 1}).content for text in texts]

    async def scenario() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none") as client:
            create = client.audio.transcriptions.create
            answers = [create(file=("a.wav", each), model="whisper-1", language="en") for each in recordings]
            return [answer.text for answer in await asyncio.gather(*answers)]

    numbers = {"one": "1", "two": "2", "three": "3", "four": "4"}
    for (word, digit), heard in zip(numbers.items(), asyncio.run(scenario()), strict=True):
        assert word in heard.lower() or digit in heard


@pytest.mark.parametrize("kind", ["silence", "noise", "tone"])
def test_what_is_no_speech_gives_no_text(server: RunningServer, kind: str) -> None:
    time_s = np.arange(8 * 24_000) / 24_000
    samples = {
        "silence": np.zeros_like(time_s),
        "noise": np.random.default_rng(0).normal(0, 0.05, len(time_s)),
        "tone": 0.3 * np.sin(2 * np.pi * 440 * time_s),
    }[kind]
    answer = send(server, "/transcribe", wav(samples))
    assert (answer.status_code, answer.json()["text"]) == (200, "")


def test_telephone_speech_is_understood(server: RunningServer, spoken: bytes) -> None:
    samples, rate_hz = soundfile.read(io.BytesIO(spoken), dtype="float32")
    telephone = np.interp(np.arange(0, len(samples), rate_hz / 8_000), np.arange(len(samples)), samples)
    heard = send(server, "/transcribe", wav(telephone, 8_000)).json()["text"]
    assert word_error_rate(TEXT, heard) <= 0.12


def test_the_command_writes_captions_of_several_files(spoken: bytes, tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(spoken)
    (tmp_path / "out").mkdir()
    environ = os.environ | {"CHORUS_ASR_MODEL": "embedded", "CHORUS_DATA": str(tmp_path / "data")}
    command = [sys.executable, "-m", "app", "transcribe", "a.wav", "b.wav", "-o", "out", "--format", "srt"]
    environ["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    written = [(tmp_path / "out" / name).read_text() for name in ("a.srt", "b.srt")]
    assert written[0] == written[1]
    assert "fox went home" in written[0]


def test_the_command_without_a_recogniser_names_the_command_that_adds_one(tmp_path: Path) -> None:
    environ = os.environ | {"CHORUS_ASR_MODEL": "off", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "app", "transcribe", "a.wav"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "CHORUS_ASR_MODEL=off" in done.stderr
