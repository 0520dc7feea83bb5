"""`POST /v1/audio/speech/batch` of vllm-omni's dialect."""

from typing import Any

from litestar import MediaType, Request, Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from app.engine.values import Voice
from app.errors import ChorusError, InvalidField, RequestError, UnsupportedSampleRate
from app.http.dialects.openai import FIELD_NAMES
from app.http.dialects.openai_batch import (
    BatchResult,
    SpeechBatch,
    batch_answer,
    batch_items,
    error_result,
    file_result,
)
from app.http.openapi.openai import BATCH_RESPONSES
from app.http.responses.audio import closing, encoded_whole
from app.http.responses.disconnect import unless_client_leaves
from app.http.responses.warnings_header import warnings_header
from app.http.routes.openai import check_model_name
from app.http.state import AppState
from app.http.wire.json_body import sent_fields
from app.pools import WHOLE_ANSWERS
from app.speech.batch import speak_batch
from app.speech.request import SpeechRequest
from app.speech.service import SpeechService
from app.speech.stream import SpeechStream


@post(
    "/v1/audio/speech/batch",
    status_code=200,
    responses=BATCH_RESPONSES,
    opt={"field_names": FIELD_NAMES},
    tags=["openai"],
    summary="Several texts in one request, each a file of its own; of vllm-omni",
)
async def create_speech_batch(
    request: Request[Any, Any, Any],
    data: JSONBody[SpeechBatch],
    service: NamedDependency[SpeechService],
    app_state: NamedDependency[AppState],
) -> Response[bytes]:
    items = batch_items(data, sent_fields(request))
    service.check_length("".join(body.input for body, _ in items))
    asked: dict[int, SpeechRequest] = {}
    results: dict[int, BatchResult] = {}
    warnings: dict[str, None] = {}
    voices: list[Voice] = []
    for at, (body, sent) in enumerate(items):
        if body.model is not None:
            check_model_name(app_state, body.model)
        try:
            asked[at] = await body.checked(service.voices, sent)
            voices.append(await service.check(asked[at]))
        except (InvalidField, UnsupportedSampleRate):
            raise
        except RequestError as error:
            asked.pop(at, None)
            results[at] = error_result(at, error)
    numbers = [*asked]

    async def collect(number: int, speech: SpeechStream) -> BatchResult:
        at = numbers[number]
        output = items[at][0].output
        close = closing(speech, app_state.metrics)
        try:
            file = await encoded_whole(speech, output)
            warnings.update(dict.fromkeys(speech.receipt().warnings))
            return await WHOLE_ANSWERS.run(file_result, at, file, output)
        finally:
            await close()

    spoken = await unless_client_leaves(request, speak_batch(service, [*asked.values()], collect))
    for at, result in zip(numbers, spoken, strict=True):
        results[at] = error_result(at, result) if isinstance(result, ChorusError) else result
    answer = await WHOLE_ANSWERS.run(batch_answer, [results[at] for at in range(len(items))])
    headers = {"X-Chorus-Warnings": warnings_header([*warnings])} if warnings else {}
    provenance = service.provenance(*voices)
    if voices and provenance is not None:
        headers["X-Chorus-Provenance"] = provenance.json
    return Response(answer, media_type=MediaType.JSON, headers=headers)
