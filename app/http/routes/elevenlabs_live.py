"""`WS stream-input` and `WS multi-stream-input` of ElevenLabs' dialect."""

from contextlib import ExitStack
from functools import partial
from typing import Any

import msgspec
from litestar import WebSocket, websocket
from litestar.di import NamedDependency

from app.audio.provenance import Provenance
from app.errors import InvalidField
from app.http.dialects.elevenlabs import VoiceSettings, parse_output, spoken_speed
from app.http.dialects.voice_fields import check_unknown_fields
from app.http.live.elevenlabs_messages import StreamQuery
from app.http.live.elevenlabs_socket import ElevenLabsSocket
from app.http.live.json_socket import Socket, check_site, enter
from app.http.routes.elevenlabs import SPEECH_PATH, both
from app.http.state import AppState
from app.http.wire.schemas import IdInPath
from app.speech.conversation import Conversation
from app.speech.request import SpeechRequest


@websocket(both(f"{SPEECH_PATH}/stream-input"))
async def stream_input(
    socket: WebSocket[Any, Any, Any], voice_id: IdInPath, app_state: NamedDependency[AppState]
) -> None:
    await _serve(socket, app_state, voice_id, has_contexts=False)


@websocket(both(f"{SPEECH_PATH}/multi-stream-input"))
async def multi_stream_input(
    socket: WebSocket[Any, Any, Any], voice_id: IdInPath, app_state: NamedDependency[AppState]
) -> None:
    await _serve(socket, app_state, voice_id, has_contexts=True)


async def _serve(socket: Socket, app_state: AppState, voice_id: str, *, has_contexts: bool) -> None:
    live = ElevenLabsSocket(socket, client_timeout_s=app_state.settings.client_timeout_s, has_contexts=has_contexts)

    async def work() -> None:
        with app_state.connections.connected(), ExitStack() as places:
            check_site(socket, app_state)
            query = _query(socket)
            output = parse_output(query.output_format)
            # Clients open the socket long before their first text, so only one without a key in its headers must
            # write at once.
            first = await live.receive_first_message() if app_state.access.lacks_key(socket.headers) else None
            enter(socket, app_state, None if first is None else first.api_key, places)
            service = app_state.service
            voice = await service.voices.find(voice_id)  # an unknown voice is an error before any text is written
            service.check_language(query.language_code)
            asked = SpeechRequest(
                text="",
                speaker_id=voice.id,
                language=query.language_code,
                streaming=True,
                seed=query.seed,
                word_times=query.sync_alignment and service.can_time_words,
            )
            await live.converse(partial(_converse, app_state, asked, service.provenance(voice)), query, output, first)

    await live.serve(work)


def _converse(
    app_state: AppState, asked: SpeechRequest, provenance: Provenance | None, settings: VoiceSettings | None
) -> Conversation:
    speed, notes = spoken_speed(settings)
    return Conversation(
        app_state.service,
        msgspec.structs.replace(asked, speed=speed, notes=notes),
        max_pending_chars=app_state.settings.max_text_chars,
        on_spoken=app_state.metrics.on_answer_end,
        provenance=provenance,
    )


def _query(socket: Socket) -> StreamQuery:
    """Raises InvalidField."""
    sent = dict(socket.query_params)
    check_unknown_fields(sent, StreamQuery.__struct_fields__, instead="name the voice in the address")
    try:
        return msgspec.convert(sent, StreamQuery, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidField(f"the query does not fit: {error}") from None
