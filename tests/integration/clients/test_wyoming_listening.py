"""Speech to text on the Wyoming port, with the wyoming package as client, in Home Assistant's order.

homeassistant/components/wyoming/stt.py of home-assistant/core opens a connection for each recording, sends
`transcribe`, `audio-start`, `audio-chunk`s of 16 kHz and `audio-stop`, and reads until `transcript`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event, Eventable
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize

from app.asr.installation import HOW_TO_INSTALL
from app.errors import EngineFailure
from app.settings import Settings
from app.wyoming import listening
from tests.support.fake_engine import FakeEngine
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.ports import free_port
from tests.support.server import RunningServer, serve

SECOND = bytes(2 * 16_000)
SPOKEN = "Good morning. The river is wide."


@contextmanager
def wyoming_server(
    data: Path, recognizer: FakeRecognizer | None, **settings: Any
) -> Iterator[tuple[RunningServer, int]]:
    port = free_port()
    make = None if recognizer is None else lambda: recognizer
    with serve(Settings(data=data, wyoming_port=port, **settings), FakeEngine, make_recognizer=make) as running:
        yield running, port


@pytest.fixture
def recognizer() -> FakeRecognizer:
    return FakeRecognizer()


@pytest.fixture
def port(tmp_path: Path, recognizer: FakeRecognizer) -> Iterator[int]:
    with wyoming_server(tmp_path, recognizer) as (_, port):
        yield port


@asynccontextmanager
async def client(port: int) -> AsyncIterator[AsyncTcpClient]:
    async with AsyncTcpClient("127.0.0.1", port) as connected:
        yield connected


def start(rate: int = 16_000, width: int = 2, channels: int = 1) -> AudioStart:
    return AudioStart(rate=rate, width=width, channels=channels)


def chunk(audio: bytes = SECOND, rate: int = 16_000, width: int = 2, channels: int = 1) -> AudioChunk:
    return AudioChunk(rate=rate, width=width, channels=channels, audio=audio)


async def until(connected: AsyncTcpClient, last: type[Any] | None) -> list[Event]:
    """Up to an event of the type `last`, or to the end of the connection."""
    found: list[Event] = []
    while (event := await asyncio.wait_for(connected.read_event(), 30)) is not None:
        found.append(event)
        if last is not None and last.is_type(event.type):
            break
    return found


async def answers(port: int, *said: Eventable | Event, last: type[Any] | None = TranscriptStop) -> list[Event]:
    async with client(port) as connected:
        for each in said:
            await connected.write_event(each if isinstance(each, Event) else each.event())
        return await until(connected, last)


def heard(port: int, *said: Eventable | Event) -> Transcript:
    found = asyncio.run(answers(port, *said, last=Transcript))
    return Transcript.from_event(found[-1])


def refused(port: int, *said: Eventable | Event) -> Error:
    """The error, which is the last event before the connection is closed."""
    found = asyncio.run(answers(port, *said, last=None))
    assert not any(Transcript.is_type(event.type) for event in found)
    return Error.from_event(found[-1])


def samples_of(recognizer: FakeRecognizer) -> Any:
    return recognizer.requests[-1].samples


def test_one_entry_describes_both_services(port: int) -> None:
    (event,) = asyncio.run(answers(port, Describe(), last=Info))
    info = Info.from_event(event)
    (program,) = info.asr
    assert program.installed
    assert program.supports_transcript_streaming
    assert [(model.name, model.installed, model.languages) for model in program.models] == [
        ("fake-whisper", True, ["en", "de"])
    ]
    assert info.tts


def test_a_recording_is_answered_with_its_text(port: int, recognizer: FakeRecognizer) -> None:
    transcript = heard(port, Transcribe(language="en"), start(), chunk(), chunk(), AudioStop())
    assert (transcript.text, transcript.language) == (SPOKEN, "en")
    assert (len(samples_of(recognizer)), recognizer.requests[-1].language) == (2 * 16_000, "en")


def test_the_text_comes_in_chunks_around_the_whole_transcript(port: int) -> None:
    found = asyncio.run(answers(port, Transcribe(), start(), chunk(), AudioStop()))
    kinds = [event.type for event in found]
    assert kinds == ["transcript-start", "transcript-chunk", "transcript-chunk", "transcript", "transcript-stop"]
    assert TranscriptStart.from_event(found[0]).language == "en"
    assert "".join(TranscriptChunk.from_event(event).text for event in found[1:3]) == SPOKEN


def test_transcribe_may_be_left_out(port: int) -> None:
    assert heard(port, start(), chunk(), AudioStop()).text == SPOKEN


@pytest.mark.parametrize(("named", "code"), [("de", "de"), ("de-AT", "de"), ("German", "de"), (None, None), ("", None)])
def test_the_language_is_the_one_that_is_named(
    port: int, recognizer: FakeRecognizer, named: str | None, code: str | None
) -> None:
    heard(port, Transcribe(language=named), start(), chunk(), AudioStop())
    assert recognizer.requests[-1].language == code


def test_names_and_terms_are_the_prompt_with_names_last(port: int, recognizer: FakeRecognizer) -> None:
    wanted = Event(type="transcribe", data={"transcript_names": ["Ada"], "transcript_terms": ["boiler", "hall"]})
    heard(port, wanted, start(), chunk(), AudioStop())
    assert recognizer.requests[-1].prompt == "boiler, hall, Ada"


def test_options_count_for_one_recording(port: int, recognizer: FakeRecognizer) -> None:
    async def two() -> None:
        async with client(port) as connected:
            for said in ([Transcribe(language="de")], []):
                for each in (*said, start(), chunk(), AudioStop()):
                    await connected.write_event(each.event())
                await until(connected, TranscriptStop)

    asyncio.run(two())
    assert [request.language for request in recognizer.requests] == ["de", None]


def test_one_connection_may_speak_and_listen(port: int) -> None:
    async def both() -> tuple[Event, Event]:
        async with client(port) as connected:
            await connected.write_event(Synthesize(text="Hello.").event())
            spoken = (await until(connected, AudioStop))[-1]
            for each in (start(), chunk(), AudioStop()):
                await connected.write_event(each.event())
            return spoken, (await until(connected, Transcript))[-1]

    spoken, text = asyncio.run(both())
    assert (spoken.type, Transcript.from_event(text).text) == ("audio-stop", SPOKEN)


@pytest.mark.parametrize(
    ("rate", "width", "channels"), [(16_000, 2, 1), (48_000, 2, 2), (44_100, 4, 1), (8_000, 1, 1), (22_050, 3, 6)]
)
def test_every_form_of_audio_reaches_the_recogniser_at_16_khz(
    port: int, recognizer: FakeRecognizer, rate: int, width: int, channels: int
) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(rate) / rate) / 2
    steps = np.rint(tone * (2 ** (8 * width - 1) - 1)).astype("<i4").repeat(channels)
    audio = steps.view(np.uint8).reshape(-1, 4)[:, :width]
    data = (audio + (128 if width == 1 else 0)).astype(np.uint8).tobytes()
    pieces = [chunk(data[at : at + 3001], rate, width, channels) for at in range(0, len(data), 3001)]
    heard(port, start(rate, width, channels), *pieces, AudioStop())
    samples = samples_of(recognizer)
    assert abs(len(samples) - 16_000) < 40
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    assert np.abs(samples[1000:15_000] / 32_768 - expected[1000:15_000]).max() < 0.02


def test_the_form_may_change_within_a_recording(port: int, recognizer: FakeRecognizer) -> None:
    half = chunk(bytes(48_000 * 4), 48_000, 2, 2)
    heard(port, start(), chunk(), half, chunk(), AudioStop())
    assert abs(len(samples_of(recognizer)) - 3 * 16_000) < 40


def test_a_recording_without_samples_is_an_empty_text(tmp_path: Path) -> None:
    with wyoming_server(tmp_path, FakeRecognizer(segments=[])) as (_, port):
        found = asyncio.run(answers(port, start(), AudioStop()))
    assert [event.type for event in found] == ["transcript-start", "transcript", "transcript-stop"]
    assert Transcript.from_event(found[1]).text == ""


def test_eight_clients_are_heard_at_the_same_time(tmp_path: Path) -> None:
    recognizer = FakeRecognizer(max_admitted=8)

    async def crowd(port: int) -> list[list[Event]]:
        return await asyncio.gather(*(answers(port, start(), chunk(), AudioStop()) for _ in range(8)))

    with wyoming_server(tmp_path, recognizer) as (_, port):
        texts = {Transcript.from_event(found[-2]).text for found in asyncio.run(crowd(port))}
    assert (texts, len(recognizer.requests)) == ({SPOKEN}, 8)


def test_without_a_recogniser_speech_is_described_alone_and_a_recording_is_refused(tmp_path: Path) -> None:
    with wyoming_server(tmp_path, None) as (_, port):
        (event,) = asyncio.run(answers(port, Describe(), last=Info))
        assert (Info.from_event(event).asr, len(Info.from_event(event).tts)) == ([], 1)
        for said in ([Transcribe()], [start()]):
            error = refused(port, *said)
            assert (error.code, error.text) == ("transcription_unavailable", HOW_TO_INSTALL)


@pytest.mark.parametrize(
    ("said", "code", "message"),
    [
        ([Transcribe(language="tlh")], "unsupported_language", "en, de"),
        ([Transcribe(name="whisper-huge")], "invalid_field", "fake-whisper"),
        ([Event(type="transcribe", data={"language": 5})], "invalid_field", "language"),
        ([Transcribe(language="x" * 41)], "invalid_field", "length"),
        ([Event(type="transcribe", data={"transcript_names": ["x" * 201]})], "invalid_field", "length"),
        ([start(rate=0)], "invalid_field", "rate"),
        ([start(rate=10**9)], "invalid_field", "rate"),
        ([start(width=0)], "invalid_field", "width"),
        ([start(width=8)], "invalid_field", "width"),
        ([start(channels=65)], "invalid_field", "channels"),
        ([Event(type="audio-start", data={})], "invalid_field", "rate"),
        ([Event(type="audio-start", data={"rate": "16000", "width": 2, "channels": 1})], "invalid_field", "rate"),
        ([start(), chunk(channels=0)], "invalid_field", "channels"),
        ([start(), start()], "invalid_field", "audio-stop"),
        ([chunk()], "invalid_field", "audio-start"),
        ([AudioStop()], "invalid_field", "audio-start"),
    ],
)
def test_a_bad_event_is_told_and_the_connection_closed(
    port: int, said: list[Eventable | Event], code: str, message: str
) -> None:
    error = refused(port, *said)
    assert error.code == code
    assert message in error.text


def test_a_recording_may_be_as_long_as_the_limit_and_no_longer(tmp_path: Path) -> None:
    with wyoming_server(tmp_path, FakeRecognizer(), max_recording_s=2.0) as (_, port):
        assert heard(port, start(), chunk(), chunk(), AudioStop()).text == SPOKEN
        error = refused(port, start(), chunk(), chunk(), chunk(bytes(2)))
    assert (error.code, "2 s" in error.text) == ("recording_too_long", True)


def test_the_limit_of_a_recording_is_five_minutes_at_most(port: int) -> None:
    at_8_khz = [chunk(bytes(8_000 * 60), 8_000, 1, 1)] * 5
    assert listening.MAX_RECORDING_S == 300
    assert heard(port, start(8_000, 1), *at_8_khz, AudioStop()).text == SPOKEN
    assert refused(port, start(8_000, 1), *at_8_khz, chunk(bytes(8_000), 8_000, 1)).code == "recording_too_long"


def test_a_full_recogniser_says_so_before_the_client_speaks(tmp_path: Path) -> None:
    with wyoming_server(tmp_path, FakeRecognizer(max_admitted=0)) as (_, port):
        for said in ([Transcribe()], [start()]):
            assert refused(port, *said).code == "queue_full"


def test_a_failure_in_the_middle_is_no_transcript(tmp_path: Path) -> None:
    with wyoming_server(tmp_path, FakeRecognizer(fails=EngineFailure("the model failed"))) as (_, port):
        found = asyncio.run(answers(port, start(), chunk(), AudioStop(), last=None))
    assert [event.type for event in found] == ["transcript-start", "transcript-chunk", "transcript-chunk", "error"]
    assert Error.from_event(found[-1]).code == "engine_failure"


def test_a_client_that_leaves_cancels_its_transcription(tmp_path: Path) -> None:
    recognizer = FakeRecognizer(waits=asyncio.Event())

    async def leave(port: int) -> None:
        async with client(port) as connected:
            for each in (start(), chunk(), AudioStop()):
                await connected.write_event(each.event())
            await until(connected, TranscriptChunk)

    with wyoming_server(tmp_path, recognizer) as (running, port):
        asyncio.run(leave(port))
        for _ in range(1000):
            if cast("bool", running.on_loop(lambda: recognizer.streams[0].is_closed)):
                break
        else:
            raise AssertionError("the transcription goes on")


def test_a_client_that_leaves_in_the_middle_of_its_recording_frees_its_place(tmp_path: Path) -> None:
    async def leave(port: int) -> None:
        async with client(port) as connected:
            await connected.write_event(start().event())
            await connected.write_event(chunk().event())

    with wyoming_server(tmp_path, FakeRecognizer(), max_sockets=1) as (_, port):
        for _ in range(200):
            asyncio.run(leave(port))
            found = asyncio.run(answers(port, start(), chunk(), AudioStop()))
            if TranscriptStop.is_type(found[-1].type):
                return
    raise AssertionError("its place is not free")


def test_a_client_that_is_still_speaking_reads_why_it_is_refused(tmp_path: Path) -> None:
    """A recording of seconds is on its way when the server closes the connection."""
    with wyoming_server(tmp_path, FakeRecognizer(max_admitted=0)) as (_, port):
        assert refused(port, start(), *[chunk()] * 60, AudioStop()).code == "queue_full"


def test_a_recording_without_an_end_is_told(tmp_path: Path) -> None:
    with wyoming_server(tmp_path, FakeRecognizer(), client_timeout_s=0.3) as (_, port):
        error = refused(port, start(), chunk())
    assert (error.code, "audio-stop" in error.text) == ("invalid_field", True)
