"""Messages of `WS /ws/tts`: JSON in text frames, audio in binary frames. For users: docs/websocket.md."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.asr.verdict import Fault
from app.audio.formats import AudioFormat, OutputFormat, SampleRate
from app.audio.provenance import Provenance
from app.http.live.json_socket import Failed
from app.http.wire.schemas import SamplingOptions
from app.speech.events import CheckOutcome, SpokenWord
from app.speech.request import LanguageCode, SpeakerId, Speed


class Start(SamplingOptions, kw_only=True, tag="start", forbid_unknown_fields=True):
    """The first message. `api_key` is for callers that cannot send headers, such as browsers."""

    speaker_id: SpeakerId | None = None
    language: LanguageCode = ""
    markup: Literal["auto", "plain", "markdown"] = "auto"
    """SSML is a document, which cannot be read in pieces"""
    speed: Speed = 1.0
    timestamps: Literal["segment", "word"] = "segment"
    """`word` adds the message `words`"""
    format: AudioFormat = AudioFormat.PCM
    sample_rate: SampleRate | None = None
    api_key: Annotated[str, Meta(max_length=4096)] | None = None

    @property
    def output(self) -> OutputFormat:
        """Raises UnsupportedSampleRate."""
        return OutputFormat(self.format, self.sample_rate)


class Text(msgspec.Struct, kw_only=True, tag="text", forbid_unknown_fields=True):
    """A piece of text of any length."""

    text: Annotated[str, Meta(description="Spoken as soon as its sentence is whole")]


class Flush(msgspec.Struct, tag="flush", forbid_unknown_fields=True):
    """Speak an unfinished sentence too."""


class Cancel(msgspec.Struct, tag="cancel", forbid_unknown_fields=True):
    """Barge-in: drop what is not spoken yet."""


class End(msgspec.Struct, tag="end", forbid_unknown_fields=True):
    """No more text: speak the rest and close."""


Message = Start | Text | Flush | Cancel | End


class Started(msgspec.Struct, kw_only=True, tag="started"):
    request_id: str
    engine: str
    format: AudioFormat
    media_type: str
    sample_rate_hz: int
    seed: int
    max_pending_chars: int
    """characters that may wait before `pause`"""
    provenance: Provenance | None = None
    """of all audio; null where CHORUS_MARKS is off"""


class SegmentStarted(msgspec.Struct, kw_only=True, tag="segment_started"):
    index: int
    text: str
    start_s: float


class SegmentEnded(msgspec.Struct, kw_only=True, tag="segment_ended"):
    index: int
    text: str
    start_s: float
    end_s: float


class Words(msgspec.Struct, kw_only=True, tag="words"):
    """The words of a segment, some time after `segment_ended`."""

    index: int
    words: tuple[SpokenWord, ...]


class Checked(msgspec.Struct, kw_only=True, tag="checked"):
    """The verdict of a segment, some time after `segment_ended`."""

    index: int
    verdict: CheckOutcome
    reason: str
    faults: tuple[Fault, ...]
    """seconds from the conversation's first sample"""
    num_attempts: int


class Warned(msgspec.Struct, kw_only=True, tag="warning"):
    """Something that was asked for is not heard; the conversation goes on."""

    message: str


class Pause(msgspec.Struct, kw_only=True, tag="pause"):
    """More than `max_pending_chars` wait: write no more until `resume`."""


class Resume(msgspec.Struct, kw_only=True, tag="resume"):
    """There is room again."""


class Flushed(msgspec.Struct, kw_only=True, tag="flushed"):
    """All audio of the text before `flush` has been sent."""

    audio_s: float


class Cancelled(msgspec.Struct, kw_only=True, tag="cancelled"):
    """No audio of the text before `cancel` follows."""

    audio_s: float


class Done(msgspec.Struct, kw_only=True, tag="done"):
    audio_s: float


ServerMessage = (
    Started
    | SegmentStarted
    | SegmentEnded
    | Words
    | Checked
    | Warned
    | Pause
    | Resume
    | Flushed
    | Cancelled
    | Done
    | Failed
)
