"""Events of a spoken text."""

from enum import Enum, auto
from typing import Literal

import msgspec

from app.asr.verdict import Fault
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


class SpokenWord(msgspec.Struct, frozen=True, kw_only=True):
    """A word as it is written; words that are read together, such as `5 km`, are one. Times as in SegmentEnded."""

    text: str
    start_s: float
    end_s: float
    probability: float
    """that it was said"""


class WordsSpoken(msgspec.Struct, frozen=True):
    """Comes some time after SegmentEnded, where times of words are asked for."""

    index: int
    """of the segment"""
    words: tuple[SpokenWord, ...]
    """empty where the segment could not be aligned"""

    def moved(self, by: int, by_s: float) -> "WordsSpoken":
        """The same words in an answer that has `by` segments and `by_s` seconds before them."""
        times = ((word, round(word.start_s + by_s, 3), round(word.end_s + by_s, 3)) for word in self.words)
        words = (
            SpokenWord(text=word.text, start_s=start_s, end_s=end_s, probability=word.probability)
            for word, start_s, end_s in times
        )
        return WordsSpoken(self.index + by, tuple(words))


CheckOutcome = Literal["passed", "failed", "inconclusive", "unchecked"]


class SegmentChecked(msgspec.Struct, frozen=True, kw_only=True):
    """Comes some time after SegmentEnded, where speech is checked against its text."""

    index: int
    """of the segment"""
    verdict: CheckOutcome
    """of the speech that was delivered"""
    reason: str = ""
    """one sentence, where the verdict is `inconclusive` or `unchecked`"""
    faults: tuple[Fault, ...] = ()
    """of a verdict `failed`; seconds from the first sample of the answer"""
    num_attempts: int = 1
    """times that the segment was spoken; the best attempt was delivered"""

    def moved(self, by: int, by_s: float) -> "SegmentChecked":
        """The same in an answer that has `by` segments and `by_s` seconds before it."""
        faults = tuple(fault.moved(by_s) for fault in self.faults)
        return msgspec.structs.replace(self, index=self.index + by, faults=faults)


class Marker(Enum):
    """A message to the client between two pieces of audio."""

    FLUSHED = auto()
    """all text before `flush` has been given"""
    CANCELLED = auto()
    """no text from before `cancel` will be given any more"""


class Warned(msgspec.Struct, frozen=True):
    """A part of the request that is not heard."""

    message: str


SpeechEvent = SegmentStarted | Samples | SegmentEnded | WordsSpoken | SegmentChecked
