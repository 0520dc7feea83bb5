"""Faults that speech models make, made on purpose: speech that does not say what its text says."""

import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from tests.support.timed_voice import TimedVoice, samples_of

SENTENCES = Path(__file__).with_name("sentences.txt").read_text().splitlines()
"""200, with names, numbers, compounds and negations."""
_NAMES, *_CLASSES = (line.split() for line in Path(__file__).with_name("word_classes.txt").read_text().splitlines())
"""Words of a class in each: names, things, people, places, verbs of one form."""
_WORD = re.compile(r"([\w-]+)(.*)")
SOUND = 0.003
"""Samples below this are silence, here."""
_SHORT_FORMS = {"can't": "can", "won't": "will", "couldn't": "could", "doesn't": "does", "don't": "do",
                "didn't": "did", "isn't": "is", "aren't": "are", "hasn't": "has", "haven't": "have"}  # fmt: skip
_NEGATIONS = frozenset(["not", "never", "no"])
_AUXILIARIES = frozenset(["is", "are", "was", "were", "has", "have", "had", "did", "does", "do", "can", "could",
                          "will", "would", "must", "should"])  # fmt: skip
_FURTHER = ["not", "never", "always", "only", "really", "again", "slowly", "yesterday", "green", "seven", "without"]
"""Words that a text is spoken with."""
_SYLLABLES = ["ba", "do", "ki", "lu", "me", "no", "pa", "ri", "su", "te", "va", "wo", "zi", "ga", "fe", "hu"]

Audio = NDArray[np.float32]


class Damaged(msgspec.Struct, frozen=True, eq=False):
    kind: str
    samples: Audio
    """[n] at SAMPLE_RATE_HZ"""


class Injector:
    """Damages speech of one text, the same way for the same seed.

    spoken   the text in the words that are said
    """

    def __init__(self, voice: TimedVoice, spoken: str, *, seed: int) -> None:
        self._voice = voice
        self._seed = seed
        self._random = random.Random(seed)
        self._noise = np.random.default_rng(seed)
        self.words = spoken.split()
        self.clean = voice(spoken, seed=seed)

    def damage(self, kind: str) -> Damaged | None:
        """None where the text has nothing to damage in this way."""
        samples = FAULTS[kind](self)
        return None if samples is None else Damaged(kind, samples)

    def dropped(self) -> Audio | None:
        at = self._random.randrange(len(self.words))
        return self._say(self.words[:at] + self.words[at + 1 :])

    def dropped_two(self) -> Audio | None:
        if len(self.words) < 5:
            return None
        at = self._random.randrange(len(self.words) - 1)
        return self._say(self.words[:at] + self.words[at + 2 :])

    def without_negation(self) -> Audio | None:
        for at, word in enumerate(self.words):
            plain = re.sub(r"[^\w']", "", word.lower())
            if plain in _NEGATIONS and not (plain == "no" and self.words[at + 1 : at + 2] == ["one"]):
                return self._say(self.words[:at] + self.words[at + 1 :])
            if plain in _SHORT_FORMS:
                return self._say([*self.words[:at], _SHORT_FORMS[plain], *self.words[at + 1 :]])
            if plain == "cannot":
                return self._say([*self.words[:at], "can", *self.words[at + 1 :]])
        return None

    def swapped(self) -> Audio | None:
        places = [at for at in range(len(self.words) - 1) if self.words[at].lower() != self.words[at + 1].lower()]
        at = self._random.choice(places)
        return self._say([*self.words[:at], self.words[at + 1], self.words[at], *self.words[at + 2 :]])

    def repeated(self) -> Audio | None:
        length = self._random.randint(1, min(5, len(self.words)))
        end = self._random.randint(length, len(self.words))
        return self._say(self.words[:end] + self.words[end - length :])

    def inserted(self) -> Audio | None:
        """With one word more: a negation behind an auxiliary verb where there is one, else any word in any place."""
        verbs = [at for at, word in enumerate(self.words) if word.lower() in _AUXILIARIES and at + 1 < len(self.words)]
        if verbs and self._random.random() < 0.5:
            at, more = self._random.choice(verbs) + 1, self._random.choice(["not", "never"])
        else:
            at, more = self._random.randrange(1, len(self.words)), self._random.choice(_FURTHER)
        return self._say([*self.words[:at], more, *self.words[at:]])

    def replaced(self) -> Audio | None:
        return self._with_another(_CLASSES)

    def replaced_name(self) -> Audio | None:
        return self._with_another([_NAMES])

    def babble(self) -> Audio | None:
        syllables = [
            "".join(self._random.choices(_SYLLABLES, k=self._random.randint(1, 3)))
            for _ in range(self._random.randint(2, 6))
        ]
        return self._with_tail(without_silence(self._voice(" ".join(syllables), seed=self._seed).samples))

    def noise(self) -> Audio | None:
        tail = self._noise.normal(0, self._level() * self._random.uniform(0.3, 1.0), self._tail_length())
        return self._with_tail(tail.astype(np.float32))

    def another_sentence(self) -> Audio | None:
        other = self._random.choice(SENTENCES)
        samples = without_silence(self._voice(other, seed=self._seed).samples)
        return self._with_tail(samples[: self._tail_length()])

    def cut_off(self) -> Audio | None:
        """Ends in the middle of the last word, or before it."""
        *_, last = self.clean.words
        end_s = self._random.uniform(0.3, 0.6) * (last.end_s - last.start_s) + last.start_s
        if self._random.random() < 0.5 and len(self.clean.words) > 3:
            end_s = self.clean.words[-2].end_s
        return self.clean.samples[: samples_of(end_s)]

    def long_silence(self) -> Audio | None:
        word = self._random.choice(self.clean.words[1:])
        at = samples_of(word.start_s - 0.0125)
        silence = np.zeros(samples_of(self._random.uniform(1.5, 4.0)), np.float32)
        return np.concatenate([self.clean.samples[:at], silence, self.clean.samples[at:]])

    def _with_another(self, classes: Sequence[Sequence[str]]) -> Audio | None:
        """With another word of its class in place of one word. Marks and a genitive's ending stay."""
        places: list[tuple[int, str, list[str]]] = []
        for at, word in enumerate(self.words):
            if (found := _WORD.fullmatch(word)) is None:
                continue
            others = [
                [other for other in words if other.lower() != found[1].lower()]
                for words in classes
                if found[1].lower() in map(str.lower, words)
            ]
            places += [(at, found[2], each) for each in others]
        if not places:
            return None
        at, ending, others = self._random.choice(places)
        return self._say([*self.words[:at], self._random.choice(others) + ending, *self.words[at + 1 :]])

    def _say(self, words: Sequence[str]) -> Audio:
        """With one full stop, at the end."""
        text = " ".join(re.sub(r"[.!?]+$", "", word) for word in words)
        return self._voice(f"{text}.", seed=self._seed).samples

    def _with_tail(self, tail: Audio) -> Audio:
        """Behind a pause of up to 0.3 s."""
        gap = np.zeros(samples_of(self._random.uniform(0, 0.3)), np.float32)
        return np.concatenate([without_silence(self.clean.samples), gap, tail])

    def _tail_length(self) -> int:
        return samples_of(self._random.uniform(0.6, 2.5))

    def _level(self) -> float:
        return float(np.sqrt(np.mean(np.square(without_silence(self.clean.samples)))))


def without_silence(samples: Audio) -> Audio:
    loud = np.flatnonzero(np.abs(samples) > SOUND)
    return samples[loud[0] : loud[-1] + 1]


FAULTS: dict[str, Callable[[Injector], Audio | None]] = {
    "dropped word": Injector.dropped,
    "two dropped words": Injector.dropped_two,
    "dropped negation": Injector.without_negation,
    "swapped words": Injector.swapped,
    "repeated phrase": Injector.repeated,
    "inserted word": Injector.inserted,
    "tail of babble": Injector.babble,
    "tail of noise": Injector.noise,
    "tail of another sentence": Injector.another_sentence,
    "cut-off end": Injector.cut_off,
    "long silence": Injector.long_silence,
    "replaced word": Injector.replaced,
    "replaced name": Injector.replaced_name,
}
TAILS = frozenset(kind for kind in FAULTS if kind.startswith("tail"))
