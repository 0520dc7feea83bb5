"""`WS /ws/tts` and `WS /ws/transcribe`."""

from contextlib import ExitStack, aclosing, nullcontext
from typing import Any

from litestar import WebSocket, websocket
from litestar.di import NamedDependency

from app.asr.endpoint import open_voice_detector
from app.audio.pcm_stream import PcmForm
from app.audio.speech_recording import RATE_HZ
from app.http.live.json_socket import check_site, enter
from app.http.live.socket import LiveSocket, started
from app.http.live.transcribe_socket import TranscribeSocket
from app.http.state import AppState
from app.observability.request_context import request_context
from app.pools import LISTENING
from app.speech.conversation import Conversation
from app.text.markup import Markup
from app.transcription.live import LiveTranscription


@websocket("/ws/tts")
async def speak_live(socket: WebSocket[Any, Any, Any], app_state: NamedDependency[AppState]) -> None:
    live = LiveSocket(socket, client_timeout_s=app_state.settings.client_timeout_s)

    async def work() -> None:
        with app_state.connections.connected(), ExitStack() as places:
            check_site(socket, app_state)
            start = await live.receive_start()
            enter(socket, app_state, start.api_key, places)
            service = app_state.service
            output = start.output
            voice = await service.voices.find(start.speaker_id)  # an unknown voice is an error before any text comes
            asked = start.to_request(
                "",
                speaker_id=voice.id,
                language=start.language,
                speed=start.speed,
                streaming=True,
                markup=Markup(start.markup),
                word_times=start.timestamps == "word",
            )
            service.check_recognizer(asked)
            conversation = Conversation(
                service,
                asked,
                max_pending_chars=app_state.settings.max_text_chars,
                on_spoken=app_state.metrics.on_answer_end,
                provenance=service.provenance(voice),
            )
            async with aclosing(conversation):
                await live.send(started(conversation, output, service.engine.info.name))
                await live.converse(conversation, output)

    await live.serve(work)


@websocket("/ws/transcribe")
async def transcribe_live(socket: WebSocket[Any, Any, Any], app_state: NamedDependency[AppState]) -> None:
    live = TranscribeSocket(socket, client_timeout_s=app_state.settings.client_timeout_s)

    async def work() -> None:
        with app_state.connections.connected(), ExitStack() as places:
            check_site(socket, app_state)
            start = await live.receive_start()
            enter(socket, app_state, start.api_key, places)
            service = app_state.transcription
            options = start.options()
            service.check(options)
            is_opus = start.format == "opus"
            transcription = LiveTranscription(
                service,
                options,
                PcmForm(rate_hz=RATE_HZ if is_opus else start.sample_rate_hz, width=2, channels=1),
                detect=await LISTENING.run(open_voice_detector),
                silence_s=start.silence_ms / 1000,
                has_partials=start.partials,
                on_transcribed=app_state.metrics.transcriptions.on_end,
            )
            decoding = app_state.live_decoders.opened() if is_opus else nullcontext()
            try:
                async with aclosing(transcription), decoding as decoder:
                    await live.send_started(start, service.recognizer.info.model)
                    await live.converse(transcription, decoder)
            finally:
                request_context.get().facts["audio_s"] = round(transcription.heard_s, 3)

    await live.serve(work)
