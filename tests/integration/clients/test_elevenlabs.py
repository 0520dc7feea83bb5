"""ElevenLabs' API through its own SDK (elevenlabs), over a real socket."""

import base64
import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
from elevenlabs import ElevenLabs, VoiceSettings
from elevenlabs.core.api_error import ApiError

from app.engine.embedded import EmbeddedEngine
from app.errors import EngineFailure
from app.settings import ApiKeys, Settings
from tests.support.fake_engine import FakeEngine
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.recordings import voice_like, wav
from tests.support.samples import sample_bytes
from tests.support.server import RunningServer, serve

TEXT = "The old grey house stood by the sea. Nothing more was said about it."
CONSENT = "Ada agreed to this on the third of May."


@contextlib.contextmanager
def client_of(server: RunningServer, prefix: str = "/elevenlabs", key: str = "none") -> Iterator[ElevenLabs]:
    with httpx.Client(timeout=60) as client:
        yield ElevenLabs(base_url=f"{server.url}{prefix}", api_key=key, httpx_client=client)


@pytest.fixture(scope="module")
def sdk(embedded_server: RunningServer) -> Iterator[ElevenLabs]:
    with client_of(embedded_server) as client:
        yield client


def seconds(audio: bytes, name: str) -> float:
    codec, rate, *_ = name.split("_")
    if codec in ("pcm", "ulaw", "alaw"):
        return len(audio) / int(rate) / (2 if codec == "pcm" else 1)
    with av.open(io.BytesIO(audio)) as file:
        assert file.streams.audio[0].rate == int(rate)
        return sum(frame.samples for frame in file.decode(audio=0)) / int(rate)


@pytest.mark.parametrize(
    "name", ["mp3_44100_128", "mp3_22050_32", "opus_48000_32", "wav_44100", "pcm_16000", "ulaw_8000", "alaw_8000"]
)
def test_every_output_format_is_heard_whole_and_streamed(sdk: ElevenLabs, name: Any) -> None:
    asked: dict[str, Any] = {"text": TEXT, "output_format": name, "seed": 1}
    whole = b"".join(sdk.text_to_speech.convert("heart", **asked))
    streamed = b"".join(sdk.text_to_speech.stream("heart", **asked))
    plain = b"".join(sdk.text_to_speech.convert("heart", **asked | {"output_format": "pcm_24000"}))
    length_s = len(plain) / 48_000
    assert abs(seconds(whole, name) - length_s) < 0.15
    assert sample_bytes(whole) == sample_bytes(streamed)


def test_the_bit_rate_is_that_of_the_name(sdk: ElevenLabs) -> None:
    sizes = [
        len(sample_bytes(b"".join(sdk.text_to_speech.convert("heart", text=TEXT, output_format=name, seed=1))))
        for name in ("mp3_44100_32", "mp3_44100_64", "mp3_44100_128")
    ]
    assert np.allclose(np.array(sizes[1:]) / sizes[:-1], 2, atol=0.05)


def test_a_speed_is_heard(sdk: ElevenLabs) -> None:
    lengths = [
        len(
            b"".join(
                sdk.text_to_speech.convert(
                    "heart", text=TEXT, output_format="pcm_24000", voice_settings=VoiceSettings(speed=speed)
                )
            )
        )
        for speed in (0.7, 1.2)
    ]
    assert 1.4 < lengths[0] / lengths[1] < 2


def test_characters_are_timed_to_the_end_of_the_audio(sdk: ElevenLabs) -> None:
    timed = sdk.text_to_speech.convert_with_timestamps("heart", text=TEXT, output_format="pcm_24000", seed=1)
    audio = base64.b64decode(timed.audio_base_64)
    assert timed.alignment is not None
    assert "".join(timed.alignment.characters) == TEXT
    assert abs(timed.alignment.character_end_times_seconds[-1] - len(audio) / 48_000) < 0.05
    streamed, characters = b"", ""
    for chunk in sdk.text_to_speech.stream_with_timestamps("heart", text=TEXT, output_format="pcm_24000", seed=1):
        streamed += base64.b64decode(chunk.audio_base_64)
        characters += "".join(chunk.alignment.characters) if chunk.alignment else ""
    assert (sample_bytes(streamed), characters) == (sample_bytes(audio), TEXT)


@pytest.fixture(scope="module")
def timing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with a recogniser, which shares the time of a segment among its words equally."""
    settings = Settings(data=tmp_path_factory.mktemp("data"))
    with serve(settings, EmbeddedEngine, make_recognizer=FakeRecognizer) as server:
        yield server


def word_starts(alignment: Any) -> list[float]:
    """Times of the first characters of words."""
    chars, starts = alignment.characters, alignment.character_start_times_seconds
    return [start for before, char, start in zip([" ", *chars], chars, starts, strict=False) if char != " " == before]


@pytest.mark.slow
def test_characters_have_the_times_of_words_on_a_server_with_a_recogniser(timing: RunningServer) -> None:
    asked: dict[str, Any] = {"text": TEXT, "output_format": "pcm_24000", "seed": 1}
    with client_of(timing) as sdk:
        timed = sdk.text_to_speech.convert_with_timestamps("heart", **asked)
        chunks = [*sdk.text_to_speech.stream_with_timestamps("heart", **asked)]
    assert timed.alignment is not None
    assert "".join(timed.alignment.characters) == TEXT
    with timing.client() as client:
        body = {"text": TEXT, "speaker_id": "heart", "seed": 1, "timestamps": "word"}
        spoken = client.post("/tts", json=body).json()["words"]
    starts = [word["start_s"] for segment in spoken for word in segment["words"]]
    assert np.allclose(word_starts(timed.alignment), starts, atol=0.05)
    streamed = [start for chunk in chunks if chunk.alignment for start in word_starts(chunk.alignment)]
    assert np.allclose(streamed, word_starts(timed.alignment), atol=0.002)


@pytest.mark.slow
def test_a_recogniser_that_fails_costs_nothing_but_the_times_of_words(tmp_path: Path) -> None:
    def failing() -> FakeRecognizer:
        return FakeRecognizer(fails=EngineFailure("the model has crashed"))

    asked: dict[str, Any] = {"text": TEXT, "output_format": "pcm_24000", "seed": 1}
    with serve(Settings(data=tmp_path), EmbeddedEngine, make_recognizer=failing) as server, client_of(server) as sdk:
        timed = sdk.text_to_speech.convert_with_timestamps("heart", **asked)
        assert timed.alignment is not None
        assert "".join(timed.alignment.characters) == TEXT
        chunks = sdk.text_to_speech.stream_with_timestamps("heart", **asked)
        assert "".join(char for chunk in chunks if chunk.alignment for char in chunk.alignment.characters) == TEXT


@pytest.mark.filterwarnings(
    r"ignore:ConnectionClosed\.(code|reason) is deprecated:DeprecationWarning"
)  # the SDK reads it
def test_text_in_pieces_is_spoken(embedded_server: RunningServer, sdk: ElevenLabs) -> None:
    sdk.text_to_speech._ws_base_url = f"{embedded_server.url.replace('http', 'ws')}/elevenlabs"  # else TLS
    words = (f"{word} " for word in TEXT.split())
    audio = b"".join(sdk.text_to_speech.convert_realtime("heart", text=words, output_format="pcm_24000"))
    whole = b"".join(sdk.text_to_speech.convert("heart", text=TEXT, output_format="pcm_24000"))
    assert abs(len(audio) - len(whole)) / 48_000 < 0.3
    with pytest.raises(ApiError, match="no speaker 'hibari'"):
        list(sdk.text_to_speech.convert_realtime("hibari", text=iter(["Hello. "])))


def test_voices_models_and_user_are_listed(sdk: ElevenLabs) -> None:
    assert [voice.voice_id for voice in sdk.voices.get_all().voices] == ["heart"]
    page = sdk.voices.search(search="HEA", page_size=5)
    assert ([voice.name for voice in page.voices], page.has_more) == (["Heart"], False)
    assert sdk.voices.get("heart").category == "premade"
    [model] = sdk.models.list()
    assert model.can_do_text_to_speech
    assert [language.language_id for language in model.languages or []] == ["en"]
    assert sdk.user.get().subscription.character_count == 0


def test_the_root_serves_what_has_no_other_meaning_there(embedded_server: RunningServer) -> None:
    with client_of(embedded_server, prefix="") as sdk:
        assert b"".join(sdk.text_to_speech.stream("heart", text="Hello.", output_format="pcm_16000"))
        assert sdk.voices.search().total_count == 1
        assert sdk.voices.get("heart").name == "Heart"
        assert sdk.user.get().is_new_user is False


def test_a_voice_is_cloned_spoken_with_and_deleted(fake_server: RunningServer) -> None:
    with client_of(fake_server) as sdk:
        added = sdk.voices.ivc.create(name="Ada", files=[wav(voice_like(3.0))], description=CONSENT)
        assert not added.requires_verification
        assert sdk.voices.get(added.voice_id).category == "cloned"
        assert b"".join(sdk.text_to_speech.convert(added.voice_id, text="Hello there.", output_format="pcm_16000"))
        sdk.voices.delete(added.voice_id)
        with pytest.raises(ApiError):
            sdk.voices.get(added.voice_id)


CALLS: dict[str, tuple[Callable[[ElevenLabs], Any], int, str, str | None]] = {
    "voice": (lambda sdk: list(sdk.text_to_speech.convert("hibari", text="x")), 404, "voice_not_found", "voice_id"),
    "format": (
        lambda sdk: list(sdk.text_to_speech.stream("heart", text="x", output_format="mp3_1_1")),
        400,
        "invalid_parameters",
        "output_format",
    ),
    "language": (
        lambda sdk: list(sdk.text_to_speech.convert("heart", text="x", language_code="tlh")),
        400,
        "unsupported_language",
        "language_code",
    ),
    "text": (
        lambda sdk: sdk.text_to_speech.convert_with_timestamps("heart", text="x" * 5001),
        413,
        "max_character_limit_exceeded",
        "text",
    ),
    "clone": (
        lambda sdk: sdk.voices.ivc.create(
            name="Ada",
            files=[wav(voice_like(3.0))],
            description=CONSENT,
            request_options={"max_retries": 0},  # the SDK sends a retry without the fields
        ),
        501,
        "cloning_unavailable",
        None,
    ),
    "consent": (
        lambda sdk: sdk.voices.ivc.create(name="Ada", files=[wav(voice_like(3.0))]),
        400,
        "invalid_parameters",
        "description",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_an_error_has_their_form_and_names_their_field(sdk: ElevenLabs, name: str) -> None:
    call, status, kind, param = CALLS[name]
    with pytest.raises(ApiError) as refused:
        call(sdk)
    assert refused.value.status_code == status
    detail = refused.value.body["detail"]
    assert (detail["status"], detail["param"]) == (kind, param)


def test_a_wrong_key_is_told_in_their_form(tmp_path: Path) -> None:
    with serve(Settings(data=tmp_path, api_keys=ApiKeys("secret")), FakeEngine) as server:
        with client_of(server, key="secret") as sdk:
            assert sdk.user.get().user_id == "#1"
        with client_of(server, key="wrong") as sdk, pytest.raises(ApiError) as refused:
            sdk.voices.get_all()
    assert refused.value.status_code == 401
    assert refused.value.body["detail"]["status"] == "invalid_api_key"


def test_fields_without_effect_are_reported(embedded_server: RunningServer) -> None:
    body = {"text": "Hello.", "previous_text": "Well.", "voice_settings": {"stability": 0.5, "speed": 3}}
    with embedded_server.client() as client:
        answer = client.post("/v1/text-to-speech/heart", json=body)
    warnings = answer.headers["X-Chorus-Warnings"]
    for part in ("previous_text has no effect", "voice_settings.stability has no effect", "speed 3 is beyond"):
        assert part in warnings
