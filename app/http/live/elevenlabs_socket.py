"""The base of ElevenLabs' WebSockets: one context, or several at the same time, each of them a Conversation."""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Generic, TypeVar

import msgspec

from app.audio.formats import OutputFormat
from app.errors import ChorusError, InvalidField, RequestError, TooManyConcurrentRequests, Unavailable
from app.http.live.elevenlabs_context import Context
from app.http.live.elevenlabs_forms import MessageForm, close_code
from app.http.live.elevenlabs_messages import ContextMessage, StreamQuery
from app.http.live.json_socket import ClientGone, JsonSocket, Socket, decode, run_until_first_ends

MAX_CONTEXTS = 5
"""Contexts of one socket at a time; theirs."""
MAX_ENDED = 1000
"""Ids of ended contexts that are remembered: closing one again is no error."""
DEFAULT_CONTEXT = "default"
MAX_REASON_BYTES = 123

_decoder = msgspec.json.Decoder(dict[str, Any])

Message = TypeVar("Message", bound=ContextMessage)
ContextOf = TypeVar("ContextOf", bound=Context)


class ElevenLabsSocket(JsonSocket, ABC, Generic[Message, ContextOf]):
    """Errors of a message end its context, or the socket that has only one."""

    kind: type[Message]
    """class of the client's messages"""
    form: MessageForm
    """makes the server's messages"""
    query: StreamQuery
    output: OutputFormat

    def __init__(self, socket: Socket, *, client_timeout_s: float, has_contexts: bool) -> None:
        super().__init__(socket, client_timeout_s=client_timeout_s)
        self.has_contexts = has_contexts
        self._contexts: dict[str, ContextOf] = {}
        self._ended: deque[str] = deque(maxlen=MAX_ENDED)
        self._opened: asyncio.Queue[ContextOf | None] = asyncio.Queue()

    @property
    def has_close_socket(self) -> bool:
        """Tell whether `close_socket` ends the input."""
        return True

    @abstractmethod
    async def take(self, id: str, context: ContextOf | None, message: Message) -> None:
        """Take a message for `context`, the open context `id`. Raises RequestError and Unavailable."""

    def opens_context(self, message: Message) -> bool:
        """True for a message that begins a new context under an id that may have been used."""
        return False

    async def receive_first_message(self) -> tuple[Mapping[str, Any], str]:
        """The first message and the key in it. Raises InvalidField where none comes in time."""
        fields = _decode(await self.receive_first())
        return fields, self._convert(fields).api_key

    async def run(self, query: StreamQuery, output: OutputFormat, first: Mapping[str, Any] | None) -> None:
        """Run until the last context has ended after the client closed its input, or until the client leaves."""
        self.query, self.output = query, output
        try:
            await run_until_first_ends(self._read(first), self._speak(query.inactivity_timeout))
        finally:
            async with AsyncExitStack() as closing:  # closes the others too where closing one fails
                for context in self._contexts.values():
                    closing.push_async_callback(context.conversation.aclose)

    async def fail(self, error: ChorusError) -> None:
        """The reason of the close frame is for the Python SDK, which does not show the message before it."""
        await self.send(self.form.error(None, error))
        await self.close(close_code(error), error.message.encode()[:MAX_REASON_BYTES].decode(errors="ignore"))

    def open(self, id: str, make: Callable[[str | None], ContextOf]) -> ContextOf:
        """Open a context, which is spoken at once. Raises TooManyConcurrentRequests, and what `make` raises."""
        if len(self._contexts) >= MAX_CONTEXTS:
            raise TooManyConcurrentRequests(f"{MAX_CONTEXTS} contexts are open, which is the limit: close one first")
        context = self._contexts[id] = make(id if self.has_contexts else None)
        self._opened.put_nowait(context)
        return context

    def end_input(self) -> None:
        """The socket ends with its last context."""
        self._opened.put_nowait(None)

    def has_ended(self, id: str) -> bool:
        return id in self._ended

    async def _read(self, first: Mapping[str, Any] | None) -> None:
        """Read until an exception or a cancellation: interruptions and the client's end come this way."""
        if first is not None:
            await self._take(first)
        while True:
            await self._take(_decode(await self.receive()))

    async def _take(self, fields: Mapping[str, Any]) -> None:
        message = self._convert(fields)
        if message.close_socket and self.has_close_socket:
            for context in [*self._contexts.values()]:
                if not context.is_closing:
                    await context.close()
            self.end_input()
            return
        id = message.context or DEFAULT_CONTEXT if self.has_contexts else DEFAULT_CONTEXT
        context = self._contexts.get(id)
        if context is not None:
            context.was_asked.set()
        try:
            warnings = message.check_fields(fields, is_first=context is None or context.is_closing)
            await self.take(id, context, message)
        except (RequestError, Unavailable) as error:
            if not self.has_contexts:
                raise
            context = self._contexts.get(id)
            if context is None or (context.is_closing and self.opens_context(message)):
                await self.send(self.form.error(id, error))  # what the id meant before is spoken to its end
            else:
                await context.silence(error)
        else:
            if (context := self._contexts.get(id)) is not None:
                context.warn(warnings)

    def _convert(self, fields: Mapping[str, Any]) -> Message:
        """Raises InvalidField."""
        try:
            return msgspec.convert(fields, self.kind)
        except msgspec.ValidationError as error:
            raise InvalidField(f"no message of this protocol: {error}") from None

    async def _speak(self, inactivity_timeout_s: float | None) -> None:
        """Speak each context as it is opened. Ends when the input has ended and all contexts have."""
        try:
            async with asyncio.TaskGroup() as speaking:
                while (context := await self._opened.get()) is not None:
                    speaking.create_task(self._speak_context(context))
                    if inactivity_timeout_s is not None:
                        speaking.create_task(self._finish_when_idle(context, inactivity_timeout_s))
        except BaseExceptionGroup as failures:
            if failures.subgroup(ClientGone) is not None:
                raise ClientGone from None
            raise failures.exceptions[0] from None

    async def _finish_when_idle(self, context: ContextOf, timeout_s: float) -> None:
        """A socket ends with its only context, unless the client closed that, and may open another one."""
        if await context.finish_when_idle(timeout_s) and context.id is None:
            self.end_input()

    async def _speak_context(self, context: ContextOf) -> None:
        """An error of the only context ends the socket."""
        try:
            try:
                last = await context.speak()
            except ChorusError as error:
                if context.id is None:
                    raise
                last = self.form.error(context.id, error)
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


def _decode(frame: str | bytes) -> Mapping[str, Any]:
    """Raises InvalidField."""
    if isinstance(frame, bytes):
        raise InvalidField("messages are JSON in text frames")
    return decode(frame, _decoder)
