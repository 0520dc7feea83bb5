"""Texts compared by their letters, where words are spelt in several ways. Pure functions."""

import numpy as np
from numpy.typing import NDArray

MAX_LETTERS = 60
"""Longest part of a text that is compared by its letters. A longer one has too little in common with the transcript."""


def is_nearer(one: str, other: str, heard: str) -> bool:
    """True where fewer letters change `one` into `heard` than `other`. False for long texts."""
    if max(len(one), len(heard)) > MAX_LETTERS:
        return False
    return distance(one, heard) < distance(other, heard)


def distance(one: str, other: str) -> int:
    """Letters to change, add and leave out (Levenshtein)."""
    return int(_distances(one, other, np.arange(len(other) + 1))[-1])


def distance_within(one: str, other: str) -> int:
    """The least distance of `one` from any part of `other`."""
    return int(_distances(one, other, np.zeros(len(other) + 1, np.int64)).min())


def _distances(one: str, other: str, costs: NDArray[np.int64]) -> NDArray[np.int64]:
    """[letters of `other` + 1] for `one` and the beginnings of `other`; `costs`: the same for no letters of `one`."""
    codes, added = np.array(list(map(ord, other)), np.int64), np.arange(len(other) + 1)
    for letter in map(ord, one):
        changed = costs[:-1] + (codes != letter)
        best = np.concatenate((costs[:1] + 1, np.minimum(changed, costs[1:] + 1)))
        costs = np.minimum.accumulate(best - added) + added
    return costs
