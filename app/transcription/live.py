"""Text while somebody speaks: audio in as it comes, partial and final texts out.

    write -> PcmStream -> VoiceDetector -> Endpointer -> _ended -> events
                                              |
                                              open utterance, decoded again while it grows

The recogniser has at most one request of a session. When speech pauses, the utterance is decoded as if it had ended; if
it has, that text is the final one and is ready when the silence is long enough. Lives on the event loop.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from enum import Enum, auto

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.asr.base import SAMPLE_RATE_HZ, Finished, Word
from app.asr.endpoint import FRAME, Edge, Endpointer, Utterance, UtteranceEdge, VoiceDetector
from app.audio.pcm_stream import PcmForm, PcmStream
from app.errors import QueueFull
from app.pools import LISTENING
from app.transcription.request import TranscriptionOptions
from app.transcription.service import TranscriptionService
from app.transcription.transcript import Transcript

MIN_GROWTH_S = 0.3
"""Speech that an utterance must have gained before it is decoded again."""
MAX_ENDED = 2
"""Utterances that wait for their final text. `write` waits for one place among them."""
MAX_UNREAD = 16
"""Events that `events` has not given yet; everything waits for it then."""


class SpeechStarted(msgspec.Struct, frozen=True):
    """Comes at once, also before the final text of the utterance before. Seconds count from the first sample."""

    index: int
    start_s: float


class PartialText(msgspec.Struct, frozen=True):
    """The text of an utterance so far. It replaces the one before, of which every word may change."""

    index: int
    start_s: float
    end_s: float
    text: str


class FinalText(msgspec.Struct, frozen=True):
    """The text of an utterance; empty where no words were recognised."""

    index: int
    start_s: float
    end_s: float
    text: str
    language: str | None
    words: tuple[Word, ...]
    """empty unless they were asked for"""


class Marker(Enum):
    FLUSHED = auto()
    """the final texts of all audio before `flush` have been given"""


LiveEvent = SpeechStarted | PartialText | FinalText | Marker


class _Draft(msgspec.Struct, frozen=True, eq=False):
    """An attempt to decode the open utterance."""

    utterance: Utterance
    until: int
    """position of the end of the samples that were decoded"""
    is_thorough: bool
    """decoded as a final text is"""
    transcript: Transcript | None
    """None where the recogniser was full"""

    def covers(self, utterance: Utterance) -> bool:
        """True where another attempt would hear the same speech."""
        return self.utterance is utterance and self.is_thorough and self.until >= utterance.speech_end


class LiveTranscription:
    """One stream of audio. One task writes, another reads `events`; either may close.

    options         of every utterance
    detect          is called on pool threads
    has_partials    False: only final texts
    on_transcribed  gets the receipt of each final text
    """

    def __init__(
        self,
        service: TranscriptionService,
        options: TranscriptionOptions,
        form: PcmForm,
        *,
        detect: VoiceDetector,
        silence_s: float,
        has_partials: bool,
        on_transcribed: Callable[[Finished], None],
    ) -> None:
        self._service = service
        self._options = options
        self._final_options = msgspec.structs.replace(options, low_latency=True)
        self._partial_options = msgspec.structs.replace(self._final_options, words=False, beam_size=1, is_draft=True)
        self._pcm = PcmStream(form)
        self._piece_bytes = form.rate_hz * form.width * form.channels
        """one second"""
        self._detect = detect
        self._has_partials = has_partials
        self._on_transcribed = on_transcribed
        self._rest = np.zeros(0, np.int16)
        self._endpointer = Endpointer(silence_s=silence_s)
        self._ended: deque[Utterance | Marker | None] = deque()
        self._events: asyncio.Queue[LiveEvent | Exception | None] = asyncio.Queue(MAX_UNREAD)
        self._draft: _Draft | None = None
        self._changed = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._transcribing = asyncio.create_task(self._transcribe())

    @property
    def heard_s(self) -> float:
        """Seconds of audio that were taken."""
        return self._endpointer.position / SAMPLE_RATE_HZ

    async def write(self, data: bytes) -> None:
        """Take a piece of PCM of any length. Waits while MAX_ENDED utterances wait for their text."""
        for at in range(0, len(data), self._piece_bytes):
            await self._has_room.wait()
            await self._take(*await LISTENING.run(self._measure, data[at : at + self._piece_bytes]))

    async def flush(self) -> None:
        """End the utterance that is being spoken; Marker.FLUSHED follows its text."""
        await self._on_edges(list(self._endpointer.flush()))
        self._put(Marker.FLUSHED)

    async def finish(self) -> None:
        """No more audio: `events` ends behind the last text."""
        await self._take(*await LISTENING.run(self._measure_rest))
        await self._on_edges(list(self._endpointer.flush()))
        self._put(None)

    async def aclose(self) -> None:
        """Cancel the request in the recogniser; `events` gives no more. May be called twice."""
        self._transcribing.cancel()
        await asyncio.wait((self._transcribing,))

    async def events(self) -> AsyncGenerator[LiveEvent]:
        """All events in order. Ends after `finish`; raises what the recogniser raises."""
        while (event := await self._events.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event

    def _measure(self, data: bytes) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
        """[n, FRAME] samples and their [n] probabilities of speech. Samples behind the last whole frame are kept."""
        return self._measure_samples(self._pcm.convert(data))

    def _measure_rest(self) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
        return self._measure_samples(np.concatenate([self._pcm.close(), np.zeros(FRAME - 1, np.int16)]))

    def _measure_samples(self, samples: NDArray[np.int16]) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
        samples = np.concatenate([self._rest, samples])
        num_frames = len(samples) // FRAME
        self._rest = samples[num_frames * FRAME :]
        frames = samples[: num_frames * FRAME].reshape(-1, FRAME)
        if not num_frames:
            return frames, np.zeros(0, np.float32)
        return frames, self._detect(frames.astype(np.float32) / np.float32(32_768))

    async def _take(self, frames: NDArray[np.int16], probabilities: NDArray[np.float32]) -> None:
        for frame, probability in zip(frames, probabilities.tolist(), strict=True):
            await self._on_edges(list(self._endpointer.take(frame, probability)))
        self._changed.set()

    async def _on_edges(self, edges: list[UtteranceEdge]) -> None:
        for edge in edges:
            if edge.edge is Edge.ENDED:
                self._put(edge.utterance)
            else:
                started = SpeechStarted(edge.utterance.index, _seconds(edge.utterance.speech_start))
                await self._events.put(started)

    def _put(self, item: Utterance | Marker | None) -> None:
        self._ended.append(item)
        self._changed.set()
        if len(self._ended) >= MAX_ENDED:
            self._has_room.clear()

    async def _transcribe(self) -> None:
        try:
            while True:
                while not self._ended and self._undrafted() is None:
                    self._changed.clear()
                    await self._changed.wait()
                if self._ended:
                    item = self._ended.popleft()
                    if len(self._ended) < MAX_ENDED:
                        self._has_room.set()
                    await self._events.put(await self._finish(item) if isinstance(item, Utterance) else item)
                    if item is None:
                        return
                elif (utterance := self._undrafted()) is not None:
                    await self._decode_open(utterance)
        except Exception as error:  # noqa: BLE001 - raised where `events` is read
            await self._events.put(error)

    def _undrafted(self) -> Utterance | None:
        """The open utterance, if it is to be decoded now."""
        utterance, draft = self._endpointer.open, self._draft
        if utterance is None:
            return None
        if utterance.is_paused:
            return None if draft is not None and draft.covers(utterance) else utterance
        if utterance.num_silent:  # speech may end here, and the model would be busy then
            return None
        known = draft.until if draft is not None and draft.utterance is utterance else utterance.speech_start
        has_grown = utterance.speech_end - known >= MIN_GROWTH_S * SAMPLE_RATE_HZ
        return utterance if self._has_partials and has_grown else None

    async def _decode_open(self, utterance: Utterance) -> None:
        before = self._draft.transcript if self._draft is not None and self._draft.utterance is utterance else None
        until, is_thorough = utterance.end, utterance.is_paused
        try:
            if is_thorough:
                transcript = await self._service.transcribe(utterance.samples, self._final_options).collect()
            elif (transcript := await self._decode_unless_paused(utterance)) is None:
                return
        except QueueFull:
            transcript = None
        self._draft = _Draft(utterance, until, is_thorough, transcript)
        if (
            transcript is None
            or not transcript.text
            or not self._has_partials
            or utterance is not self._endpointer.open
        ):
            return
        if before is None or before.text != transcript.text:
            start_s = _seconds(utterance.speech_start)
            await self._events.put(PartialText(utterance.index, start_s, _seconds(until), transcript.text))

    async def _decode_unless_paused(self, utterance: Utterance) -> Transcript | None:
        """The text so far; None once the utterance pauses or ends, because a final text is wanted then."""
        decoding = asyncio.ensure_future(self._service.transcribe(utterance.samples, self._partial_options).collect())
        try:
            while not decoding.done() and utterance is self._endpointer.open and not utterance.is_paused:
                self._changed.clear()
                changing = asyncio.ensure_future(self._changed.wait())
                await asyncio.wait((decoding, changing), return_when=asyncio.FIRST_COMPLETED)
                changing.cancel()
            return decoding.result() if decoding.done() else None
        finally:
            decoding.cancel()
            await asyncio.wait((decoding,))

    async def _finish(self, utterance: Utterance) -> FinalText:
        draft, self._draft = self._draft, None
        if draft is not None and draft.transcript is not None and draft.covers(utterance):
            transcript = draft.transcript
        else:
            stream = await self._service.transcribe_in_turn(utterance.samples, self._final_options)
            transcript = await stream.collect()
        self._on_transcribed(transcript.receipt)
        offset_s = _seconds(utterance.start)
        words = tuple(
            msgspec.structs.replace(word, start_s=offset_s + word.start_s, end_s=offset_s + word.end_s)
            for word in transcript.words
        )
        return FinalText(
            utterance.index,
            _seconds(utterance.speech_start),
            _seconds(utterance.speech_end),
            transcript.text,
            transcript.language,
            words if self._options.words else (),
        )


def _seconds(position: int) -> float:
    return round(position / SAMPLE_RATE_HZ, 3)
