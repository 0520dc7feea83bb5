"""Events of a spoken text."""

import msgspec

from app.engine.values import Samples


class SegmentStarted(msgspec.Struct, frozen=True):
    """Comes directly before the first samples of its segment."""

    index: int
    text: str
    start_s: float


class SegmentEnded(msgspec.Struct, frozen=True):
    """Comes directly after the segment's last samples, which include the pause after it.

    Times in seconds from the first sample; `end_s` is before the pause.
    """

    index: int
    text: str
    start_s: float
    end_s: float


SpeechEvent = SegmentStarted | Samples | SegmentEnded
