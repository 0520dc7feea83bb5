"""Messages of `WS /ws/transcribe`: JSON in text frames; the client's binary frames are audio. For users:
docs/websocket.md."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.asr.base import Task
from app.audio.pcm_stream import RateHz
from app.http.live.json_socket import Failed
from app.speech.request import LanguageCode
from app.transcription.request import Prompt, TranscriptionOptions


class Start(msgspec.Struct, kw_only=True, tag="start", forbid_unknown_fields=True):
    """The first message. `api_key` is for callers that cannot send headers, such as browsers."""

    format: Literal["pcm16", "opus"] = "pcm16"
    """`pcm16`: 16 bit, little-endian, mono; `opus`: in WebM or Ogg"""
    sample_rate_hz: RateHz = 16_000
    """of `pcm16`"""
    language: LanguageCode = ""
    task: Task = "transcribe"
    prompt: Prompt = ""
    words: bool = False
    """times of words in `final`"""
    partials: bool = True
    silence_ms: Annotated[int, Meta(ge=200, le=5000)] = 500
    """that ends an utterance"""
    api_key: Annotated[str, Meta(max_length=4096)] | None = None

    def options(self) -> TranscriptionOptions:
        return TranscriptionOptions(task=self.task, language=self.language, prompt=self.prompt, words=self.words)


class Flush(msgspec.Struct, tag="flush", forbid_unknown_fields=True):
    """End the utterance that is being spoken."""


class End(msgspec.Struct, tag="end", forbid_unknown_fields=True):
    """No more audio: transcribe the rest and close."""


Message = Start | Flush | End


class Started(msgspec.Struct, kw_only=True, tag="started"):
    request_id: str
    model: str
    format: str
    sample_rate_hz: int
    silence_ms: int


class SpeechStarted(msgspec.Struct, kw_only=True, tag="speech_started"):
    index: int
    start_s: float


class Partial(msgspec.Struct, kw_only=True, tag="partial"):
    """The text so far; it replaces the one before."""

    index: int
    start_s: float
    end_s: float
    text: str


class SpokenWord(msgspec.Struct, kw_only=True):
    text: str
    start_s: float
    end_s: float
    probability: float


class Final(msgspec.Struct, kw_only=True, tag="final"):
    index: int
    start_s: float
    end_s: float
    text: str
    language: str | None
    words: list[SpokenWord]


class Flushed(msgspec.Struct, kw_only=True, tag="flushed"):
    """The final texts of all audio before `flush` have been sent."""

    audio_s: float


class Done(msgspec.Struct, kw_only=True, tag="done"):
    audio_s: float


ServerMessage = Started | SpeechStarted | Partial | Final | Flushed | Done | Failed
