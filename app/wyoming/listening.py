"""Speech to text: `transcribe`, the recording between `audio-start` and `audio-stop`, its `transcript`.

The recording is transcribed at its end. The parts of the text are sent in `transcript-chunk`s as they are recognised,
and the whole in `transcript`, for which older clients wait.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

import numpy as np
from numpy.typing import NDArray
from wyoming.asr import Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event

from app.asr.base import SAMPLE_RATE_HZ, Finished, RecognizedSegment
from app.audio.pcm_stream import PcmForm, PcmStream
from app.errors import InvalidField, RecordingTooLong, quoted
from app.pools import LISTENING
from app.speech.connections import Connections
from app.transcription.request import TranscriptionOptions
from app.transcription.service import TranscriptionService
from app.transcription.stream import TranscriptionStream
from app.wyoming.connection import Connection
from app.wyoming.fields import AudioFields, TranscribeFields, read_fields

MAX_RECORDING_S = 300.0
"""Longest recording: 9.6 MB of samples for each of CHORUS_MAX_SOCKETS connections. A voice command takes seconds."""


class Listening:
    """`find_service` raises the error for clients while there is none."""

    def __init__(
        self,
        find_service: Callable[[], TranscriptionService],
        *,
        connections: Connections,
        on_transcribed: Callable[[Finished], None],
    ) -> None:
        self._find_service = find_service
        self._connections = connections
        self._on_transcribed = on_transcribed

    def read_options(self, event: Event) -> TranscriptionOptions:
        """The options of a `transcribe`. Raises what the transcription would raise, before the client speaks."""
        fields = read_fields(event, TranscribeFields)
        service = self._find_service()
        model = service.recognizer.info.model
        if fields.name and fields.name != model:
            raise InvalidField(f"there is no model {quoted(fields.name)}; `describe` lists {model}")
        options = TranscriptionOptions(language=fields.language or "", prompt=fields.prompt)
        service.check(options)
        return options

    async def transcribe(self, connection: Connection, event: Event, options: TranscriptionOptions) -> None:
        """Collect the recording that begins with the `audio-start` in `event`, and answer it."""
        form = _form_of(event)
        service = self._find_service()
        service.check(options)
        with self._connections.conversing():
            recording = _Recording(form, max_s=min(MAX_RECORDING_S, service.max_recording_s))
            samples = await _collect(connection, recording)
            async with aclosing(service.transcribe(samples, options)) as stream:
                answering = asyncio.ensure_future(_answer(stream, connection))
                try:
                    await connection.unless_closed(answering)
                finally:
                    answering.cancel()
                    await asyncio.gather(answering, return_exceptions=True)
            if stream.receipt is not None:
                self._on_transcribed(stream.receipt)


class _Recording:
    """Pieces of one recording, whose form may change between them."""

    def __init__(self, form: PcmForm, *, max_s: float) -> None:
        self._stream = PcmStream(form)
        self._max_s = max_s
        self._pieces: list[NDArray[np.int16]] = []
        self._num_samples = 0

    def add(self, form: PcmForm, data: bytes) -> None:
        """Blocking. Raises RecordingTooLong."""
        if form != self._stream.form:
            self._keep(self._stream.close())
            self._stream = PcmStream(form)
        self._keep(self._stream.convert(data))
        if self._num_samples > self._max_s * SAMPLE_RATE_HZ:
            raise RecordingTooLong(f"a recording may have {self._max_s:g} s: send `audio-stop` after it")

    def close(self) -> NDArray[np.int16]:
        """All samples. Blocking."""
        self._keep(self._stream.close())
        return np.concatenate([np.zeros(0, np.int16), *self._pieces])

    def _keep(self, piece: NDArray[np.int16]) -> None:
        self._pieces.append(piece)
        self._num_samples += len(piece)


async def _collect(connection: Connection, recording: _Recording) -> NDArray[np.int16]:
    """[samples] up to `audio-stop`. Raises EOFError at the client's end, InvalidField where nothing comes."""
    while (event := await _next_of_recording(connection)) is not None:
        if AudioChunk.is_type(event.type):
            await LISTENING.run(recording.add, _form_of(event), event.payload or b"")
        elif AudioStop.is_type(event.type):
            return await LISTENING.run(recording.close)
        elif AudioStart.is_type(event.type):
            raise InvalidField("`audio-stop` comes before the next `audio-start`")
    raise EOFError("the recording has no end")


async def _next_of_recording(connection: Connection) -> Event | None:
    try:
        return await connection.read()
    except TimeoutError:
        raise InvalidField("no `audio-stop` came, and no event in the time of CHORUS_CLIENT_TIMEOUT_S") from None


async def _answer(stream: TranscriptionStream, connection: Connection) -> None:
    parts: list[str] = []
    async for event in stream:
        if isinstance(event, RecognizedSegment):
            if not parts:
                await connection.write(TranscriptStart(language=stream.language))
            parts.append(event.text if parts else event.text.lstrip())
            await connection.write(TranscriptChunk(text=parts[-1]))
    if not parts:
        await connection.write(TranscriptStart(language=stream.language))
    await connection.write(Transcript(text="".join(parts).strip(), language=stream.language))
    await connection.write(TranscriptStop())


def _form_of(event: Event) -> PcmForm:
    """Raises InvalidField."""
    fields = read_fields(event, AudioFields)
    return PcmForm(rate_hz=fields.rate, width=fields.width, channels=fields.channels)
