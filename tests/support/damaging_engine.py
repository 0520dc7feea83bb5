"""The embedded voice, which sometimes says something else than its text."""

import random
from collections.abc import Callable

import numpy as np

from app.engine.embedded import LEVEL_TEXT, SAMPLE_RATE_HZ, EmbeddedEngine
from app.engine.values import Samples

BABBLE = "bada kilu meno pari sute vawo ziga"


def _dropped(words: list[str], chance: random.Random) -> list[str]:
    at = chance.randrange(len(words))
    return words[:at] + words[at + 1 :]


def _repeated(words: list[str], chance: random.Random) -> list[str]:
    end = chance.randint(3, len(words))
    return words[:end] + words[end - 3 :]


def _babbled(words: list[str], chance: random.Random) -> list[str]:
    return [*words, BABBLE]


def _unchanged(words: list[str], chance: random.Random) -> list[str]:
    return words


FAULTS: dict[str, Callable[[list[str], random.Random], list[str]]] = {
    "dropped word": _dropped,
    "repeated phrase": _repeated,
    "tail of babble": _babbled,
    "long silence": _unchanged,
}


class DamagingEngine(EmbeddedEngine):
    """Damages a share of all attempts at texts of four words and more; the same text and seed always in the same way.

    attempts   text and kind of each attempt so far, "" for an undamaged one
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self.attempts: list[tuple[str, str]] = []
        super().__init__()

    def _speak(self, text: str, *, speed: float = 1.0, seed: int = 0) -> Samples:
        chance = random.Random(f"{seed} {text}")
        words = text.split()
        if text == LEVEL_TEXT or len(words) < 4 or chance.random() >= self._share:
            self.attempts.append((text, ""))
            return super()._speak(text, speed=speed, seed=seed)
        kind = chance.choice(list(FAULTS))
        self.attempts.append((text, kind))
        samples = super()._speak(" ".join(FAULTS[kind](words, chance)), speed=speed, seed=seed)
        if kind == "long silence":
            middle = len(samples) // 2
            samples = np.concatenate([samples[:middle], np.zeros(2 * SAMPLE_RATE_HZ, np.float32), samples[middle:]])
        return samples
