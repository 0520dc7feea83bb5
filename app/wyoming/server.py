"""A Wyoming server (https://github.com/OHF-Voice/wyoming): text to speech and speech to text on one port.

The events are the wyoming package's; sockets and bounds are ours, because its server reads whatever length a client
claims. The protocol has no keys. After an error the connection is closed, because clients read until `audio-stop` or
`transcript`, and a broken answer must not end like a whole one.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.tts import Synthesize, SynthesizeStart

from app.asr.base import Finished
from app.errors import MAX_QUOTED_CHARS, ChorusError, InvalidField, TranscriptionUnavailable, shortened
from app.speech.connections import Connections
from app.speech.receipt import Receipt
from app.speech.service import SpeechService
from app.transcription.request import TranscriptionOptions
from app.transcription.service import TranscriptionService
from app.wyoming.connection import MAX_EVENT_BYTES, BoundedReader, Connection
from app.wyoming.fields import check_fields
from app.wyoming.listening import Listening
from app.wyoming.models import describe_recognizer
from app.wyoming.speaking import Speaking
from app.wyoming.voices import describe_voices

logger = logging.getLogger(__name__)

ACCEPT_TURNS = 4
"""Turns of the event loop from the acceptance of a socket to its handler, rounded up: asyncio's accepting task, the
transport, `connection_made`, the handler's task."""


class WyomingServer:
    """`find_service` and `find_transcription` raise the error for clients while there is none.

    `client_timeout_s` bounds each wait for a client: for its next event, for the end of an event, and for its reading.
    """

    def __init__(
        self,
        find_service: Callable[[], SpeechService],
        find_transcription: Callable[[], TranscriptionService],
        *,
        connections: Connections,
        on_spoken: Callable[[Receipt], None],
        on_transcribed: Callable[[Finished], None],
        max_pending_chars: int,
        client_timeout_s: float,
    ) -> None:
        self._find_service = find_service
        self._find_transcription = find_transcription
        self._connections = connections
        self._client_timeout_s = client_timeout_s
        self._speaking = Speaking(
            find_service, connections=connections, on_spoken=on_spoken, max_pending_chars=max_pending_chars
        )
        self._listening = Listening(find_transcription, connections=connections, on_transcribed=on_transcribed)
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
        connection = Connection(BoundedReader(reader, self._client_timeout_s), writer, self._client_timeout_s)
        try:
            with self._connections.connected():
                await self._serve(connection)
        except ChorusError as error:
            with suppress(OSError, TimeoutError):
                await connection.write(Error(text=error.message, code=error.code))
                await connection.linger()
        except (OSError, EOFError, TimeoutError) as error:
            logger.info("a Wyoming client has gone: %s", error or type(error).__name__)
        except asyncio.CancelledError:
            logger.info("a Wyoming connection is closed: the server stops")  # asyncio's own callback must not see it
        except Exception as error:  # the connection's boundary: the client sees it closed, the log has the trace
            logger.error("a Wyoming connection failed", exc_info=error)
        finally:
            self._tasks.discard(task)
            connection.close()

    async def _serve(self, connection: Connection) -> None:
        options = TranscriptionOptions()
        """of the next recording"""
        while (event := await connection.read()) is not None:
            if Describe.is_type(event.type):
                await connection.write(await self._describe())
            elif Ping.is_type(event.type):
                check_fields(event)
                await connection.write(Pong(text=Ping.from_event(event).text))
            elif Synthesize.is_type(event.type):
                await self._speaking.synthesize(connection, event)
            elif SynthesizeStart.is_type(event.type):
                await self._speaking.synthesize_chunks(connection, event)
            elif Transcribe.is_type(event.type):
                options = self._listening.read_options(event)
            elif AudioStart.is_type(event.type):
                await self._listening.transcribe(connection, event, options)
                options = TranscriptionOptions()
            elif AudioChunk.is_type(event.type) or AudioStop.is_type(event.type):
                raise InvalidField(f"`audio-start` comes before `{event.type}`")
            else:
                _log_ignored(event)

    async def _describe(self) -> Info:
        service = self._find_service()
        listed = await service.voices.list()
        info = Info(tts=[describe_voices(service.engine.info, listed.speakers)])
        with suppress(TranscriptionUnavailable):
            info.asr = [describe_recognizer(self._find_transcription().recognizer.info)]
        return info


def _log_ignored(event: Event) -> None:
    logger.debug("a Wyoming event without meaning here: %s", shortened(str(event.type), MAX_QUOTED_CHARS))
