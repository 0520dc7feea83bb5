"""A Wyoming server (https://github.com/OHF-Voice/wyoming): `describe`, `synthesize`, and text in chunks.

The events are the wyoming package's; sockets and bounds are ours, because its server reads whatever length a client
claims. The protocol has no keys. After an error the connection is closed, because clients read until `audio-stop`, and
broken speech must not end like whole speech.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial

import numpy as np
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, Eventable, async_read_event, async_write_event
from wyoming.info import Describe
from wyoming.ping import Ping, Pong
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)

from app.audio.pcm import float_to_bytes
from app.errors import MAX_QUOTED_CHARS, ChorusError, InvalidField, shortened
from app.speech.connections import Connections
from app.speech.conversation import Conversation, Warned
from app.speech.request import SpeechRequest
from app.speech.service import SpeechService
from app.speech.stream import Receipt
from app.wyoming.fields import check_fields
from app.wyoming.voices import choose, describe

logger = logging.getLogger(__name__)

MAX_EVENT_BYTES = 1024 * 1024
SAMPLE_BYTES, NUM_CHANNELS = 2, 1
ACCEPT_TURNS = 4
"""Turns of the event loop from the acceptance of a socket to its handler, rounded up: asyncio's accepting task, the
transport, `connection_made`, the handler's task."""


class WyomingServer:
    """`find_service` raises the error for clients while there is none.

    `client_timeout_s` bounds each wait for a client: for its next event, for the end of an event, and for its reading.
    """

    def __init__(
        self,
        find_service: Callable[[], SpeechService],
        *,
        connections: Connections,
        on_spoken: Callable[[Receipt], None],
        max_pending_chars: int,
        client_timeout_s: float,
    ) -> None:
        self._find_service = find_service
        self._connections = connections
        self._on_spoken = on_spoken
        self._max_pending_chars = max_pending_chars
        self._client_timeout_s = client_timeout_s
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self, listeners: Sequence[socket.socket], *, backlog: int) -> AsyncGenerator[None]:
        """Serve on `listeners` until the end of the block, then close them and every connection."""
        servers = [
            await asyncio.start_server(self._connected, sock=listener, limit=MAX_EVENT_BYTES, backlog=backlog)
            for listener in listeners
        ]
        try:
            yield
        finally:
            # asyncio forgets an accepted socket that has not reached `_connected` when the server is closed, and leaves
            # it open.
            for listener in listeners:
                asyncio.get_running_loop().remove_reader(listener)
            for _ in range(ACCEPT_TURNS):
                await asyncio.sleep(0)
            for server in servers:
                server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        connection = _Connection(_BoundedReader(reader, self._client_timeout_s), writer, self._client_timeout_s)
        try:
            with self._connections.connected():
                await self._serve(connection)
        except ChorusError as error:
            with suppress(OSError, TimeoutError):
                await connection.write(Error(text=error.message, code=error.code))
        except (OSError, EOFError, TimeoutError) as error:
            logger.info("a Wyoming client has gone: %s", error or type(error).__name__)
        except asyncio.CancelledError:
            logger.info("a Wyoming connection is closed: the server stops")  # asyncio's own callback must not see it
        except Exception as error:  # the connection's boundary: the client sees it closed, the log has the trace
            logger.error("a Wyoming connection failed", exc_info=error)
        finally:
            self._tasks.discard(task)
            connection.close()

    async def _serve(self, connection: "_Connection") -> None:
        while (event := await connection.read()) is not None:
            if Describe.is_type(event.type):
                service = self._find_service()
                listed = await service.voices.list()
                await connection.write(describe(service.engine.info, listed.speakers))
            elif Ping.is_type(event.type):
                check_fields(event)
                await connection.write(Pong(text=Ping.from_event(event).text))
            elif Synthesize.is_type(event.type):
                check_fields(event)
                request = Synthesize.from_event(event)
                await self._converse(connection, request.voice, partial(_write_whole, request.text))
            elif SynthesizeStart.is_type(event.type):
                check_fields(event)
                start = SynthesizeStart.from_event(event)
                await self._converse(connection, start.voice, partial(_write_chunks, connection))
                await connection.write(SynthesizeStopped())
            else:
                logger.debug("a Wyoming event without meaning here: %s", shortened(str(event.type), MAX_QUOTED_CHARS))

    async def _converse(
        self,
        connection: "_Connection",
        voice: SynthesizeVoice | None,
        write: Callable[[Conversation], Coroutine[None, None, None]],
    ) -> None:
        """Write and speak at the same time, then speak the rest, unless the client goes."""
        async with self._conversation(voice) as conversation:
            speaking = asyncio.ensure_future(_speak(conversation, connection))
            writing = asyncio.ensure_future(write(conversation))
            try:
                await asyncio.wait((writing, speaking), return_when=asyncio.FIRST_COMPLETED)
                if speaking.done():
                    await speaking
                await writing
                await connection.unless_closed(speaking)
            finally:
                for task in (writing, speaking):
                    task.cancel()
                await asyncio.gather(writing, speaking, return_exceptions=True)

    @asynccontextmanager
    async def _conversation(self, voice: SynthesizeVoice | None) -> AsyncGenerator[Conversation]:
        service = self._find_service()
        choice = choose(voice, service.engine.info.languages)
        await service.voices.find(choice.speaker_id)
        request = SpeechRequest(text="", speaker_id=choice.speaker_id, language=choice.language, streaming=True)
        with self._connections.conversing():
            conversation = Conversation(
                service, request, max_pending_chars=self._max_pending_chars, on_spoken=self._on_spoken
            )
            async with aclosing(conversation):
                yield conversation


class _BoundedReader:
    """Reader for the wyoming package: no more than MAX_EVENT_BYTES, whatever length an event claims.

    An event that has begun must come to its end in `timeout_s`; `_Connection` bounds the wait for its beginning.
    """

    def __init__(self, reader: asyncio.StreamReader, timeout_s: float) -> None:
        self._reader = reader
        self._timeout_s = timeout_s

    def at_end(self) -> bool:
        return self._reader.at_eof()

    async def readline(self) -> bytes:
        first = await self._reader.read(1)
        if first in (b"", b"\n"):
            return first
        async with asyncio.timeout(self._timeout_s):
            return first + await self._reader.readline()

    async def readexactly(self, num_bytes: int) -> bytes:
        if num_bytes > MAX_EVENT_BYTES:
            raise InvalidField(f"an event may hold {MAX_EVENT_BYTES} bytes, not {num_bytes}")
        async with asyncio.timeout(self._timeout_s):
            return await self._reader.readexactly(num_bytes)


class _Connection:
    def __init__(self, reader: _BoundedReader, writer: asyncio.StreamWriter, client_timeout_s: float) -> None:
        self._reader = reader
        self._writer = writer
        self._client_timeout_s = client_timeout_s
        self._ahead: asyncio.Task[Event | None] | None = None
        """the next event, where a task has begun to read it"""

    async def read(self) -> Event | None:
        """None at the end. Raises EOFError within an event, TimeoutError where none begins in `client_timeout_s`."""
        ahead, self._ahead = self._ahead, None
        async with asyncio.timeout(self._client_timeout_s):
            return await (ahead or self._read())

    async def unless_closed(self, work: asyncio.Future[None]) -> None:
        """Wait for `work`. Raises EOFError as soon as the client closes; another event is kept for `read`."""
        self._ahead = self._ahead or asyncio.create_task(self._read())
        await asyncio.wait((work, self._ahead), return_when=asyncio.FIRST_COMPLETED)
        if not work.done() and self._ahead.result() is None:
            raise EOFError("closed before all was spoken")
        await work

    async def write(self, event: Eventable) -> None:
        async with asyncio.timeout(self._client_timeout_s):
            await async_write_event(event.event(), self._writer)

    def close(self) -> None:
        if self._ahead is not None and not self._ahead.cancel() and not self._ahead.cancelled():
            self._ahead.exception()  # marks the exception as retrieved
        self._writer.close()

    async def _read(self) -> Event | None:
        wrong = InvalidField("no Wyoming event: a line of JSON with a type, and data that is an object")
        try:
            event = await async_read_event(self._reader)  # type: ignore[arg-type] - all that it calls is there
        except (KeyError, TypeError, AttributeError, RecursionError):
            raise wrong from None
        if event is None and not self._reader.at_end():  # what the package could not read
            raise wrong
        return event


async def _write_whole(text: str, conversation: Conversation) -> None:
    conversation.write(text)
    conversation.finish()


async def _write_chunks(connection: _Connection, conversation: Conversation) -> None:
    """Chunks of text until `synthesize-stop`. Raises EOFError at the client's end, InvalidField where nothing comes.

    The whole text, which clients repeat in a `synthesize` for servers without chunks, is ignored.
    """
    while (event := await _next_of_text(connection)) is not None:
        if SynthesizeChunk.is_type(event.type):
            check_fields(event)
            conversation.write(SynthesizeChunk.from_event(event).text)
            await conversation.room()
        elif SynthesizeStop.is_type(event.type):
            conversation.finish()
            return
    raise EOFError("the text has no end")


async def _next_of_text(connection: _Connection) -> Event | None:
    try:
        return await connection.read()
    except TimeoutError:
        raise InvalidField("no `synthesize-stop` came, and no event in the time of CHORUS_CLIENT_TIMEOUT_S") from None


async def _speak(conversation: Conversation, connection: _Connection) -> None:
    """`audio-start`, the audio as it is made, `audio-stop`; the last only where all was spoken."""
    rate = conversation.sample_rate_hz
    await connection.write(AudioStart(rate=rate, width=SAMPLE_BYTES, channels=NUM_CHANNELS))
    async with aclosing(conversation.events()) as events:
        async for event in events:
            if isinstance(event, np.ndarray):
                audio = float_to_bytes(event)
                await connection.write(AudioChunk(rate=rate, width=SAMPLE_BYTES, channels=NUM_CHANNELS, audio=audio))
            elif isinstance(event, Warned):
                logger.warning("%s", event.message)
    await connection.write(AudioStop())
