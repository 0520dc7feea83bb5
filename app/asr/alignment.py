"""The aligner seam: speech and the text that it should say in, the time and the probability of each word out.

Imports neither ctranslate2 nor faster_whisper. Methods are called on the event loop and never block there.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from app.asr.samples import SAMPLE_RATE_HZ, Samples

MAX_ALIGNED_S = 30
EditKind = Literal["missing", "repeated", "swapped", "inserted"]


class KnownSpeech(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """Speech of at most MAX_ALIGNED_S whose text is known."""

    samples: Samples
    written: str
    """the text as its reader sees it; words of the result are words of this"""
    spoken: str
    """the same text in the words that are said, such as `seventeen` for `17`"""
    language: str
    """a code of the model"""
    finds_edits: bool = False
    """True also looks for differences between text and speech: for a check, at the cost of a transcript and a second
    pass where the first one leaves doubt"""

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ


class AlignedWord(msgspec.Struct, frozen=True, kw_only=True):
    """A word as it is written; written words that are read together, such as `5 km`, are one."""

    text: str
    start_s: float
    end_s: float
    probability: float
    """that it was said: of its least likely token, in the likelier of its two forms"""


class Region(msgspec.Struct, frozen=True):
    """A part of a recording, in seconds from its start."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


MIN_INSERTED_GAIN = 0.5
"""Least gain of an Edit that says that words are inserted: a transcript has a few that nobody said."""


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """A difference between text and speech that the model hears.

    first, last   indices of the words that it concerns: left out, said twice, exchanged, or said in another form;
                  `last` is `first` - 1 for words that are said in front of `first`
    gain          logarithm of the likelihood with the difference, over that of the text as it is
    said          of `inserted`: the words that are heard
    is_confirmed  a transcript of the speech has this difference too
    """

    kind: EditKind
    first: int
    last: int
    gain: float
    said: str = ""
    is_confirmed: bool = False


class Alignment(msgspec.Struct, frozen=True, kw_only=True):
    """Speech and its text, side by side."""

    words: tuple[AlignedWord, ...]
    """in the order of the text"""
    sounds: tuple[Region, ...]
    """regions of sound that belong to no word"""
    edits: tuple[Edit, ...]
    letter_s: float
    """median seconds of sound for each letter of a word"""
    silence: Region | None
    """the longest one between two sounds"""
    is_cut_off: bool
    """the samples end within sound, or within the last word"""
    likeness: float = 1.0
    """share of the text's letters that are in a transcript of the speech; 1 where none was made"""
    is_misplaced: bool = False
    """the times of several words are wrong: words that were said have no sound"""


class Aligner(Protocol):
    """Known speech in, its words in time out, for many callers at once."""

    async def align(self, speech: Sequence[KnownSpeech]) -> "list[Alignment | None]":
        """Align each; None for one that cannot be: without words, longer than MAX_ALIGNED_S, or with too much text.

        Raises QueueFull at once, UnsupportedLanguage, EngineFailure, and Draining where the recogniser is closed.
        """
        ...

    def seconds_to_align(self, speech_s: float) -> float:
        """Seconds until speech of this length, given now, should be aligned, by the measured pace."""
        ...
