"""ElevenLabs' WebSockets: one context, or several at the same time, each of them a Conversation of its own."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack

import msgspec

from app.audio.formats import OutputFormat
from app.errors import ChorusError, InvalidField, RequestError, TooManyConcurrentRequests, Unavailable, quoted
from app.http.dialects.elevenlabs import STATUSES, VoiceSettings, with_pauses
from app.http.live.elevenlabs_context import Context
from app.http.live.elevenlabs_messages import ClientMessage, FinalOutput, StreamError, StreamQuery
from app.http.live.json_socket import (
    INTERNAL_ERROR,
    POLICY_VIOLATION,
    TRY_AGAIN_LATER,
    ClientGone,
    JsonSocket,
    Socket,
    decode,
    run_until_first_ends,
)
from app.speech.conversation import Conversation

MAX_CONTEXTS = 5
"""Contexts of one socket at a time; theirs."""
MAX_ENDED = 1000
"""Ids of ended contexts that are remembered: closing one again is no error."""
DEFAULT_CONTEXT = "default"
MAX_REASON_BYTES = 123

_decoder = msgspec.json.Decoder(ClientMessage)

Converse = Callable[[VoiceSettings | None], Conversation]


class ElevenLabsSocket(JsonSocket):
    """`converse` opens the Conversation of a context with the settings of its first message."""

    def __init__(self, socket: Socket, *, client_timeout_s: float, has_contexts: bool) -> None:
        super().__init__(socket, client_timeout_s=client_timeout_s)
        self._has_contexts = has_contexts
        self._contexts: dict[str, Context] = {}
        self._ended: deque[str] = deque(maxlen=MAX_ENDED)
        self._opened: asyncio.Queue[Context | None] = asyncio.Queue()

    async def receive_first_message(self) -> ClientMessage:
        """Raises InvalidField where none comes in time."""
        return _decode(await self.receive_first())

    async def converse(
        self, converse: Converse, query: StreamQuery, output: OutputFormat, first: ClientMessage | None
    ) -> None:
        """Run until the last context has ended after the client closed its input, or until the client leaves."""
        self._converse, self._query, self._output = converse, query, output
        try:
            await run_until_first_ends(self._read(first), self._speak())
        finally:
            async with AsyncExitStack() as closing:  # closes the others too where closing one fails
                for context in self._contexts.values():
                    closing.push_async_callback(context.conversation.aclose)

    async def fail(self, error: ChorusError) -> None:
        """The reason of the close frame is for the Python SDK, which does not show the message before it."""
        await self.send(_stream_error(None, error))
        await self.close(_close_code(error), error.message.encode()[:MAX_REASON_BYTES].decode(errors="ignore"))

    async def _read(self, first: ClientMessage | None) -> None:
        """Read until an exception or a cancellation: interruptions and the client's end come this way."""
        take = self._take_of_context if self._has_contexts else self._take
        if first is not None:
            await take(first)
        while True:
            await take(_decode(await self.receive()))

    async def _take(self, message: ClientMessage) -> None:
        """On a socket with one context. An empty text is its end."""
        context = self._contexts.get(DEFAULT_CONTEXT)
        if context is not None:
            context.was_asked.set()
        if context is not None and context.is_closing:
            raise InvalidField("nothing may follow the end of the input: an empty text, or a time-out", param="text")
        if message.text is None:
            raise InvalidField("text: it is missing", param="text")
        context = context or self._open(DEFAULT_CONTEXT, message)
        if message.text:
            self._write(context, message)
            return
        context.finish()
        self._opened.put_nowait(None)

    async def _take_of_context(self, message: ClientMessage) -> None:
        """On a socket with several contexts. Errors end the context only."""
        id = message.context or DEFAULT_CONTEXT
        if message.close_socket:
            for context in [*self._contexts.values()]:
                await context.close()
            self._opened.put_nowait(None)
            return
        try:
            await self._take_of(id, message)
        except (RequestError, Unavailable) as error:
            if (context := self._contexts.get(id)) is not None:
                await context.silence(error)
            else:
                await self.send(_stream_error(id, error))

    async def _take_of(self, id: str, message: ClientMessage) -> None:
        context = self._contexts.get(id)
        if context is not None:
            context.was_asked.set()
        if message.text and not message.close_context:
            if context is not None and context.is_closing:  # the id means another context now
                await context.silence()
                context = None
            self._write(context or self._open(id, message), message)
        elif context is not None and message.close_context:
            await context.close()
        elif context is not None and message.flush and not context.is_closing:
            context.write("", flush=True, is_spoken_at_once=False)
        elif context is None and (message.close_context or message.flush) and id not in self._ended:
            raise InvalidField(f"no context {quoted(id)} is open: a text opens one", param="context_id")

    def _open(self, id: str, message: ClientMessage) -> Context:
        """Raises TooManyConcurrentRequests and what Conversation raises."""
        if len(self._contexts) >= MAX_CONTEXTS:
            raise TooManyConcurrentRequests(f"{MAX_CONTEXTS} contexts are open, which is the limit: close one first")
        context = Context(
            id if self._has_contexts else None,
            self._converse(message.voice_settings),
            self._output,
            is_absolute=self._query.sync_alignment,
            send=self.send,
        )
        self._contexts[id] = context
        self._opened.put_nowait(context)
        return context

    def _write(self, context: Context, message: ClientMessage) -> None:
        text = with_pauses(message.text or "")
        context.write(text, flush=bool(message.flush), is_spoken_at_once=self._query.auto_mode)

    async def _speak(self) -> None:
        """Speak each context as it is opened. Ends when the input has ended and all contexts have."""
        try:
            async with asyncio.TaskGroup() as speaking:
                while (context := await self._opened.get()) is not None:
                    speaking.create_task(self._speak_context(context))
                    if self._query.inactivity_timeout is not None:
                        speaking.create_task(self._finish_when_idle(context, self._query.inactivity_timeout))
        except BaseExceptionGroup as failures:
            if failures.subgroup(ClientGone) is not None:
                raise ClientGone from None
            raise failures.exceptions[0] from None

    async def _finish_when_idle(self, context: Context, timeout_s: float) -> None:
        """A socket ends with its only context."""
        await context.finish_when_idle(timeout_s)
        if context.id is None:
            self._opened.put_nowait(None)

    async def _speak_context(self, context: Context) -> None:
        """An error of the only context ends the socket."""
        last: FinalOutput | StreamError
        try:
            try:
                last = await context.speak()
            except ChorusError as error:
                if context.id is None:
                    raise
                last = _stream_error(context.id, error)
            # Before the last message, because the client may open another context when it comes.
            id = context.id or DEFAULT_CONTEXT
            if self._contexts.get(id) is context:
                del self._contexts[id]
                self._ended.append(id)
            await self.send(last)
        finally:
            context.is_closing = True
            context.has_ended.set()
            context.was_asked.set()


def _decode(frame: str | bytes) -> ClientMessage:
    """Raises InvalidField."""
    if isinstance(frame, bytes):
        raise InvalidField("messages are JSON in text frames")
    return decode(frame, _decoder)


def _stream_error(context_id: str | None, error: ChorusError) -> StreamError:
    status = STATUSES.get(error.code, error.code)
    return StreamError(context_id=context_id, message=error.message, error=status, code=_close_code(error))


def _close_code(error: ChorusError) -> int:
    if isinstance(error, Unavailable):
        return TRY_AGAIN_LATER
    return POLICY_VIOLATION if isinstance(error, RequestError) else INTERNAL_ERROR
