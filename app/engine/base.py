"""The engine seam: all that `speech` may ask of an engine, and the values that cross.

Methods are called on the event loop unless they say otherwise, and never block there.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from app.audio.reference import ReferenceClip
from app.engine import scheduler
from app.engine.stream import ChunkStream
from app.engine.values import Voice
from app.errors import ChorusError
from app.text.lexicon import FindLexicons, no_lexicons
from app.text.segments import Segment


class Speaker(msgspec.Struct, frozen=True):
    """A voice that callers can name."""

    id: str
    name: str
    languages: tuple[str, ...]
    source: Literal["built-in", "saved"]
    aliases: tuple[str, ...] = ()
    """other names of it; never those of CHORUS_VOICE_ALIASES where an engine lists it"""


class EngineInfo(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    model: str
    """readable; may be the name of a folder, so it is not unique"""
    device: str
    sample_rate_hz: int
    languages: tuple[str, ...]
    """canonical codes (app.text.languages), never empty"""
    max_segment_chars: Mapping[str, int]
    """language -> characters of one segment"""
    can_clone: bool
    sampling_options: frozenset[str]
    """SamplingParams fields that change this engine's audio"""
    max_slots: int
    """segments decoded at the same time"""
    max_queue: int
    """requests that may wait beyond those"""
    max_reference_s: float = 30.0
    """seconds of each recording that cloning uses"""
    languages_as_written: tuple[str, ...] = ()
    """those of `languages` whose numbers and abbreviations are not spelt out"""
    identity: str | None = None
    """a digest of the weights, to which saved voices belong; None where `model` names one version"""
    precision: str | None = None
    """number format of the weights: `float32`, `float16` or `int8`; None for an engine without a choice"""
    precision_reason: str | None = None
    vocoder_precision: str | None = None
    """`bfloat16` where the vocoder of `int8` computes in it; None where it computes in floats of `precision`, or in
    float32 beside `int8`"""
    notice: str | None = None
    """one sentence for users of this engine"""


class DeviceMemory(msgspec.Struct, frozen=True, kw_only=True):
    """An accelerator's memory, in bytes."""

    allocated: int
    """of tensors"""
    reserved: int
    """taken from the device by this process, tensors included"""
    limit: int
    """what the device has"""


class EngineStats(msgspec.Struct, frozen=True, kw_only=True):
    busy_slots: int
    admitted_requests: int
    waiting_requests: int
    """with no segment started yet"""
    live_streams: int
    """listeners of streams whose audio is not all made"""
    capacity_streams: float
    """streams that are made at least as fast as they are played (app.engine.capacity)"""
    decode_steps: int = 0
    """calls of the decoder, one more audio code for each busy slot; 0 on an engine without steps"""
    segments_retried: int = 0
    """decoded again, because they did not end"""
    segments_cut: int = 0
    """cut, because they did not end"""
    device_memory: DeviceMemory | None = None
    """None where the engine computes in the host's memory"""


class Preparer(Protocol):
    """The part of an engine that prepares texts. May be called on any thread."""

    @property
    def info(self) -> EngineInfo: ...

    def prepare(
        self, segments: Sequence[Segment], language: str, find_lexicons: FindLexicons = no_lexicons
    ) -> tuple[scheduler.Sequence, ...]:
        """Make a sequence of each segment: its text spelt out and tokenised. Blocks for milliseconds a segment.

        language        of segments that name none
        find_lexicons   words that are read otherwise (app.text.reading)

        A segment that cannot be decoded in one piece becomes several sequences, and segments are numbered anew. A
        sequence belongs to one request, which is submitted once.
        """
        ...


class Engine(Preparer, Protocol):
    """Text in, audio out, for many callers at once.

    `prepare`, `pack_voice` and `unpack_voice` may be called on any thread, the rest on the event loop.
    """

    def stats(self) -> EngineStats: ...

    def speakers(self) -> Sequence[Speaker]:
        """The first is the default."""
        ...

    def voice(self, speaker_id: str) -> Voice:
        """Raises KeyError for an id that `speakers` does not list."""
        ...

    async def clone(self, clips: Sequence[ReferenceClip]) -> Voice:
        """The voice of recordings. A cancelled caller gives its place back.

        Raises CloningUnavailable where `info.can_clone` is false, QueueFull at once, UnusableReference.
        """
        ...

    def pack_voice(self, voice: Voice) -> bytes:
        """A voice of `clone` as bytes, for any process with the same model."""
        ...

    def unpack_voice(self, voice_id: str, packed: bytes) -> Voice:
        """The voice of `pack_voice`. Raises ValueError for other bytes."""
        ...

    def submit(self, request: scheduler.Request) -> ChunkStream:
        """Admit a request or raise QueueFull at once. The stream raises errors of decoding."""
        ...

    def on_lost(self, tell: Callable[[ChorusError], None]) -> None:
        """`tell` is called on the event loop when the engine has failed for good."""
        ...

    async def aclose(self) -> None:
        """Stop: open streams raise Draining."""
        ...
