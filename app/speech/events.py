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


SpeechEvent = SegmentStarted | Samples | SegmentEnded | WordsSpoken
