"""The answers of ElevenLabs' speech routes: whole or streamed, with times or without."""

from collections.abc import Coroutine, Mapping, Sequence
from typing import Annotated, Any

from litestar import Request, Response, post
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter
from litestar.response import Stream

from app.http.dialects.elevenlabs import DEFAULT_OUTPUT, FIELD_NAMES, OUTPUT_FORMATS, ElevenLabsError, parse_output
from app.http.dialects.elevenlabs_timed import timed_answer
from app.http.responses.audio import audio_response
from app.http.state import AppState
from app.http.wire.json_body import sent_fields
from app.speech.receipt import Speech
from app.speech.request import MAX_ID_CHARS
from app.speech.service import SpeechService

PREFIX = "/elevenlabs"
OPT = {"error_form": ElevenLabsError, "field_names": FIELD_NAMES}
OutputParameter = Annotated[
    str | None,
    Parameter(
        max_length=MAX_ID_CHARS,
        description=f"Codec, samples a second and kilobits a second; {DEFAULT_OUTPUT} by default",
        schema_extra={"enum": list(OUTPUT_FORMATS)},
    ),
]


def both(path: str) -> list[str]:
    """The addresses of a route: below the prefix and at the root."""
    return [f"{PREFIX}{path}", path]


class SpeechCall:
    """A request for speech. Raises InvalidField for an unknown `output_format`."""

    def __init__(
        self, request: Request[Any, Any, Any], service: SpeechService, app_state: AppState, output_format: str | None
    ) -> None:
        self.service = service
        self._request = request
        self._metrics = app_state.metrics
        self._output = parse_output(output_format)

    @property
    def sent(self) -> Mapping[str, object]:
        """All fields of the body."""
        return sent_fields(self._request)

    async def answer(
        self,
        speaking: Coroutine[None, None, Speech],
        *,
        stream: bool,
        is_timed: bool,
        voices: Sequence[str] | None = None,
    ) -> Response[bytes] | Stream:
        """`voices`: those of the lines of a dialogue, whose times tell them."""
        if not is_timed:
            return await audio_response(self._request, self._metrics, speaking, self._output, stream=stream)
        return await timed_answer(self._request, self._metrics, speaking, self._output, stream=stream, voices=voices)


def spoken(path: str, responses: dict[int, ResponseSpec], summary: str) -> post:
    """The decorator of a handler that gets a SpeechCall as `call`."""

    def get_call(
        request: Request[Any, Any, Any],
        service: NamedDependency[SpeechService],
        app_state: NamedDependency[AppState],
        output_format: OutputParameter = None,
    ) -> SpeechCall:
        return SpeechCall(request, service, app_state, output_format)

    return post(
        both(path),
        status_code=200,
        responses=responses,
        dependencies={"call": Provide(get_call, sync_to_thread=False)},
        opt=OPT,
        tags=["elevenlabs"],
        summary=summary,
    )
