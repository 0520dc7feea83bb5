"""Several texts in one request, as vllm-omni and SGLang take them: `POST /v1/audio/speech/batch`."""

import base64
import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from app.audio.formats import OutputFormat
from app.errors import ChorusError, InvalidField
from app.http.dialects.openai import OpenAISpeechForm
from app.http.dialects.voice_fields import RefText, check_task, check_unknown_fields
from app.http.wire.json_body import refusal
from app.speech.request import SpeechRequest
from app.voices.catalogue import VoiceCatalogue

MAX_ITEMS = 32
"""Theirs."""
VOICE_OF_BATCH = "name the voice in `voice`; recordings are taken by POST /v1/audio/speech"


class BatchItem(OpenAISpeechForm, kw_only=True):
    """One text. Fields that it leaves out are those of the batch."""

    task_type: Annotated[
        Annotated[str, Meta(max_length=100)] | None, Meta(description="`CustomVoice`: the voice is that of `voice`")
    ] = None
    ref_text: Annotated[RefText | None, Meta(description="Refused: no recording comes with a batch")] = None

    async def checked(self, voices: VoiceCatalogue, sent: Mapping[str, object]) -> SpeechRequest:
        """Raises RequestError. `sent`: all fields of the item and of the batch."""
        check_unknown_fields(sent, self.__struct_fields__, instead=VOICE_OF_BATCH)
        check_task(self.task_type, self.ref_text, has_recordings=False)
        if self.stream or self.stream_format == "sse":
            name = "stream" if self.stream else "stream_format"
            raise InvalidField(f"{name}: a batch is answered whole", param=name)
        self.output  # noqa: B018 - raises UnsupportedSampleRate
        return self.translated(await self.find_speaker(voices), sent)


class SpeechBatch(msgspec.Struct, kw_only=True):
    """`POST /v1/audio/speech/batch`. Every field of an item but `input` may stand beside `items`, for all of them."""

    items: Annotated[
        list[dict[str, Any]],
        Meta(
            min_length=1,
            max_length=MAX_ITEMS,
            description="Bodies of `POST /v1/audio/speech` without recordings",
            examples=[[{"input": "Hello there."}]],
        ),
    ]


class BatchResult(msgspec.Struct, kw_only=True):
    index: int
    status: Literal["success", "error"]
    audio_data: Annotated[str | None, Meta(description="The file in base64")] = None
    media_type: str | None = None
    error: Annotated[str | None, Meta(description="Why this text was not spoken")] = None


class BatchAnswer(msgspec.Struct, kw_only=True):
    """The files of all texts, in their order."""

    id: str
    results: list[BatchResult]
    total: int
    succeeded: int
    failed: int


def batch_items(batch: SpeechBatch, sent: Mapping[str, object]) -> list[tuple[BatchItem, Mapping[str, object]]]:
    """The items of a body, each with all fields that were sent for it. Raises InvalidField and InvalidBody."""
    shared: dict[str, object] = {"response_format": "wav", "stream": False}
    shared |= {name: value for name, value in sent.items() if name != "items" and value is not None}
    merged = [shared | {name: value for name, value in item.items() if value is not None} for item in batch.items]
    try:
        return [(msgspec.convert(fields, BatchItem), fields) for fields in merged]
    except msgspec.ValidationError as error:
        raise refusal(error) from None


def file_result(at: int, data: bytes, output: OutputFormat) -> BatchResult:
    audio = base64.b64encode(data).decode()
    return BatchResult(index=at, status="success", audio_data=audio, media_type=output.format.mime_type)


def error_result(at: int, error: ChorusError) -> BatchResult:
    return BatchResult(index=at, status="error", error=error.message)


def batch_answer(results: list[BatchResult]) -> bytes:
    """The JSON of a BatchAnswer."""
    num_failed = sum(result.status == "error" for result in results)
    return msgspec.json.encode(
        BatchAnswer(
            id=f"speech-batch-{uuid.uuid4().hex}",
            results=results,
            total=len(results),
            succeeded=len(results) - num_failed,
            failed=num_failed,
        )
    )
