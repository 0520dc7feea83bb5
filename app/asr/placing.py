"""Words beside the sounds of their speech: exact times, and sounds that belong to no word. Pure functions."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.asr.alignment import AlignedWord, Region
from app.asr.known_words import KnownWord
from app.asr.onset import onset_s
from app.asr.samples import SAMPLE_RATE_HZ
from app.asr.sound import FRAME_S, find_sounds, frame_levels, seconds, within

LAG_S = 0.06
"""The model's attention moves to a letter that much before its sound (median over the embedded voice)."""
LETTERS_BESIDE = 1.0
"""A word's sound lasts as long as its letters and this many more."""
SLOWEST, SLOWER_LETTERS = 1.25, 8
"""A word's sound lasts no longer than this many times what its letters need, and as this many letters more."""
NEXT_TO_END_S, NEAR_END_S = 0.03, 0.1
"""Silence behind the last sound is longer, and behind a last word that is SHORT of the usual length."""
SHORT = 0.5
MIN_TAIL_S = 0.1
"""Shortest sound behind the last word."""
MISPLACED, WITHOUT_SOUND, SAID = 4, 0.1, 0.5
"""Words in a row, their largest share of the sound that they need, their least probability. Of 144 segments, damaged
ones included, none has more than two such words in a row."""


class WordSounds:
    """The words of one segment and its sounds, in seconds.

    starts_s   where the model's attention moves to each word's first letter, and where it leaves the last one
    samples    [n] at SAMPLE_RATE_HZ
    """

    def __init__(self, words: Sequence[KnownWord], starts_s: Sequence[float], samples: NDArray[np.float32]) -> None:
        self._words = words
        self._starts_s = starts_s
        self._samples = samples
        self.sounds = find_sounds(frame_levels(samples))
        sounding_s = [
            seconds(within(self.sounds, start_s + LAG_S, next_s + LAG_S)) for start_s, next_s in pairwise(starts_s)
        ]
        weights = [word.num_letters + LETTERS_BESIDE for word in words]
        self.letter_s = float(
            np.median([sound_s / weight for sound_s, weight in zip(sounding_s, weights, strict=True)])
        )
        """median seconds of sound for each letter"""
        self.needed_s = [self.letter_s * weight for weight in weights]
        """seconds of sound that each word needs at `letter_s` a letter"""
        self.excesses_s = [sound_s - needed_s for sound_s, needed_s in zip(sounding_s, self.needed_s, strict=True)]
        """seconds of sound at each word beyond those"""

    def share(self, first: int, last: int) -> float:
        """Seconds of sound at words, over those that they need."""
        needed_s = sum(self.needed_s[first : last + 1])
        return 1 + sum(self.excesses_s[first : last + 1]) / needed_s if needed_s else 0.0

    def has_misplaced(self, probabilities: Sequence[float]) -> bool:
        """True where several neighbours were said and have no sound: it was counted to other words.

        The model's attention jumps between the places of a phrase that a text repeats.
        """
        num_words = 0
        for at, probability in enumerate(probabilities):
            is_lost = probability >= SAID and self.share(at, at) < WITHOUT_SOUND
            num_words = num_words + 1 if is_lost else 0
            if num_words == MISPLACED:
                return True
        return False

    @property
    def longest_silence(self) -> Region | None:
        """Between two sounds."""
        silences = (Region(before.end_s, after.start_s) for before, after in pairwise(self.sounds))
        return max(silences, key=lambda silence: silence.duration_s, default=None)

    @property
    def is_cut_off(self) -> bool:
        """True where the samples end within sound, or near to the sound of a last word that is too short."""
        if not self.sounds:
            return False
        behind_s = self.duration_s - self.sounds[-1].end_s
        last_s = self.needed_s[-1] + self.excesses_s[-1]
        return behind_s < NEXT_TO_END_S or (behind_s < NEAR_END_S and last_s < SHORT * self.needed_s[-1])

    @property
    def duration_s(self) -> float:
        return len(self._samples) / SAMPLE_RATE_HZ

    def place(self, probabilities: Sequence[float]) -> tuple[list[AlignedWord], list[Region]]:
        """The words with their times, and the sounds beside them, in order."""
        starts_s = [
            onset_s(self._samples, start_s + LAG_S, next_s + LAG_S) for start_s, next_s in pairwise(self._starts_s)
        ]
        end_s = max(self._starts_s[-1], starts_s[-1])
        placed: list[AlignedWord] = []
        strays: list[Region] = []
        slots = zip(self._words, self.needed_s, starts_s, [*starts_s[1:], end_s], probabilities, strict=True)
        for word, needed_s, start_s, next_s, probability in slots:
            parts = within(self.sounds, start_s, next_s)
            stop_s = parts[-1].end_s if parts else min(next_s, start_s + FRAME_S)
            if seconds(parts) > SLOWEST * needed_s + SLOWER_LETTERS * self.letter_s:
                if placed:
                    strays.append(Region(start_s + needed_s, stop_s))
                    stop_s = start_s + needed_s
                else:
                    strays.append(Region(start_s, stop_s - needed_s))
                    start_s = stop_s - needed_s
            placed.append(
                AlignedWord(text=word.written, start_s=start_s, end_s=max(start_s, stop_s), probability=probability)
            )
        behind = within(self.sounds, end_s, self.duration_s)
        if seconds(behind) >= MIN_TAIL_S:
            strays.append(Region(behind[0].start_s, behind[-1].end_s))
        return placed, strays
