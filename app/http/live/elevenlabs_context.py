"""One context of an ElevenLabs WebSocket: a Conversation, and its events as messages."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing

import msgspec
import numpy as np

from app.audio.encoders import Encoder
from app.audio.formats import AudioFormat, OutputFormat
from app.audio.output import open_output_encoder
from app.errors import ChorusError
from app.http.dialects.elevenlabs_times import Moments, SegmentTimer, character_moments
from app.http.live.elevenlabs_forms import MessageForm
from app.pools import ENCODERS
from app.speech.conversation import Conversation
from app.speech.events import Marker, SegmentEnded, Warned, WordsSpoken

RAW_FORMATS = (AudioFormat.PCM, AudioFormat.ULAW, AudioFormat.ALAW)
"""Formats without frames: a flush gives every sample, and nothing shows where the next encoder begins."""
MAX_WARNINGS = 20

Send = Callable[[msgspec.Struct], Awaitable[None]]


class Context:
    """`id` is None on a socket with one context. `is_synced` as in MessageForm. `send` raises ClientGone."""

    def __init__(
        self,
        id: str | None,
        conversation: Conversation,
        output: OutputFormat,
        *,
        form: MessageForm,
        is_synced: bool,
        send: Send,
    ) -> None:
        self.id = id
        self.conversation = conversation
        self.is_closing = False
        self.was_asked = asyncio.Event()
        """set by each message for it, and at its end"""
        self.has_ended = asyncio.Event()
        """its last message has been sent, or the client is gone"""
        self._output = output
        self._form = form
        self._is_synced = is_synced
        self._send = send
        self._warnings: dict[str, None] = {}
        self._encoder: Encoder | None = None
        self._untold = conversation.provenance
        """None once a message has had it"""
        self._is_silenced = False
        self._failure: ChorusError | None = None

    def warn(self, warnings: Iterable[str]) -> None:
        """Tell the first MAX_WARNINGS, each once, in the last message."""
        for warning in warnings:
            if len(self._warnings) < MAX_WARNINGS:
                self._warnings[warning] = None

    async def close(self) -> None:
        """Speak all text, then end. Closing again is silence at once."""
        if self.is_closing:
            await self.silence()
        else:
            self.finish()

    def finish(self) -> None:
        """Speak all text, then end."""
        self.is_closing = True
        self.conversation.finish()

    async def finish_when_idle(self, timeout_s: float) -> bool:
        """Wait until no message has come for `timeout_s`, then finish. False where the context is closed before."""
        while not self.is_closing:
            self.was_asked.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self.was_asked.wait()
            except TimeoutError:
                if not self.is_closing:
                    self.finish()
                    return True
        return False

    async def silence(self, failure: ChorusError | None = None) -> None:
        """Drop everything, and wait until the last message, or `failure` as an error, has been sent."""
        self._failure = failure
        self.is_closing = self._is_silenced = True
        await self.conversation.aclose()
        await self.has_ended.wait()

    async def speak(self) -> msgspec.Struct:
        """Send all audio. Returns the message that must follow. Raises ClientGone, and the error of the context."""
        try:
            await self._speak()
            if self._failure is not None:
                raise self._failure
            if not self._is_silenced:
                await self._send_audio(await ENCODERS.run(self._close_encoder))
        finally:
            self._close_encoder()
            await self.conversation.aclose()
        return self._form.final(self.id, [*self._warnings])

    async def _speak(self) -> None:
        timer = SegmentTimer(by_words=self.conversation.times_words)
        async with aclosing(self.conversation.events()) as events:
            async for event in events:
                if self._is_silenced:
                    return
                match event:
                    case np.ndarray():
                        await self._send_audio(await ENCODERS.run(self._encode, event))
                    case SegmentEnded() | WordsSpoken():
                        for segment, after_s, words in timer.take(event):
                            await self._send_times(character_moments(segment, after_s, words), after_s)
                    case Warned(message):
                        self.warn([message])
                    case Marker.FLUSHED:
                        if self._output.format in RAW_FORMATS:
                            await self._send_audio(await ENCODERS.run(self._close_encoder))
                        await self._tell(self._form.turn_end(self.id))
                    case _:
                        pass

    async def _send_times(self, moments: Moments, after_s: float) -> None:
        given_s = self.conversation.given_s
        await self._tell(
            self._form.times(self.id, moments, after_s=after_s, given_s=given_s, is_synced=self._is_synced)
        )

    async def _tell(self, message: msgspec.Struct | None) -> None:
        if message is not None and not self._is_silenced:
            await self._send(message)

    async def _send_audio(self, data: bytes) -> None:
        if data and not self._is_silenced:
            provenance, self._untold = self._untold, None
            await self._send(self._form.audio(self.id, base64.b64encode(data).decode(), provenance))

    def _encode(self, samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> bytes:
        if self._encoder is None:
            self._encoder = open_output_encoder(
                self._output,
                self.conversation.sample_rate_hz,
                streaming=True,
                provenance=self.conversation.provenance,
            )
        return self._encoder.encode(samples)

    def _close_encoder(self) -> bytes:
        """The rest of the audio. Idempotent."""
        encoder, self._encoder = self._encoder, None
        return b"" if encoder is None else encoder.close()
