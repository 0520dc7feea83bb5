"""Events of a spoken text, in the order in which they are heard: a segment starts, samples of it, it ends.

Knows texts, seconds and samples. Knows nothing of engines and protocols.
"""

import msgspec

from app.engine.values import Samples


class SegmentStarted(msgspec.Struct, frozen=True):
    """The samples that follow are of this segment. Comes directly before its first samples."""

    index: int
    text: str
    start_s: float


class SegmentEnded(msgspec.Struct, frozen=True):
    """All samples of this segment have come. Times in seconds from the first sample; the pause after it is not counted.

    Comes directly after the segment's last samples, which include the pause.
    """

    index: int
    text: str
    start_s: float
    end_s: float


SpeechEvent = SegmentStarted | Samples | SegmentEnded
