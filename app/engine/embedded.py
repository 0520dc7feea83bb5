"""The embedded voice: hibari-tts, a small US-English voice whose weights ship in its wheel.

One segment is one synthesis in a worker thread, where the network releases the interpreter lock. All bookkeeping is on
the event loop, so there are no locks. One voice, one language, no cloning; its other voices need a download.
"""

import asyncio
import importlib.metadata
import logging
import os
import re
import time
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hibari import Hibari  # pyright: ignore[reportMissingTypeStubs]

from app.audio.loudness import measure_level
from app.audio.reference import ReferenceClip
from app.engine import scheduler
from app.engine.admission import Admission
from app.engine.base import EngineInfo, EngineStats, Speaker
from app.engine.capacity import Capacity
from app.engine.embedded_capitals import lower_words
from app.engine.embedded_gate import Gate, GatedVoice
from app.engine.live import LiveStreams
from app.engine.pace import Pace
from app.engine.scheduler import Request, Scheduler
from app.engine.stream import ChunkStream
from app.engine.values import AudioChunk, Samples, Voice
from app.errors import ChorusError, CloningUnavailable, Draining, EngineFailure, NothingToSpeak
from app.pools import yield_to_event_loop, yield_to_speech
from app.text.lexicon import FindLexicons, Lexicon, no_lexicons
from app.text.reading import is_sounded, read
from app.text.segments import Segment

logger = logging.getLogger(__name__)

SAMPLE_RATE_HZ = 24_000
HEART = Speaker(id="heart", name="Heart", languages=("en",), source="built-in")
MAX_SEGMENT_CHARS = 300
LEVEL_TEXT = "The weather was fine, so we walked along the river."
"""Spoken once to measure the voice's loudness."""
CHARS_PER_S = 17.5
SECONDS_BESIDE_TEXT = 0.5
"""Silence around a segment, whatever its length."""
HOW_TO_CLONE = "the embedded voice cannot clone; the XTTS engine can: `chorus download`, then CHORUS_ENGINE=xtts"
# The voice drops letters of a word beyond 24, so a longer one is read in pieces.
_LONG_WORD = re.compile(r"([^\W\d_]{24})(?=[^\W\d_])")
_SPOKEN_SYMBOLS = frozenset("&@%$£+=#°±×÷²³½¼¾π§©~^№→")
_SILENT_ASCII = frozenset("*\\|<>`")


def model_name() -> str:
    return f"hibari-tts {importlib.metadata.version('hibari-tts')}"


class EmbeddedEngine:
    """`max_slots` 0 takes one slot a core, at most 4, where the interpreter lock becomes the limit."""

    def __init__(
        self,
        *,
        max_slots: int = 0,
        max_queue: int = 64,
        max_ahead_s: float = 30.0,
        limit_streams: bool = False,
        max_live_wait_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        max_slots = max_slots or min(4, os.cpu_count() or 1)
        self._hibari = Hibari()
        # Also loads the lexicon, which would delay the first request.
        self._voice = Voice(id=HEART.id, level=measure_level(self._speak(LEVEL_TEXT), SAMPLE_RATE_HZ))
        self._pool = ThreadPoolExecutor(max_slots, thread_name_prefix="voice", initializer=yield_to_event_loop)
        # Beside the slots: a book takes none from a caller, whose threads go first.
        self.gate = Gate()
        self._book_voice = GatedVoice(self._hibari, self.gate)
        self._background = ThreadPoolExecutor(max_slots, thread_name_prefix="book-voice", initializer=yield_to_speech)
        self._capacity = Capacity({number: self._measure_load(number) for number in sorted({1, max_slots})})
        pace = Pace()
        live = LiveStreams(
            self._capacity,
            is_limited=limit_streams,
            max_wait_s=max_live_wait_s,
            max_ahead_s=max_ahead_s,
            shares_steps=False,
        )
        self._admission = Admission(max_admitted=max_slots + max_queue, num_slots=max_slots, pace=pace, live=live)
        # No kept slots: a segment takes a fraction of a second.
        self._scheduler = Scheduler(
            max_slots=max_slots, max_ahead_s=max_ahead_s, pace=pace, live=live, has_background_slots=True
        )
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self.info = EngineInfo(
            name="embedded",
            model=model_name(),
            device="cpu",
            sample_rate_hz=SAMPLE_RATE_HZ,
            languages=("en",),
            max_segment_chars={"en": MAX_SEGMENT_CHARS},
            can_clone=False,
            sampling_options=frozenset({"seed"}),
            max_slots=max_slots,
            max_queue=max_queue,
            notice="This is the small embedded voice: one speaker, English only, no cloning. "
            "XTTS speaks seventeen languages in any voice.",
        )

    def stats(self) -> EngineStats:
        return EngineStats(
            busy_slots=self._scheduler.busy_slots,
            admitted_requests=self._admission.num_admitted,
            waiting_requests=self._admission.num_waiting,
            live_streams=self._admission.num_listeners,
            capacity_streams=self._capacity.streams,
        )

    def speakers(self) -> Sequence[Speaker]:
        return (HEART,)

    def voice(self, speaker_id: str) -> Voice:
        if speaker_id != HEART.id:
            raise KeyError(speaker_id)
        return self._voice

    async def clone(self, clips: Sequence[ReferenceClip]) -> Voice:
        raise CloningUnavailable(HOW_TO_CLONE)

    def pack_voice(self, voice: Voice) -> bytes:
        raise CloningUnavailable(HOW_TO_CLONE)

    def unpack_voice(self, voice_id: str, packed: bytes) -> Voice:
        raise CloningUnavailable(HOW_TO_CLONE)

    def prepare(
        self, segments: Sequence[Segment], language: str, find_lexicons: FindLexicons = no_lexicons
    ) -> tuple[scheduler.Sequence, ...]:
        return tuple(prepare_segment(segment, find_lexicons("en")) for segment in segments)

    def submit(self, request: Request) -> ChunkStream:
        if self._is_closed:
            raise Draining("the server is shutting down")

        def on_take(chunk: AudioChunk) -> None:
            self._scheduler.take(request, len(chunk.samples) / SAMPLE_RATE_HZ)
            self._start_what_fits()

        def on_close() -> None:
            self._admission.release(request)
            self._scheduler.release(request)
            self._start_what_fits()

        stream = ChunkStream(request, on_take=on_take, on_close=on_close)
        request.admit(stream, self._clock())
        self._admission.admit(request)
        self._scheduler.add(request)
        self._start_what_fits()
        return stream

    def on_lost(self, tell: Callable[[ChorusError], None]) -> None:
        """There is no device to lose."""

    async def aclose(self) -> None:
        self._is_closed = True
        for request in self._scheduler.requests:
            request.sink.fail(Draining("the server stopped before this request was finished"))
        self.gate.open()
        await asyncio.gather(*self._tasks)
        for pool in (self._pool, self._background):
            pool.shutdown()

    def _start_what_fits(self) -> None:
        if not self._is_closed:
            self.gate.update(self._scheduler.requests)
        while not self._is_closed and (sequence := self._scheduler.next_sequence(self._clock())):
            task = asyncio.get_running_loop().create_task(self._decode(sequence))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _decode(self, sequence: scheduler.Sequence) -> None:
        """One segment, from its slot to the caller."""
        sink, is_whole = sequence.request.sink, False
        num_busy_before = self._scheduler.busy_slots
        pool = self._background if sequence.request.is_background else self._pool
        try:
            samples = await asyncio.get_running_loop().run_in_executor(pool, self._synthesize, sequence)
            audio_s = len(samples) / SAMPLE_RATE_HZ
            self._scheduler.made(sequence, audio_s)
            if not self._scheduler.busy_background:  # a segment of a book beside it would count as a stream
                num_busy = (num_busy_before + self._scheduler.busy_slots) / 2
                self._capacity.measured(num_busy, audio_s=audio_s, seconds=self._clock() - sequence.started_at_s)
            sink.deliver(AudioChunk(segment_index=sequence.index, samples=samples, is_last=True))
            is_whole = True
        except ChorusError as error:
            sink.fail(error)
        except Exception as error:  # noqa: BLE001 - the engine's boundary: fails this request by name and no other
            failure = EngineFailure(f"segment {sequence.index} could not be spoken")
            failure.__cause__ = error
            sink.fail(failure)
        finally:
            self._scheduler.free_slot(sequence, self._clock(), is_whole=is_whole)
            self._scheduler.end(sequence)
            self._start_what_fits()

    def _measure_load(self, num_texts: int) -> float:
        """Seconds for a second of audio of each of `num_texts` texts, spoken at the same time."""
        began_at_s = time.perf_counter()
        made = list(self._pool.map(self._speak, [LEVEL_TEXT] * num_texts))
        return (time.perf_counter() - began_at_s) * SAMPLE_RATE_HZ / len(made[0])

    def _synthesize(self, sequence: scheduler.Sequence) -> Samples:
        """Runs in a worker thread. The noise depends on (seed, segment) alone."""
        seed = (sequence.request.seed << 20) + sequence.index
        speak = self._book_voice if sequence.request.is_background else self._speak
        samples = speak(sequence.spoken_text, speed=sequence.speed, seed=seed)
        if not samples.size:
            raise NothingToSpeak(f"the embedded voice has no sound for {sequence.segment.text[:60]!r}", param="text")
        return samples

    def _speak(self, text: str, *, speed: float = 1.0, seed: int = 0) -> Samples:
        return np.asarray(self._hibari(text, speed=speed, seed=seed), np.float32)


def prepare_segment(segment: Segment, lexicons: Sequence[Lexicon] = ()) -> scheduler.Sequence:
    said = lower_words(read(segment.text, "en", lexicons).text)
    unspoken = find_unspoken(said)
    # Letters of other scripts would be spelt by name.
    spoken = _LONG_WORD.sub(r"\1 ", " ".join(said.translate({ord(char): " " for char in unspoken}).split()))
    return scheduler.Sequence(
        segment=segment,
        language="en",
        spoken_text=spoken,
        normal_s=SECONDS_BESIDE_TEXT + len(spoken) / CHARS_PER_S,
        unspoken=unspoken,
        has_sound=any(char.isalnum() or char in _SPOKEN_SYMBOLS for char in spoken),
    )


def find_unspoken(said: str) -> str:
    """Distinct letters, digits and signs that the voice cannot pronounce."""
    return "".join(char for char in dict.fromkeys(said) if is_sounded(char) and not _can_say(char))


def _can_say(char: str) -> bool:
    """Symbols such as π and µ are letters to Unicode; the voice reads them as words."""
    if char in _SPOKEN_SYMBOLS or char.isascii():
        return char not in _SILENT_ASCII
    return unicodedata.name(char, "").startswith(("LATIN", "FEMININE", "MASCULINE", "MICRO"))
