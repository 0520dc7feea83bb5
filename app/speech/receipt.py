"""An answer to its holder: its receipt, and the seams to its chunks and its events."""

from collections.abc import Sequence
from typing import BinaryIO, Protocol, Self

import msgspec

from app.audio.provenance import Provenance
from app.engine.values import AudioChunk, Samples
from app.speech.events import SegmentChecked, SegmentEnded, SpeechEvent, WordsSpoken
from app.speech.playback import Delivery
from app.speech.request import CheckMode


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of an answer so far. Times in seconds since the request; None before the moment has come."""

    engine: str
    seed: int
    warnings: tuple[str, ...]
    queue_s: float | None
    first_audio_s: float | None
    total_s: float | None
    audio_s: float
    delivered_s: float = 0.0
    """audio that the listener has got"""
    num_underruns: int = 0
    """gaps that a listener of the stream would have heard"""
    segments: tuple[SegmentEnded, ...] = ()
    """spoken to their end"""
    words: tuple[WordsSpoken, ...] = ()
    """of those segments, as far as they are timed; empty unless they were asked for"""
    precision: str | None = None
    """as in EngineInfo"""
    check: CheckMode = "off"
    checks: tuple[SegmentChecked, ...] = ()
    """of those segments, as far as they are checked; empty where they are not"""
    check_s: float = 0.0
    """for which the recogniser was waited for, of all segments together"""
    provenance: Provenance | None = None
    """None where CHORUS_MARKS is off"""

    @property
    def num_segments(self) -> int:
        return len(self.segments)

    @property
    def num_characters(self) -> int:
        return sum(len(segment.text) for segment in self.segments)


class Signer(Protocol):
    """Signs files. Any thread may call it."""

    @property
    def unsigned_reason(self) -> str | None:
        """Reason why nothing can be signed now; None while files are signed."""
        ...

    def sign(self, data: bytes, media_type: str, provenance: Provenance) -> bytes:
        """`data` with a signature, or as it is where it cannot be signed. Blocking."""
        ...

    def sign_file(self, source: BinaryIO, target: BinaryIO, media_type: str, provenance: Provenance) -> None:
        """Write `source` to the empty `target`, with a signature where it can be signed. Blocking. Raises OSError."""
        ...


class Chunks(Protocol):
    """Chunks of all segments in order, from an engine or checked on their way."""

    @property
    def warnings(self) -> Sequence[str]:
        """About the audio that came so far."""
        ...

    @property
    def queue_s(self) -> float | None:
        """Seconds from admission to the first start; None while it waits."""
        ...

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> AudioChunk: ...

    async def aclose(self) -> None: ...


class Speech(Protocol):
    """Speech of one answer: a SpeechStream, or a Dialogue of several. The holder must close it.

    delivery   the holder calls its `ready` before it sends what it has taken, and its `sent` afterwards
    """

    delivery: Delivery

    @property
    def signer(self) -> Signer | None:
        """Signs the whole file of this answer; None where files are not signed."""
        ...

    @property
    def sample_rate_hz(self) -> int: ...

    @property
    def times_words(self) -> bool:
        """True where its events have WordsSpoken."""
        ...

    def receipt(self) -> Receipt: ...

    def turn_of(self, segment_index: int) -> int:
        """The turn of a segment that has been spoken, from 0."""
        ...

    async def collect(self) -> Samples:
        """All samples, [samples]. Raises DeadlineExceeded."""
        ...

    def __aiter__(self) -> "Speech": ...

    async def __anext__(self) -> SpeechEvent: ...

    async def aclose(self) -> None: ...
