"""OpenAI's transcription API as its SDKs (openai-python 3.54) speak it, and its answers.

Fields of OpenAI that have no effect here (`include`, `chunking_strategy`, `keywords`, ...) are taken and reported.
"""

import math
from collections.abc import Iterable
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from app.asr.base import RecognizerInfo, Task
from app.errors import InvalidField
from app.http.dialects.openai import check_model
from app.speech.request import MAX_ID_CHARS, LanguageCode
from app.transcription.request import Prompt, Temperature, TranscriptionOptions, language_name
from app.transcription.transcript import Transcript

TRANSCRIPTION_MODELS = (
    "chorus",
    "whisper-1",
    "gpt-transcribe",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    "gpt-4o-mini-transcribe-2025-12-15",
)
"""All are the one loaded recogniser, for clients that accept certain names only."""
LIST_FIELDS = frozenset(
    ["timestamp_granularities", "include", "keywords", "languages", "known_speaker_names", "known_speaker_references"]
)
FIELD_NAMES = {"reference_audio": "file"}
"""Our name of a field -> OpenAI's."""
TRANSLATION_FIELD_NAMES = FIELD_NAMES | {"task": "model"}
UNKNOWN_LANGUAGE = "unknown"
"""The language of a recording without speech: OpenAI's type has no null."""
ENCODER_POSITIONS_PER_S = 50

TranscriptFormat = Literal["json", "text", "srt", "verbose_json", "vtt"]
FORMATS: tuple[str, ...] = get_args(TranscriptFormat)
Granularity = Literal["word", "segment"]

RecordingFile = Annotated[
    str,
    Meta(
        description="A recording in any format that FFmpeg reads, or a video with sound",
        extra_json_schema={"format": "binary"},
    ),
]


class OpenAITranslationForm(msgspec.Struct, kw_only=True):
    """The fields of `POST /v1/audio/translations` beside `file`."""

    model: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=MAX_ID_CHARS,
            description="`whisper-1` and other names of OpenAI, or the name of the loaded model: all mean that model",
        ),
    ]
    prompt: Prompt | None = None
    response_format: TranscriptFormat | None = None
    temperature: Temperature | None = None

    @property
    def format(self) -> TranscriptFormat:
        return self.response_format or "json"

    def options(
        self, task: Task, unknown: Iterable[str], *, language: str = "", words: bool = False
    ) -> TranscriptionOptions:
        """`unknown` names fields that were sent and have no meaning here."""
        return TranscriptionOptions(
            task=task,
            language=language,
            prompt=self.prompt or "",
            temperature=self.temperature or 0.0,
            words=words,
            warnings=tuple(f"{name} has no effect on this server" for name in unknown),
        )


class OpenAITranscriptionForm(OpenAITranslationForm, kw_only=True):
    """The fields of `POST /v1/audio/transcriptions` beside `file`."""

    language: Annotated[
        LanguageCode | None, Meta(description="Such as `de`; without one it is detected", examples=["de"])
    ] = None
    timestamp_granularities: Annotated[
        list[Granularity],
        Meta(
            max_length=10, description="`word`, which needs `verbose_json`, `segment` or both; also with `[]` behind it"
        ),
    ] = msgspec.field(default_factory=lambda: list[Granularity]())
    include: Annotated[
        list[Literal["logprobs"]],
        Meta(max_length=10, description="Accepted and reported as without effect. Also with `[]` behind it"),
    ] = msgspec.field(default_factory=lambda: list[Literal["logprobs"]]())
    stream: Annotated[
        bool, Meta(description="Send the text while the rest is recognised, as server-sent events; `json` or `text`")
    ] = False

    def check(self) -> None:
        """Raises InvalidField."""
        if "word" in self.timestamp_granularities and self.format != "verbose_json":
            raise InvalidField(
                "timestamp_granularities: `word` needs response_format=verbose_json", param="timestamp_granularities"
            )
        if self.stream and self.format not in ("json", "text"):
            raise InvalidField(f"stream: events carry text only; leave stream out for {self.format}", param="stream")

    @property
    def granularities(self) -> frozenset[Granularity]:
        return frozenset(self.timestamp_granularities or ("segment",))


class OpenAITranscriptionUpload(OpenAITranscriptionForm, kw_only=True):
    """`POST /v1/audio/transcriptions`."""

    file: RecordingFile


class OpenAITranslationUpload(OpenAITranslationForm, kw_only=True):
    """`POST /v1/audio/translations`."""

    file: RecordingFile


def check_transcription_model(name: str, info: RecognizerInfo) -> None:
    """Raises UnknownModel."""
    if name != info.model:
        check_model(name, known_models(info))


def known_models(info: RecognizerInfo) -> tuple[str, ...]:
    """Names that `model` may be. Of an id of a hub the last part: a model of the list has an address of its own."""
    return (*TRANSCRIPTION_MODELS, info.model.rpartition("/")[2])


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
