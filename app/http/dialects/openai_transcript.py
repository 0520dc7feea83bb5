"""Answers of OpenAI's transcription API: `json`, `verbose_json` and the events of a stream."""

import math
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.asr.base import Task
from app.http.dialects.openai_transcription import Granularity
from app.transcription.request import language_name
from app.transcription.transcript import Transcript

UNKNOWN_LANGUAGE = "unknown"
"""The language of a recording without speech: OpenAI's type has no null."""
ENCODER_POSITIONS_PER_S = 50


class DurationUsage(msgspec.Struct, frozen=True, kw_only=True):
    seconds: int
    """of the recording, rounded up"""
    type: Literal["duration"] = "duration"


class VerboseSegment(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    seek: int
    """start in hundredths of a second"""
    start: float
    end: float
    text: str
    tokens: tuple[int, ...]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float


class VerboseWord(msgspec.Struct, frozen=True, kw_only=True):
    word: str
    start: float
    end: float


class OpenAITranscript(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`json` has `text` and `usage` only."""

    text: str
    task: Task | None = None
    language: Annotated[str | None, Meta(description="In English and lower case, such as `german`")] = None
    duration: Annotated[float | None, Meta(description="Seconds of the recording")] = None
    segments: tuple[VerboseSegment, ...] | None = None
    """with the granularity `segment`"""
    words: tuple[VerboseWord, ...] | None = None
    """with the granularity `word`"""
    usage: DurationUsage


class TokenDetails(msgspec.Struct, frozen=True, kw_only=True):
    audio_tokens: int
    text_tokens: int = 0


class TokenUsage(msgspec.Struct, frozen=True, kw_only=True):
    """`input_tokens`: positions of Whisper's encoder, 20 ms each. `output_tokens`: tokens of the text."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_token_details: TokenDetails
    type: Literal["tokens"] = "tokens"


class TextDelta(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="transcript.text.delta"):
    """The next piece of the text: all pieces together are the text of TextDone."""

    delta: str


class TextDone(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="transcript.text.done"):
    """The whole text."""

    text: str
    usage: TokenUsage


def to_json(transcript: Transcript) -> OpenAITranscript:
    return OpenAITranscript(text=transcript.text, usage=_usage(transcript))


def to_verbose(transcript: Transcript, task: Task, granularities: frozenset[Granularity]) -> OpenAITranscript:
    """`verbose_json`. A translation is in English, whatever was spoken."""
    language = "en" if task == "translate" else transcript.language
    return OpenAITranscript(
        task=task,
        language=UNKNOWN_LANGUAGE if language is None else language_name(language),
        duration=round(transcript.duration_s, 3),
        text=transcript.text,
        segments=_segments(transcript) if "segment" in granularities else None,
        words=_words(transcript) if "word" in granularities else None,
        usage=_usage(transcript),
    )


def to_done(transcript: Transcript) -> TextDone:
    audio = math.ceil(transcript.duration_s * ENCODER_POSITIONS_PER_S)
    text = sum(len(segment.tokens) for segment in transcript.segments)
    return TextDone(
        text=transcript.text,
        usage=TokenUsage(
            input_tokens=audio,
            output_tokens=text,
            total_tokens=audio + text,
            input_token_details=TokenDetails(audio_tokens=audio),
        ),
    )


def _segments(transcript: Transcript) -> tuple[VerboseSegment, ...]:
    return tuple(
        VerboseSegment(
            id=segment.index,
            seek=round(segment.start_s * 100),
            start=round(segment.start_s, 3),
            end=round(segment.end_s, 3),
            text=segment.text,
            tokens=segment.tokens,
            temperature=segment.temperature,
            avg_logprob=segment.avg_logprob,
            compression_ratio=segment.compression_ratio,
            no_speech_prob=segment.no_speech_prob,
        )
        for segment in transcript.segments
    )


def _words(transcript: Transcript) -> tuple[VerboseWord, ...]:
    return tuple(
        VerboseWord(word=word.text.strip(), start=round(word.start_s, 3), end=round(word.end_s, 3))
        for word in transcript.words
    )


def _usage(transcript: Transcript) -> DurationUsage:
    return DurationUsage(seconds=math.ceil(transcript.duration_s))
