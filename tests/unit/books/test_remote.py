"""A server that speaks a book: what it is asked, and what is done while it is busy or away."""

import asyncio
import io
import wave
from collections.abc import Sequence

import httpx
import msgspec
import numpy as np
import pytest

from app.books.levels import VoiceLevels
from app.books.notes import Notes
from app.books.plan import plan_block
from app.books.remote import PATIENCE_S, RemoteStudio
from app.books.studio import Delivery
from app.engine.values import Samples
from app.errors import ChorusError, EngineFailure, InvalidField, UnknownSpeaker, UnsupportedLanguage
from tests.support.clock import Clock

HEALTH = {
    "status": "ok",
    "engine": "xtts",
    "model": "XTTS",
    "identity": "abc",
    "precision": "int8",
    "languages": ["en", "de", "zh-cn"],
    "slots": {"busy": 0, "total": 8},
    "queue": {"admitted": 0, "waiting": 0, "limit": 72},
}
SPEAKERS = {
    "speakers": [
        {"id": "ana", "name": "Ana Florence", "languages": ["en"], "source": "built-in", "aliases": ["nova"]},
        {"id": "ben", "name": "Ben", "languages": ["en"], "source": "saved"},
        {"id": "two", "name": "Twin", "languages": ["en"], "source": "saved"},
        {"id": "three", "name": "twin", "languages": ["en"], "source": "saved"},
    ]
}
SAMPLES = np.arange(-1_000, 1_000, dtype="<i2")


def wav(rate_hz: int = 24_000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, rate_hz, 0, "NONE", ""))
        writer.writeframes(SAMPLES.tobytes())
    return file.getvalue()


def refusal(status: int, code: str, message: str, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": code, "message": message}}, headers=headers)


class Server:
    """Answers /tts with `answers` one after the other, and keeps what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.bodies: list[dict[str, object]] = []
        self.waits: list[float] = []
        self.said: list[str] = []
        self._clock = Clock()

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json=HEALTH if request.url.path == "/health" else SPEAKERS)
        self.bodies.append(msgspec.json.decode(request.content))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def studio(self) -> RemoteStudio:
        client = httpx.AsyncClient(base_url="http://server", transport=httpx.MockTransport(self.answer))
        studio = RemoteStudio(client, self.said.append, clock=self._clock, sleep=self._sleep)
        await studio.connect()
        return studio

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._clock.now_s += seconds


def decode(server: Server, text: str = "One bell rang here.") -> tuple[Samples, Notes]:
    async def scenario() -> tuple[Samples, Notes]:
        studio = await server.studio()
        reader = await studio.find_reader("nova", Delivery(speed=1.5, seed=3), VoiceLevels())
        block = plan_block(studio.engine, text, "en", reader.find_lexicons, reader.recipe)
        try:
            return await studio.decode(block.segments[0], 7)
        finally:
            await studio.aclose()

    return asyncio.run(scenario())


def test_a_segment_is_one_request_for_a_whole_wav_with_its_own_seed() -> None:
    server = Server(httpx.Response(200, content=wav()))
    samples, notes = decode(server)
    assert np.array_equal(samples, SAMPLES.astype(np.float32) / 32_768)
    assert notes == Notes()
    assert server.bodies == [
        {
            "text": "One bell rang here.",
            "speaker_id": "ana",
            "language": "en",
            "speed": 1.5,
            "seed": 7,
            "markup": "plain",
            "format": "wav",
            "sample_rate": 24_000,
            "stream": False,
        }
    ]
    assert (server.waits, server.said) == ([], [])


def test_a_busy_server_is_asked_again_when_it_says_so() -> None:
    full = refusal(503, "queue_full", "full", **{"Retry-After": "7"})
    limited = refusal(429, "rate_limit_exceeded", "slow down", **{"Retry-After": "1"})
    server = Server(full, limited, httpx.Response(502, text="<html>"), httpx.Response(200, content=wav()))
    decode(server)
    assert server.waits == [7.0, 2.0, 4.0]
    assert server.said == ["waiting for http://server: full", "http://server answers again"]


def test_a_server_that_is_away_is_waited_for_until_patience_ends() -> None:
    away = httpx.ConnectError("refused")
    server = Server(away, httpx.ReadError("cut"), httpx.Response(200, content=wav()))
    decode(server)
    assert server.waits == [1.0, 2.0]
    server = Server(away)
    with pytest.raises(EngineFailure, match=r"no answer \(ConnectError\); the same command goes on"):
        decode(server)
    assert PATIENCE_S < sum(server.waits) < PATIENCE_S + 130


def test_a_server_that_fails_three_times_on_one_segment_ends_the_run() -> None:
    broken = refusal(500, "engine_failure", "out of memory")
    server = Server(broken, broken, httpx.Response(200, content=wav()))
    decode(server)
    with pytest.raises(EngineFailure, match="out of memory; the same command goes on"):
        decode(Server(broken))


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (refusal(401, "invalid_api_key", "no such key"), InvalidField, r"refuses /tts \(401\): no such key"),
        (refusal(400, "invalid_field", "speed: too fast"), InvalidField, "speed: too fast"),
        (httpx.Response(404, text="gone"), InvalidField, r"refuses /tts \(404\): Not Found"),
        (httpx.Response(200, text="<html>"), EngineFailure, "no WAV file"),
        (httpx.Response(200, content=wav(8_000)), EngineFailure, "8000 Hz in place of 24000 Hz"),
    ],
)
def test_what_no_retry_helps_against_ends_the_run(answer: httpx.Response, error: type[ChorusError], says: str) -> None:
    server = Server(answer)
    with pytest.raises(error, match=says):
        decode(server)
    assert server.waits == []


def test_a_segment_without_sound_is_silence_with_a_note() -> None:
    samples, notes = decode(Server(refusal(400, "nothing_to_speak", "no sound came for 'Hm'")))
    assert not samples.any()
    assert notes.warnings == ("no sound came for 'Hm'",)


def test_warnings_of_the_server_are_notes() -> None:
    warned = httpx.Response(200, content=wav(), headers={"X-Chorus-Warnings": "not spoken: %E4%B8%96"})
    assert decode(Server(warned))[1].warnings == ("not spoken: 世",)


@pytest.mark.parametrize(
    ("name", "id"), [(None, "ana"), ("ben", "ben"), ("ANA florence", "ana"), ("Nova", "ana"), ("two", "two")]
)
def test_voices_are_found_by_id_name_and_alias(name: str | None, id: str) -> None:
    async def scenario() -> str:
        studio = await Server().studio()
        return (await studio.find_reader(name, Delivery(speed=1.0, seed=0), VoiceLevels())).recipe.voice

    assert asyncio.run(scenario()) == id


@pytest.mark.parametrize("name", ["Twin", "Carl"])
def test_an_unknown_or_ambiguous_voice_is_refused(name: str) -> None:
    async def scenario() -> None:
        await (await Server().studio()).find_reader(name, Delivery(speed=1.0, seed=0), VoiceLevels())

    with pytest.raises(UnknownSpeaker, match=f"no one voice '{name}'; it has Ana Florence"):
        asyncio.run(scenario())


def test_the_recipe_names_the_weights_and_the_languages_are_those_of_the_server() -> None:
    async def scenario() -> tuple[str, str | None, Sequence[str]]:
        studio = await Server().studio()
        recipe = (await studio.find_reader(None, Delivery(speed=1.0, seed=0), VoiceLevels())).recipe
        with pytest.raises(UnsupportedLanguage, match="speaks en, de, zh-cn only, not 'fi'"):
            studio.check_language("fi")
        return recipe.model, recipe.precision, [studio.check_language(code) for code in ("", "de-AT", "zh")]

    assert asyncio.run(scenario()) == ("abc", "int8", ["en", "de", "zh-cn"])


def test_an_address_that_is_no_chorus_server_says_so() -> None:
    async def scenario() -> None:
        client = httpx.AsyncClient(
            base_url="http://server", transport=httpx.MockTransport(lambda request: httpx.Response(200, json={}))
        )
        await RemoteStudio(client, lambda line: None).connect()

    with pytest.raises(InvalidField, match="http://server is no Chorus server"):
        asyncio.run(scenario())
