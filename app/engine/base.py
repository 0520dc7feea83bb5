"""The engine seam: what `speech` may ask of an engine, and the values that cross.

Knows nothing of HTTP, of files, of how a text became segments, or of what happens to the samples afterwards.
Methods of an engine are called on the event loop unless they say otherwise; an engine does its work elsewhere and never
blocks there.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.audio.loudness import SpeechLevel
from app.audio.reference import ReferenceClip
from app.errors import ChorusError
from app.text.lexicon import Lexicon
from app.text.segments import Segment

Samples = NDArray[np.float32]
"""Mono audio in [-1, 1], float32, shape [samples]."""


Stage = Callable[[str], AbstractContextManager[None]]
"""Times a stage of the start, by its name."""


Check = Callable[[], None]
"""Raises where the start is given up; called between its steps, on the thread that does them."""


def unchecked() -> None:
    """A start that is never given up."""


def untimed(_: str) -> AbstractContextManager[None]:
    """A stage that nobody times."""
    return nullcontext()


class Speaker(msgspec.Struct, frozen=True):
    """A voice that callers can name."""

    id: str
    name: str
    languages: tuple[str, ...]
    source: Literal["built-in", "saved"]


class Voice(msgspec.Struct, eq=False):
    """A voice ready to be decoded with. `conditioning` is the engine's own and opaque to everybody else."""

    id: str
    conditioning: Any = None  # Any: its type belongs to the engine that made it
    level: SpeechLevel | None = None
    """how loud it speaks; set once, when it has been measured"""


class SamplingParams(msgspec.Struct, frozen=True, kw_only=True):
    """How sequences are sampled. None leaves the choice to the engine's own default; the seed is always set."""

    seed: int
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float | None = None


class PreparedSegment(Segment, frozen=True, kw_only=True):
    """A segment as an engine decodes it, made by `Engine.prepare`. Its `text` is as the caller wrote it."""

    expected_s: float
    """estimated seconds of audio"""
    spoken_text: str = ""
    """as the engine reads it: numbers, abbreviations and symbols spelt out"""
    text_tokens: tuple[int, ...] = ()
    """ids of the engine's vocabulary, where it has one"""
    unspoken: str = ""
    """distinct letters, digits and signs of the spoken form that the engine cannot pronounce"""
    has_sound: bool = True
    """whether anything of it would be heard"""


class SynthesisRequest(msgspec.Struct, frozen=True, kw_only=True):
    """All segments of one caller's text: admitted together, cancelled together, delivered in order."""

    segments: tuple[PreparedSegment, ...]
    language: str
    voice: Voice
    sampling: SamplingParams
    speed: float = 1.0
    streaming: bool = True
    """whether audio is wanted as it is made; otherwise a segment comes when it is whole, and may be tried twice"""


class AudioChunk(msgspec.Struct, frozen=True):
    """Samples of one segment, in order. The last chunk of a segment says so; it may carry no samples."""

    segment_index: int
    samples: Samples
    is_last: bool


class EngineInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What does not change while an engine lives."""

    name: str
    model: str
    """readable; not unique, because it may be the name of a folder"""
    device: str
    sample_rate_hz: int
    languages: tuple[str, ...]
    """canonical codes (app.text.languages), never empty"""
    max_segment_chars: Mapping[str, int]
    """language -> characters of text that one segment may hold"""
    can_clone: bool
    sampling_options: frozenset[str]
    """names of the SamplingParams fields that change this engine's audio"""
    max_slots: int
    """segments decoded at the same time"""
    max_queue: int
    """requests that may wait beyond those"""
    max_reference_s: float = 30.0
    """seconds of each recording that cloning uses"""
    languages_as_written: tuple[str, ...] = ()
    """those of `languages` whose numbers and abbreviations are not spelt out before they are spoken"""
    identity: str | None = None
    """a digest of the weights: saved voices belong to it. None where `model` names one version of one model"""
    notice: str | None = None
    """one sentence that a user of this engine should know"""


class DeviceMemory(msgspec.Struct, frozen=True, kw_only=True):
    """An accelerator's memory, in bytes."""

    allocated: int
    """of tensors"""
    reserved: int
    """taken from the device, the tensors' included: what is free of it is free to this process only"""
    limit: int
    """what the device has"""


class EngineStats(msgspec.Struct, frozen=True, kw_only=True):
    """A moment's load, and counts since the start that only grow."""

    busy_slots: int
    admitted_requests: int
    waiting_requests: int
    """admitted, with no segment started yet"""
    decode_steps: int = 0
    """calls of the decoder, each of which gives every busy slot one more audio code; 0 on an engine without steps"""
    segments_retried: int = 0
    """did not end by themselves and were decoded again"""
    segments_cut: int = 0
    """did not end by themselves and were cut"""
    device_memory: DeviceMemory | None = None
    """None where the engine computes in the host's memory"""


class ChunkStream(Protocol):
    """The audio of one admitted request: chunks in the order of the text."""

    def __aiter__(self) -> AsyncIterator[AudioChunk]: ...

    async def __anext__(self) -> AudioChunk: ...

    @property
    def queue_s(self) -> float | None:
        """Seconds from admission until the first segment was started; None while it waits."""
        ...

    @property
    def warnings(self) -> Sequence[str]:
        """What the caller should know about the audio that came so far."""
        ...

    async def aclose(self) -> None:
        """Give everything back. May be called twice, before the first chunk, between chunks and after the last."""
        ...


class Engine(Protocol):
    """Text in, audio out, for many callers at once.

    `prepare`, `pack_voice` and `unpack_voice` may be called on any thread; the rest is for the event loop.
    """

    @property
    def info(self) -> EngineInfo: ...

    def stats(self) -> EngineStats: ...

    def speakers(self) -> Sequence[Speaker]:
        """The built-in voices; the first is the default."""
        ...

    def voice(self, speaker_id: str) -> Voice:
        """Raises KeyError for an id that `speakers` does not list."""
        ...

    async def clone(self, clips: Sequence[ReferenceClip]) -> Voice:
        """The voice of recordings. A caller that is cancelled gives its place back.

        Raises CloningUnavailable where `info.can_clone` is false, QueueFull at once where too much waits,
        UnusableReference for recordings that give no voice.
        """
        ...

    def pack_voice(self, voice: Voice) -> bytes:
        """A voice of `clone` as bytes that outlive this process."""
        ...

    def unpack_voice(self, voice_id: str, packed: bytes) -> Voice:
        """The voice again, in any process with the same model. Raises ValueError where it is no such voice."""
        ...

    def prepare(
        self, segments: Sequence[Segment], language: str, lexicons: Sequence[Lexicon] = ()
    ) -> tuple[PreparedSegment, ...]:
        """The segments as they are decoded, read with `lexicons` (app.text.reading). Blocking, milliseconds a segment.

        Segments that the engine cannot decode in one piece come as several, numbered anew.
        """
        ...

    def submit(self, request: SynthesisRequest) -> ChunkStream:
        """Admit a request or raise QueueFull at once. Errors of decoding come out of the stream."""
        ...

    def on_lost(self, tell: Callable[[ChorusError], None]) -> None:
        """`tell` is called, on the event loop, when the engine has failed for good and cannot speak any more."""
        ...

    async def aclose(self) -> None:
        """Stop: streams that are still open raise Draining."""
        ...
