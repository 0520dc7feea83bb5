"""A FakeEngine that a test drives by hand: it speaks a tone, or waits, or fails, as the text says."""

import asyncio
import re
from collections.abc import Callable, Sequence

import numpy as np

from app.audio.loudness import SpeechLevel
from app.audio.reference import ReferenceClip
from app.engine import scheduler
from app.engine.admission import Admission
from app.engine.base import DeviceMemory, EngineInfo, EngineStats, Speaker
from app.engine.capacity import Capacity
from app.engine.live import LiveStreams
from app.engine.scheduler import Request
from app.engine.stream import ChunkStream
from app.engine.values import AudioChunk, Voice
from app.errors import ChorusError, EngineFailure
from app.text.lexicon import FindLexicons, no_lexicons, respell
from app.text.segments import Segment

RATE_HZ = 24_000
WORD_S = 0.1
LEVEL = SpeechLevel(rms_dbfs=-13.5, peak_dbfs=-10.5)
"""Level of the tone of every voice."""
SPEAKERS = (
    Speaker(id="heart", name="Heart", languages=("en", "de"), source="built-in"),
    Speaker(id="harald", name="Harald", languages=("en", "de"), source="built-in"),
)


def packed_voice(content: bytes) -> bytes:
    """A safetensors file with `content` as its one tensor."""
    size = len(content)
    header = f'{{"fake":{{"dtype":"U8","shape":[{size}],"data_offsets":[0,{size}]}}}}'.encode()
    return len(header).to_bytes(8, "little") + header + content


def packed_content(packed: bytes) -> bytes:
    return packed[8 + int.from_bytes(packed[:8], "little") :]


class FakeEngine:
    """A segment with "wait" waits for `release`, one with "fail" fails, any other is a tone of 0.1 s a word.

    level   of its own voices; None: they are measured
    """

    def __init__(
        self,
        *,
        max_slots: int = 2,
        max_queue: int = 2,
        model: str = "fake 1",
        identity: str | None = None,
        live: LiveStreams | None = None,
        amplitude: float = 0.3,
        level: SpeechLevel | None = LEVEL,
    ) -> None:
        self.release = asyncio.Event()
        self.requests: list[Request] = []
        self.num_cloned = 0
        self.decode_steps = self.segments_retried = self.segments_cut = 0
        self.device_memory: DeviceMemory | None = None
        self._amplitude, self._level = amplitude, level
        self._live = live or LiveStreams(
            Capacity({1: 0.1}), is_limited=False, max_wait_s=0.0, max_ahead_s=30.0, shares_steps=False
        )
        self._admission = Admission(max_admitted=max_slots + max_queue, live=self._live)
        self._tasks: set[asyncio.Task[None]] = set()
        self.info = EngineInfo(
            name="fake",
            model=model,
            identity=identity,
            device="none",
            sample_rate_hz=RATE_HZ,
            languages=("en", "de"),
            max_segment_chars={"en": 200, "de": 200},
            can_clone=True,
            sampling_options=frozenset({"seed", "temperature"}),
            max_slots=max_slots,
            max_queue=max_queue,
        )

    def stats(self) -> EngineStats:
        num_admitted = self._admission.num_admitted
        return EngineStats(
            busy_slots=0,
            admitted_requests=num_admitted,
            waiting_requests=num_admitted,
            decode_steps=self.decode_steps,
            segments_retried=self.segments_retried,
            segments_cut=self.segments_cut,
            live_streams=self._admission.num_listeners,
            capacity_streams=self._live.capacity.streams,
            device_memory=self.device_memory,
        )

    def speakers(self) -> Sequence[Speaker]:
        return SPEAKERS

    def voice(self, speaker_id: str) -> Voice:
        return {speaker.id: Voice(id=speaker.id, level=self._level) for speaker in SPEAKERS}[speaker_id]

    async def clone(self, clips: Sequence[ReferenceClip]) -> Voice:
        self.num_cloned += 1
        return Voice(id=f"clone of {len(clips)}", level=LEVEL)

    def pack_voice(self, voice: Voice) -> bytes:
        return packed_voice(voice.id.encode())

    def unpack_voice(self, voice_id: str, packed: bytes) -> Voice:
        content = packed_content(packed)
        if not content.startswith(b"clone of "):
            raise ValueError("no voice of this engine")
        return Voice(id=voice_id, conditioning=content.decode(), level=LEVEL)

    def prepare(
        self, segments: Sequence[Segment], language: str, find_lexicons: FindLexicons = no_lexicons
    ) -> tuple[scheduler.Sequence, ...]:
        return tuple(
            scheduler.Sequence(
                segment=segment,
                language=segment.language or language,
                spoken_text=respell(segment.text, find_lexicons(segment.language or language))[0],
                normal_s=WORD_S * len(segment.text.split()),
                unspoken="".join(dict.fromkeys(char for char in segment.text if char in "世界")),
                has_sound=any(char.isalnum() and char not in "世界" for char in segment.text),
            )
            for segment in segments
        )

    def submit(self, request: Request) -> ChunkStream:
        stream = ChunkStream(request, on_take=lambda _: None, on_close=lambda: self._admission.release(request))
        request.admit(stream, 0.0)
        self._admission.admit(request)
        self.requests.append(request)
        task = asyncio.get_running_loop().create_task(self._decode(request, stream))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return stream

    async def _decode(self, request: Request, stream: ChunkStream) -> None:
        for segment in (sequence.segment for sequence in request.sequences):
            if stream.is_closed:
                return
            if re.search(r"\bwait\b", segment.text):
                await self.release.wait()
            if re.search(r"\bfail\b", segment.text):
                stream.fail(EngineFailure(f"segment {segment.index} could not be spoken"))
                return
            seconds = WORD_S * len(segment.text.split())
            time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
            frequency_hz = 200 + request.sampling.seed % 400
            tone = (self._amplitude * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)
            stream.deliver(AudioChunk(segment_index=segment.index, samples=tone, is_last=True))

    def on_lost(self, tell: Callable[[ChorusError], None]) -> None:
        self.lose = tell

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
