"""One WebSocket of `/ws/tts`: messages in to a Conversation, its events out.

Three tasks read the socket, send audio and events, and send `pause` and `resume`. The first to end cancels the others.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import msgspec
import numpy as np
from litestar.connection import WebSocket
from litestar.exceptions import WebSocketDisconnect

from app.audio.encoders import Encoder, open_encoder
from app.audio.formats import AudioFormat
from app.errors import ChorusError, InvalidField, RequestError, Unavailable
from app.http.live import messages
from app.http.wire.errors import error_body
from app.observability.request_context import request_context
from app.pools import ENCODERS
from app.speech.conversation import Conversation, Marker, Warned
from app.speech.events import SegmentEnded, SegmentStarted

logger = logging.getLogger(__name__)

NORMAL, POLICY_VIOLATION, INTERNAL_ERROR, TRY_AGAIN_LATER = 1000, 1008, 1011, 1013
"""Close codes of RFC 6455 and of IANA's registry."""

Socket = WebSocket[Any, Any, Any]  # Any: unused types of Litestar

_decoder = msgspec.json.Decoder(messages.Message)
_encoder = msgspec.json.Encoder()


class ClientGone(Exception):
    """The client closed, was lost, or stopped reading."""


class LiveSocket:
    """`client_timeout_s` bounds the wait for the first message, and for a client that does not read."""

    def __init__(self, socket: Socket, *, client_timeout_s: float) -> None:
        self._socket = socket
        self._client_timeout_s = client_timeout_s

    async def receive_start(self) -> messages.Start:
        """Raises InvalidField where no `start` comes first and in time."""
        try:
            async with asyncio.timeout(self._client_timeout_s):
                message = await self._receive()
        except TimeoutError:
            raise InvalidField("no `start` message came") from None
        if not isinstance(message, messages.Start):
            raise InvalidField('the first message must be `{"type": "start"}`', param="type")
        return message

    async def converse(self, conversation: Conversation, audio_format: AudioFormat) -> None:
        """Run until the audio after `end` is sent, or until the client leaves."""
        tasks = [
            asyncio.create_task(work)
            for work in (
                self._read(conversation),
                self._speak(conversation, audio_format),
                self._tell_room(conversation),
            )
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def send(self, answer: messages.ServerMessage) -> None:
        await self._in_time(lambda: self._socket.send_data(_encoder.encode(answer), mode="text"))

    async def fail(self, error: ChorusError) -> None:
        retry_after_s = error.retry_after_s if isinstance(error, Unavailable) else None
        await self.send(messages.Failed(error=error_body(error).error, retry_after_s=retry_after_s))
        await self.close(
            TRY_AGAIN_LATER
            if isinstance(error, Unavailable)
            else POLICY_VIOLATION
            if isinstance(error, RequestError)
            else INTERNAL_ERROR
        )

    async def close(self, code: int) -> None:
        await self._in_time(lambda: self._socket.close(code))

    async def _read(self, conversation: Conversation) -> None:
        """Read until an exception or a cancellation.

        Never stops reading, because `cancel`, pongs and the client's end come this way too.
        """
        has_ended = False
        while True:
            message = await self._receive()
            match message:
                case messages.Cancel():
                    await conversation.cancel()
                    has_ended = False
                case _ if has_ended:
                    raise InvalidField("only `cancel` may follow `end`", param="type")
                case messages.Text():
                    conversation.write(message.text)
                case messages.Flush():
                    conversation.flush()
                case messages.End():
                    conversation.finish()
                    has_ended = True
                case messages.Start():
                    raise InvalidField("`start` comes once; open another socket to speak otherwise", param="type")

    async def _tell_room(self, conversation: Conversation) -> None:
        while True:
            await conversation.full()
            await self.send(messages.Pause())
            await conversation.room()
            await self.send(messages.Resume())

    async def _speak(self, conversation: Conversation, audio_format: AudioFormat) -> None:
        turn = _Turn(audio_format, conversation.sample_rate_hz)
        try:
            async with aclosing(conversation.events()) as events:
                async for event in events:
                    match event:
                        case np.ndarray():
                            await self._send_audio(await ENCODERS.run(turn.encode, event))
                        case SegmentStarted(index, text, start_s):
                            await self.send(messages.SegmentStarted(index=index, text=text, start_s=start_s))
                        case SegmentEnded(index, text, start_s, end_s):
                            ended = messages.SegmentEnded(index=index, text=text, start_s=start_s, end_s=end_s)
                            await self.send(ended)
                        case Warned(message):
                            await self.send(messages.Warned(message=message))
                        case Marker.FLUSHED:
                            await self._send_audio(await ENCODERS.run(turn.close))
                            await self.send(messages.Flushed(audio_s=conversation.given_s))
                        case Marker.CANCELLED:
                            turn.close()
                            await self.send(messages.Cancelled(audio_s=conversation.given_s))
            await self._send_audio(await ENCODERS.run(turn.close))
            await self.send(messages.Done(audio_s=conversation.given_s))
        finally:
            turn.close()

    async def _receive(self) -> messages.Message:
        event = await self._socket.receive()
        if event["type"] == "websocket.disconnect":
            raise ClientGone
        text = event.get("text")
        if text is None:
            raise InvalidField("messages are JSON in text frames")
        try:
            return _decoder.decode(text)
        except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
            raise InvalidField(f"no message of this protocol: {error}") from None

    async def _send_audio(self, data: bytes) -> None:
        if data:
            await self._in_time(lambda: self._socket.send_data(data, mode="binary"))

    async def _in_time(self, send: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(self._client_timeout_s):
                await send()
        except TimeoutError:
            logger.warning("the client of %s stopped reading; giving up", self._socket.scope["path"])
            raise ClientGone from None
        except (OSError, WebSocketDisconnect):  # raised by servers and by Litestar when the client has left
            raise ClientGone from None


class _Turn:
    """The encoder of the audio between two `flushed` or `cancelled`, which is a file of its own."""

    def __init__(self, audio_format: AudioFormat, sample_rate_hz: int) -> None:
        self._format = audio_format
        self._sample_rate_hz = sample_rate_hz
        self._encoder: Encoder | None = None

    def encode(self, samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> bytes:
        if self._encoder is None:
            self._encoder = open_encoder(self._format, self._sample_rate_hz, streaming=True)
        return self._encoder.encode(samples)

    def close(self) -> bytes:
        """The rest of the file; empty if nothing was spoken. Idempotent."""
        encoder, self._encoder = self._encoder, None
        return b"" if encoder is None else encoder.close()


def started(conversation: Conversation, audio_format: AudioFormat, engine: str) -> messages.Started:
    return messages.Started(
        request_id=request_context.get().request_id,
        engine=engine,
        format=audio_format,
        media_type=audio_format.mime_type,
        sample_rate_hz=conversation.sample_rate_hz,
        seed=conversation.seed,
        max_pending_chars=conversation.max_pending_chars,
    )
