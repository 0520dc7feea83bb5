"""`WS /ws/tts`."""

import logging
from contextlib import ExitStack, aclosing
from typing import Any

from litestar import WebSocket, websocket
from litestar.di import NamedDependency

from app.errors import ChorusError, EngineFailure
from app.http.access.middleware import sent_keys
from app.http.access.origins import origin_allowed, origin_refused
from app.http.live.socket import NORMAL, ClientGone, LiveSocket, started
from app.http.state import AppState
from app.observability.request_context import request_context
from app.speech.conversation import Conversation
from app.text.markup import Markup

logger = logging.getLogger(__name__)

Socket = WebSocket[Any, Any, Any]  # Any: unused types of Litestar


@websocket("/ws/tts")
async def speak_live(socket: WebSocket[Any, Any, Any], app_state: NamedDependency[AppState]) -> None:
    """Accepts every socket, because browsers hide the answer to a refused handshake."""
    await socket.accept()
    live = LiveSocket(socket, client_timeout_s=app_state.settings.client_timeout_s)
    try:
        try:
            with app_state.connections.connected():
                await _serve(socket, live, app_state)
        except ChorusError as error:
            await live.fail(error)
        except ClientGone:
            raise
        except Exception as error:  # the socket's boundary: the client gets the error, the log the trace
            logger.error("%s failed", socket.scope["path"], exc_info=error)
            await live.fail(EngineFailure("the server failed on this conversation; its log has the request id"))
        else:
            await live.close(NORMAL)
    except ClientGone:
        pass


async def _serve(socket: Socket, live: LiveSocket, app_state: AppState) -> None:
    headers = socket.headers
    app_state.access.hosts.check(headers.getall("host", []))
    origin, fetch_site = headers.get("origin"), headers.get("sec-fetch-site")
    if not origin_allowed(origin, headers.get("host"), app_state.settings, fetch_site=fetch_site):
        raise origin_refused(origin)
    with ExitStack() as places:
        start = await live.receive_start()
        caller = app_state.access.identify([*sent_keys(headers), start.api_key or ""])
        request_context.get().caller = caller.name
        places.callback(app_state.access.enter(caller))
        places.enter_context(app_state.connections.conversing())
        service = app_state.service
        await service.voices.find(start.speaker_id)  # an unknown voice is an error before any text is written
        conversation = Conversation(
            service,
            start.to_request(
                "",
                speaker_id=start.speaker_id,
                language=start.language,
                speed=start.speed,
                streaming=True,
                markup=Markup(start.markup),
            ),
            max_pending_chars=app_state.settings.max_text_chars,
            on_spoken=app_state.metrics.on_answer_end,
        )
        async with aclosing(conversation):
            await live.send(started(conversation, start.format, service.engine.info.name))
            await live.converse(conversation, start.format)
