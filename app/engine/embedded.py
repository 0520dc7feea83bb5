"""The embedded voice: hibari-tts, a small US-English voice whose weights ship in its wheel.

One segment is one synthesis in a worker thread; all bookkeeping happens on the event loop, so there are no locks.
The network releases the interpreter lock while it runs, so two threads on two cores make speech twice as fast as one.

Cannot clone and knows one voice and one language. Its other voices need a download and are never shown.
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

from app.audio.reference import ReferenceClip
from app.engine.admission import Admission
from app.engine.base import (
    AudioChunk,
    EngineInfo,
    EngineStats,
    Samples,
    Speaker,
    SynthesisRequest,
    Voice,
)
from app.engine.scheduler import Scheduler, Work
from app.engine.scheduler import Sequence as ScheduledSequence
from app.engine.stream import OrderedChunks
from app.errors import ChorusError, CloningUnavailable, Draining, EngineFailure, NothingToSpeak
from app.text.digits import lower_digits, spell_long_numbers

logger = logging.getLogger(__name__)

SAMPLE_RATE_HZ = 24_000
HEART = Speaker(id="heart", name="Heart", languages=("en",), source="built-in")
MAX_SEGMENT_CHARS = 300
HOW_TO_CLONE = "the embedded voice cannot clone; the XTTS engine can: `chorus download`, then CHORUS_ENGINE=xtts"
# The voice fails on numbers beyond decillions and drops what a word has beyond 24 letters: both are read in pieces.
_LONG_WORD = re.compile(r"([^\W\d_]{24})(?=[^\W\d_])")
_SPOKEN_SYMBOLS = frozenset("&@%$£€+=#°±×÷²³½¼¾π")


class EmbeddedEngine:
    """`max_slots` 0 takes one slot a core, at most 4: beyond that the interpreter lock is the limit."""

    def __init__(self, *, max_slots: int = 0, max_queue: int = 64, clock: Callable[[], float] = time.monotonic) -> None:
        max_slots = max_slots or min(4, os.cpu_count() or 1)
        self._hibari = Hibari()
        self._hibari("Ready.", seed=0)  # loads the lexicon now, not in the first caller's request
        self._admission = Admission(max_admitted=max_slots + max_queue)
        self._scheduler = Scheduler(max_slots=max_slots)
        self._pool = ThreadPoolExecutor(max_slots, thread_name_prefix="voice")
        self._clock = clock
        self._open: dict[Work, tuple[SynthesisRequest, OrderedChunks]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self.info = EngineInfo(
            name="embedded",
            model=f"hibari-tts {importlib.metadata.version('hibari-tts')}",
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
        )

    def speakers(self) -> Sequence[Speaker]:
        return (HEART,)

    def voice(self, speaker_id: str) -> Voice:
        if speaker_id != HEART.id:
            raise KeyError(speaker_id)
        return Voice(id=HEART.id)

    async def clone(self, clips: Sequence[ReferenceClip]) -> Voice:
        raise CloningUnavailable(HOW_TO_CLONE)

    def pack_voice(self, voice: Voice) -> bytes:
        raise CloningUnavailable(HOW_TO_CLONE)

    def unpack_voice(self, voice_id: str, packed: bytes) -> Voice:
        raise CloningUnavailable(HOW_TO_CLONE)

    def unspeakable(self, text: str, language: str) -> str:
        """Letters of other scripts. (It spells Cyrillic and Greek letters by name, which nobody wants to hear.)"""
        return "".join(dict.fromkeys(char for char in text if char.isalpha() and not _is_latin(char)))

    def has_sound(self, text: str, language: str) -> bool:
        return any(char.isdecimal() or char in _SPOKEN_SYMBOLS or (char.isalpha() and _is_latin(char)) for char in text)

    def submit(self, request: SynthesisRequest) -> OrderedChunks:
        if self._is_closed:
            raise Draining("the server is shutting down")
        work = self._admission.admit(len(request.segments), self._clock())
        self._scheduler.add(work)

        def on_take(chunk: AudioChunk) -> None:
            self._scheduler.take(work, len(chunk.samples) / SAMPLE_RATE_HZ)
            self._start_what_fits()

        def on_close() -> None:
            self._admission.release(work)
            self._scheduler.release(work)
            self._open.pop(work, None)
            self._start_what_fits()

        stream = OrderedChunks(work, len(request.segments), on_take=on_take, on_close=on_close)
        self._open[work] = request, stream
        self._start_what_fits()
        return stream

    def on_lost(self, tell: Callable[[ChorusError], None]) -> None:
        """Nothing can be lost: there is no device."""

    async def aclose(self) -> None:
        self._is_closed = True
        for _, stream in list(self._open.values()):
            stream.fail(Draining("the server stopped before this request was finished"))
        await asyncio.gather(*self._tasks)
        self._pool.shutdown()

    def _start_what_fits(self) -> None:
        while not self._is_closed and (sequence := self._scheduler.next_sequence(self._clock())):
            request, stream = self._open[sequence.work]
            task = asyncio.get_running_loop().create_task(self._decode(sequence, request, stream))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _decode(self, sequence: ScheduledSequence, request: SynthesisRequest, stream: OrderedChunks) -> None:
        """One segment, from its slot to the caller. Every way out frees the slot."""
        made_s = 0.0
        try:
            samples = await asyncio.get_running_loop().run_in_executor(
                self._pool, self._synthesize, request, sequence.segment_index
            )
            made_s = len(samples) / SAMPLE_RATE_HZ
            stream.deliver(AudioChunk(segment_index=sequence.segment_index, samples=samples, is_last=True))
        except ChorusError as error:
            stream.fail(error)
        except Exception as error:  # noqa: BLE001 - the engine's boundary: fails this request by name and no other
            failure = EngineFailure(f"segment {sequence.segment_index} could not be spoken")
            failure.__cause__ = error
            stream.fail(failure)
        finally:
            self._scheduler.made(sequence.work, made_s)
            self._scheduler.finish(sequence)
            self._start_what_fits()

    def _synthesize(self, request: SynthesisRequest, segment_index: int) -> Samples:
        """Runs in a worker thread. The noise depends on (seed, segment) alone, never on who else is speaking."""
        text = request.segments[segment_index].text
        seed = (request.sampling.seed << 20) + segment_index
        samples: Samples = np.asarray(self._hibari(_readable(text), speed=request.speed, seed=seed), np.float32)
        if not samples.size:
            raise NothingToSpeak(f"the embedded voice has no sound for {text[:60]!r}", param="text")
        return samples


def _is_latin(char: str) -> bool:
    # Symbols such as π and µ are letters to Unicode; the voice reads them as words.
    return char in _SPOKEN_SYMBOLS or unicodedata.name(char, "").startswith(("LATIN", "FEMININE", "MASCULINE", "MICRO"))


def _readable(text: str) -> str:
    return _LONG_WORD.sub(r"\1 ", spell_long_numbers(lower_digits(text))).replace("\n", " ")
