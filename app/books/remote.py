"""A running server that speaks a book: each segment is a request, tried again for as long as the server is away."""

import asyncio
import io
import time
import wave
from collections.abc import Awaitable, Callable, Mapping, Sequence
from urllib.parse import unquote

import httpx
import msgspec
import numpy as np

from app.audio.pcm import INT16_SCALE
from app.books.cast import Reader
from app.books.levels import VoiceLevels
from app.books.notes import Notes
from app.books.plan import Planned
from app.books.studio import Delivery, make_recipe, silence
from app.engine import scheduler
from app.engine.base import EngineInfo, Speaker
from app.engine.values import Samples
from app.errors import EngineFailure, InvalidField, UnknownSpeaker, UnsupportedLanguage, quoted
from app.text.languages import default_language, match_language, max_chars
from app.text.lexicon import FindLexicons, no_lexicons
from app.text.segments import Segment

SAMPLE_RATE_HZ = 24_000
CHARS_PER_S = 16.0
PATIENCE_S = 3600.0
"""The run ends when the server has not answered for so long."""
FIRST_WAIT_S, MAX_WAIT_S = 1.0, 60.0
MAX_FAILURES = 3
"""Answers 500 to one segment, before the run ends."""
OK, FAILED = 200, 500
BUSY = (429, 502, 503, 504)


class _Slots(msgspec.Struct):
    total: int


class _Queue(msgspec.Struct):
    limit: int


class _Health(msgspec.Struct):
    engine: str
    model: str
    languages: tuple[str, ...]
    slots: _Slots
    queue: _Queue
    identity: str | None = None
    precision: str | None = None
    vocoder_precision: str | None = None


class _Speakers(msgspec.Struct):
    speakers: tuple[Speaker, ...]


class _Error(msgspec.Struct):
    code: str
    message: str


class _ErrorBody(msgspec.Struct):
    error: _Error


class RemoteEngine:
    """The engine of a server, from its health. The server spells texts out."""

    def __init__(self, health: _Health) -> None:
        self.info = EngineInfo(
            name=health.engine,
            model=health.model,
            identity=health.identity,
            precision=health.precision,
            vocoder_precision=health.vocoder_precision,
            device="server",
            sample_rate_hz=SAMPLE_RATE_HZ,
            languages=health.languages,
            max_segment_chars={language: max_chars(language) for language in health.languages},
            can_clone=False,
            sampling_options=frozenset({"seed"}),
            max_slots=health.slots.total,
            max_queue=max(0, health.queue.limit - health.slots.total),
        )

    def prepare(
        self, segments: Sequence[Segment], language: str, find_lexicons: FindLexicons = no_lexicons
    ) -> tuple[scheduler.Sequence, ...]:
        """`find_lexicons` is not asked: the server has its own."""
        return tuple(
            scheduler.Sequence(
                segment=msgspec.structs.replace(segment, index=index),
                language=segment.language or language,
                spoken_text=segment.text,
                normal_s=len(segment.text) / CHARS_PER_S,
                has_sound=any(map(str.isalnum, segment.text)),
            )
            for index, segment in enumerate(segments)
        )


class RemoteStudio:
    """A Studio (app.books.studio). Made by `connect`; close it.

    say   called with a line for people
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        say: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._say = say
        self._clock = clock
        self._sleep = sleep
        self._heard_at_s = clock()
        self._is_waiting = False
        self._speakers: tuple[Speaker, ...] = ()
        self._engine: RemoteEngine | None = None

    async def connect(self) -> None:
        """Read what the server is. Raises InvalidField for an address that is no Chorus server, EngineFailure."""
        try:
            health = msgspec.json.decode((await self._ask("GET", "/health")).content, type=_Health)
            listed = msgspec.json.decode((await self._ask("GET", "/speakers")).content, type=_Speakers)
        except msgspec.MsgspecError as error:
            raise InvalidField(f"--server: {self._client.base_url} is no Chorus server: {error}") from error
        self._engine, self._speakers = RemoteEngine(health), listed.speakers

    @property
    def engine(self) -> RemoteEngine:
        assert self._engine is not None, "not connected"
        return self._engine

    def check_language(self, code: str) -> str:
        languages = self.engine.info.languages
        language = match_language(code, languages) if code else default_language(languages)
        if language is None:
            raise UnsupportedLanguage(
                f"the server's engine speaks {', '.join(languages)} only, not {quoted(code)}", param="language"
            )
        return language

    async def find_reader(self, name: str | None, delivery: Delivery, levels: VoiceLevels) -> Reader:
        """`levels` stays as it is: the server brings a voice to its level."""
        speaker = self._find_speaker(name)
        return Reader(make_recipe(self.engine.info, speaker.id, 1.0, delivery), no_lexicons)

    def is_cloned(self, voice: str) -> bool:
        return all(voice != speaker.id or speaker.source != "built-in" for speaker in self._speakers)

    async def decode(self, planned: Planned, seed: int) -> tuple[Samples, Notes]:
        """[samples] at SAMPLE_RATE_HZ. Waits while the server is busy or away, for up to PATIENCE_S."""
        recipe, sequence = planned.recipe, planned.sequence
        body = {
            "text": sequence.segment.text,
            "speaker_id": recipe.voice,
            "language": sequence.language,
            "speed": recipe.speed,
            "seed": seed,
            "markup": "plain",
            "format": "wav",
            "sample_rate": recipe.sample_rate_hz,
            "stream": False,
        }
        answer = await self._ask("POST", "/tts", body)
        warnings = answer.headers.get("X-Chorus-Warnings")
        notes = Notes(warnings=(unquote(warnings),) if warnings else ())
        if answer.status_code != OK:
            return silence(recipe), Notes(warnings=(_error(answer).message,))
        try:
            with wave.open(io.BytesIO(answer.content)) as file:
                rate_hz, steps = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2")
        except (wave.Error, EOFError, ValueError) as error:
            raise EngineFailure(f"{self._client.base_url} answered what is no WAV file: {error}") from error
        if rate_hz != recipe.sample_rate_hz:
            raise EngineFailure(f"{self._client.base_url} answered {rate_hz} Hz in place of {recipe.sample_rate_hz} Hz")
        return steps.astype(np.float32) / np.float32(INT16_SCALE), notes

    async def aclose(self) -> None:
        await self._client.aclose()

    def _find_speaker(self, name: str | None) -> Speaker:
        if name is None and self._speakers:
            return self._speakers[0]
        wanted = (name or "").casefold()
        for speaker in self._speakers:
            if speaker.id == name:
                return speaker
        found = [each for each in self._speakers if wanted in map(str.casefold, (each.name, *each.aliases))]
        if len(found) != 1:
            known = ", ".join(speaker.name for speaker in self._speakers[:20])
            raise UnknownSpeaker(f"the server has no one voice {quoted(name or '')}; it has {known}")
        return found[0]

    async def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> httpx.Response:
        """A 200, or a 400 for a text without anything to speak. Raises InvalidField for other refusals."""
        wait_s, num_failures = FIRST_WAIT_S, 0
        while True:
            try:
                answer = await self._client.request(method, path, json=body)
            except httpx.TransportError as error:
                reason, asked_s = f"no answer ({type(error).__name__})", 0.0
            else:
                status = answer.status_code
                if status == OK or (status < 500 and _error(answer).code == "nothing_to_speak"):
                    self._heard()
                    return answer
                reason, asked_s = _error(answer).message, _seconds(answer.headers.get("Retry-After"))
                num_failures += status == FAILED
                if status < 500 and status not in BUSY:
                    raise InvalidField(f"{self._client.base_url} refuses {path} ({status}): {reason}")
                if num_failures == MAX_FAILURES:
                    raise EngineFailure(f"{self._client.base_url} fails on {path}: {reason}; the same command goes on")
            await self._wait(reason, max(wait_s, asked_s))
            wait_s = min(2 * wait_s, MAX_WAIT_S)

    async def _wait(self, reason: str, seconds: float) -> None:
        if self._clock() - self._heard_at_s > PATIENCE_S:
            raise EngineFailure(
                f"{self._client.base_url} has not spoken for an hour: {reason}; the same command goes on"
            )
        if not self._is_waiting:
            self._is_waiting = True
            self._say(f"waiting for {self._client.base_url}: {reason}")
        await self._sleep(seconds)

    def _heard(self) -> None:
        self._heard_at_s = self._clock()
        if self._is_waiting:
            self._is_waiting = False
            self._say(f"{self._client.base_url} answers again")


def _error(answer: httpx.Response) -> _Error:
    try:
        return msgspec.json.decode(answer.content, type=_ErrorBody).error
    except msgspec.MsgspecError:
        return _Error("", answer.reason_phrase or str(answer.status_code))


def _seconds(retry_after: str | None) -> float:
    return min(float(retry_after), PATIENCE_S) if retry_after is not None and retry_after.isdecimal() else 0.0
