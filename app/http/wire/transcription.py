"""Wire schemas of `POST /transcribe`."""

from typing import Annotated

import msgspec
from msgspec import Meta

from app.asr.base import Task
from app.speech.request import LanguageCode
from app.transcription.formats import TranscribedSegment, TranscribedWord
from app.transcription.request import Prompt, Temperature, TranscriptionOptions


class TranscribeForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The fields of `POST /transcribe` beside the recording: of the form, or of the query."""

    language: Annotated[
        LanguageCode, Meta(description="A code or its English name, such as `de`; empty: detected", examples=["de"])
    ] = ""
    task: Annotated[Task, Meta(description="`translate` gives English text")] = "transcribe"
    prompt: Prompt = ""
    temperature: Temperature = 0.0
    words: Annotated[bool, Meta(description="Times of words, which cost a little more time")] = True
    stream: Annotated[bool, Meta(description="Send server-sent events while the rest is recognised")] = False

    def options(self) -> TranscriptionOptions:
        return TranscriptionOptions(
            task=self.task,
            language=self.language,
            prompt=self.prompt,
            temperature=self.temperature,
            words=self.words,
        )


class TranscribeUpload(TranscribeForm, kw_only=True, forbid_unknown_fields=True):
    """`POST /transcribe` as a form."""

    file: Annotated[
        str,
        Meta(
            description="A recording in any format that FFmpeg reads, or a video with sound",
            extra_json_schema={"format": "binary"},
        ),
    ]


class SegmentEvent(TranscribedSegment, frozen=True, kw_only=True):
    """`segment`: one more, with its words."""

    words: tuple[TranscribedWord, ...]


class ProgressEvent(msgspec.Struct, frozen=True, kw_only=True):
    """`progress`: everything before `until_s` is transcribed."""

    until_s: float
    duration_s: float
    """of the whole recording"""


class DoneEvent(msgspec.Struct, frozen=True, kw_only=True):
    """`done`, the last event."""

    text: str
    """of all segments"""
    language: str | None
    """a code; null where nothing is said"""
    duration_s: float
    warnings: tuple[str, ...]
