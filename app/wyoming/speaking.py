"""Text to speech: `synthesize`, and text in chunks."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from functools import partial

import msgspec
import numpy as np
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)

from app.audio.pcm import float_to_bytes
from app.errors import InvalidField
from app.speech.connections import Connections
from app.speech.conversation import Conversation
from app.speech.events import Warned
from app.speech.receipt import Receipt
from app.speech.request import SpeechRequest
from app.speech.service import SpeechService
from app.wyoming.connection import Connection
from app.wyoming.fields import check_fields
from app.wyoming.voices import choose

logger = logging.getLogger(__name__)

SAMPLE_BYTES, NUM_CHANNELS = 2, 1


class Speaking:
    """`find_service` raises the error for clients while there is none."""

    def __init__(
        self,
        find_service: Callable[[], SpeechService],
        *,
        connections: Connections,
        on_spoken: Callable[[Receipt], None],
        max_pending_chars: int,
    ) -> None:
        self._find_service = find_service
        self._connections = connections
        self._on_spoken = on_spoken
        self._max_pending_chars = max_pending_chars

    async def synthesize(self, connection: Connection, event: Event) -> None:
        """Answer a `synthesize`."""
        check_fields(event)
        request = Synthesize.from_event(event)
        await self._converse(connection, request.voice, partial(_write_whole, request.text))

    async def synthesize_chunks(self, connection: Connection, event: Event) -> None:
        """Answer a `synthesize-start` and the chunks of text behind it."""
        check_fields(event)
        start = SynthesizeStart.from_event(event)
        await self._converse(connection, start.voice, partial(_write_chunks, connection))
        await connection.write(SynthesizeStopped())

    async def _converse(
        self,
        connection: Connection,
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
        found = await service.voices.find(choice.speaker_id)
        request = SpeechRequest(text="", speaker_id=found.id, language=choice.language, streaming=True)
        with self._connections.conversing():
            conversation = Conversation(
                service,
                request,
                max_pending_chars=self._max_pending_chars,
                on_spoken=self._on_spoken,
                provenance=service.provenance(found),
            )
            async with aclosing(conversation):
                yield conversation


async def _write_whole(text: str, conversation: Conversation) -> None:
    conversation.write(text)
    conversation.finish()


async def _write_chunks(connection: Connection, conversation: Conversation) -> None:
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


async def _next_of_text(connection: Connection) -> Event | None:
    try:
        return await connection.read()
    except TimeoutError:
        raise InvalidField("no `synthesize-stop` came, and no event in the time of CHORUS_CLIENT_TIMEOUT_S") from None


async def _speak(conversation: Conversation, connection: Connection) -> None:
    """`audio-start`, the audio as it is made, `audio-stop`; the last only where all was spoken."""
    rate = conversation.sample_rate_hz
    start = AudioStart(rate=rate, width=SAMPLE_BYTES, channels=NUM_CHANNELS).event()
    if conversation.provenance is not None:  # readers of the event leave out what they do not know
        start.data["provenance"] = msgspec.to_builtins(conversation.provenance)
    await connection.write(start)
    async with aclosing(conversation.events()) as events:
        async for event in events:
            if isinstance(event, np.ndarray):
                audio = float_to_bytes(event)
                await connection.write(AudioChunk(rate=rate, width=SAMPLE_BYTES, channels=NUM_CHANNELS, audio=audio))
            elif isinstance(event, Warned):
                logger.warning("%s", event.message)
    await connection.write(AudioStop())
