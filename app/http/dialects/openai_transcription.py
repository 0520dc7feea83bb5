"""Requests of OpenAI's transcription API as its SDKs (openai-python 3.54) speak it.

Fields of OpenAI that have no effect here (`include`, `chunking_strategy`, `keywords`, ...) are taken and reported.
"""

from collections.abc import Iterable
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from app.asr.base import RecognizerInfo, Task
from app.errors import InvalidField
from app.http.dialects.openai import check_model
from app.setting_values import Names
from app.speech.request import MAX_ID_CHARS, LanguageCode
from app.transcription.request import Prompt, Temperature, TranscriptionOptions

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


def check_transcription_model(name: str, info: RecognizerInfo, further: Names) -> None:
    """`further` as in CHORUS_MODEL_NAMES. Raises UnknownModel."""
    if name != info.model:
        check_model(name, (*known_models(info), *further.values), takes_any=further.is_any)


def known_models(info: RecognizerInfo) -> tuple[str, ...]:
    """Names that `model` may be. Of an id of a hub the last part: a model of the list has an address of its own."""
    return (*TRANSCRIPTION_MODELS, info.model.rpartition("/")[2])
