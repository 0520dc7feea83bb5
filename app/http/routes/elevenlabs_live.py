"""The WebSockets of ElevenLabs' dialect: `text-to-speech` and `text-to-dialogue`, each with one context or several."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import msgspec
from litestar import WebSocket, websocket
from litestar.di import NamedDependency

from app.audio.formats import OutputFormat
from app.engine.values import Voice
from app.errors import InvalidField
from app.http.dialects.elevenlabs import VoiceSettings, parse_output, spoken_speed
from app.http.dialects.voice_fields import check_unknown_fields
from app.http.live.elevenlabs_dialogue import DialogueSocket
from app.http.live.elevenlabs_messages import StreamQuery
from app.http.live.elevenlabs_socket import ElevenLabsSocket
from app.http.live.elevenlabs_speech import SpeechSocket
from app.http.live.json_socket import Socket, check_site, enter
from app.http.routes.elevenlabs import SPEECH_PATH
from app.http.routes.elevenlabs_answers import both
from app.http.routes.elevenlabs_dialogue import DIALOGUE_PATH
from app.http.state import AppState
from app.http.wire.schemas import IdInPath
from app.speech.conversation import Conversation
from app.speech.request import SpeechRequest

Converse = Callable[[StreamQuery, OutputFormat, Mapping[str, Any] | None], Awaitable[None]]


@websocket(both(f"{SPEECH_PATH}/stream-input"))
async def stream_input(
    socket: WebSocket[Any, Any, Any], voice_id: IdInPath, app_state: NamedDependency[AppState]
) -> None:
    await _speak(socket, app_state, voice_id, has_contexts=False)


@websocket(both(f"{SPEECH_PATH}/multi-stream-input"))
async def multi_stream_input(
    socket: WebSocket[Any, Any, Any], voice_id: IdInPath, app_state: NamedDependency[AppState]
) -> None:
    await _speak(socket, app_state, voice_id, has_contexts=True)


@websocket(both(f"{DIALOGUE_PATH}/stream-input"))
async def dialogue_stream_input(socket: WebSocket[Any, Any, Any], app_state: NamedDependency[AppState]) -> None:
    await _speak_dialogue(socket, app_state, has_contexts=False)


@websocket(both(f"{DIALOGUE_PATH}/multi-stream-input"))
async def dialogue_multi_stream_input(socket: WebSocket[Any, Any, Any], app_state: NamedDependency[AppState]) -> None:
    await _speak_dialogue(socket, app_state, has_contexts=True)


async def _speak(socket: Socket, app_state: AppState, voice_id: str, *, has_contexts: bool) -> None:
    live = SpeechSocket(socket, client_timeout_s=app_state.settings.client_timeout_s, has_contexts=has_contexts)

    async def converse(query: StreamQuery, output: OutputFormat, first: Mapping[str, Any] | None) -> None:
        voice = await app_state.service.voices.find(voice_id)  # an unknown voice is an error before any text is written
        await live.converse(partial(_converse, app_state, query, [voice]), query, output, first)

    await _serve(live, socket, app_state, converse)


async def _speak_dialogue(socket: Socket, app_state: AppState, *, has_contexts: bool) -> None:
    live = DialogueSocket(socket, client_timeout_s=app_state.settings.client_timeout_s, has_contexts=has_contexts)

    async def converse(query: StreamQuery, output: OutputFormat, first: Mapping[str, Any] | None) -> None:
        await live.converse(partial(_converse, app_state, query), app_state.service.voices.find, query, output, first)

    await _serve(live, socket, app_state, converse)


async def _serve(live: ElevenLabsSocket[Any, Any], socket: Socket, app_state: AppState, converse: Converse) -> None:
    async def work() -> None:
        with app_state.connections.connected(), ExitStack() as places:
            check_site(socket, app_state)
            query = _query(socket)
            output = parse_output(query.output_format)
            # Clients open the socket long before their first text, so only one without a key in its headers must
            # write at once.
            first, key = None, None
            if app_state.access.lacks_key(socket.headers):
                first, key = await live.receive_first_message()
            enter(socket, app_state, key, places)
            app_state.service.check_language(query.language_code)
            await converse(query, output, first)

    await live.serve(work)


def _converse(
    app_state: AppState, query: StreamQuery, voices: Sequence[Voice], settings: VoiceSettings | None
) -> Conversation:
    service = app_state.service
    speed, notes = spoken_speed(settings)
    return Conversation(
        service,
        SpeechRequest(
            text="",
            speaker_id=voices[0].id,
            language=query.language_code,
            speed=speed,
            streaming=True,
            seed=query.seed,
            word_times=query.sync_alignment and service.can_time_words,
            notes=notes,
        ),
        max_pending_chars=app_state.settings.max_text_chars,
        on_spoken=app_state.metrics.on_answer_end,
        provenance=service.provenance(*voices),
    )


def _query(socket: Socket) -> StreamQuery:
    """Raises InvalidField."""
    sent = dict(socket.query_params)
    check_unknown_fields(sent, StreamQuery.__struct_fields__, instead="name the voice in the address")
    try:
        return msgspec.convert(sent, StreamQuery, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidField(f"the query does not fit: {error}") from None
