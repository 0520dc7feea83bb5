"""Words beside the sounds of their speech."""

import numpy as np
import pytest
from numpy.typing import NDArray

from app.asr.known_words import KnownWord
from app.asr.placing import LAG_S, WordSounds
from app.asr.samples import SAMPLE_RATE_HZ


def tone(*spans: tuple[float, float], until_s: float) -> NDArray[np.float32]:
    """Sound in spans of seconds."""
    samples = np.zeros(round(until_s * SAMPLE_RATE_HZ), np.float32)
    for start_s, end_s in spans:
        samples[round(start_s * SAMPLE_RATE_HZ) : round(end_s * SAMPLE_RATE_HZ)] = 0.1
    return samples


def words(*texts: str) -> list[KnownWord]:
    return [KnownWord(text, (text,)) for text in texts]


ONE_TWO = words("four", "five", "nine")


def placed(
    attention_s: list[float], samples: NDArray[np.float32], known: list[KnownWord] = ONE_TWO
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Times of words and of strays. attention_s: where each word begins, and the end."""
    sounds = WordSounds(known, [moment_s - LAG_S for moment_s in attention_s[:-1]] + attention_s[-1:], samples)
    found, strays = sounds.place([1.0] * len(known))
    return (
        [(round(word.start_s, 2), round(word.end_s, 2)) for word in found],
        [(round(stray.start_s, 2), round(stray.end_s, 2)) for stray in strays],
    )


def test_a_pause_belongs_to_no_word() -> None:
    samples = tone((0.5, 1.0), (1.5, 2.0), (2.0, 2.5), until_s=3)
    times, strays = placed([0.0, 1.2, 2.0, 2.5], samples)
    assert times == [(pytest.approx(0.5, abs=0.03), 1.0), (pytest.approx(1.5, abs=0.03), 2.0), (2.0, 2.5)]
    assert strays == []


def test_sound_behind_the_last_word_is_a_stray() -> None:
    samples = tone((0.5, 2.0), (2.1, 3.5), until_s=4)
    _, strays = placed([0.5, 1.0, 1.5, 2.0], samples)
    assert strays == [(2.1, 3.5)]


def test_sound_in_front_of_the_first_word_is_a_stray() -> None:
    samples = tone((0.5, 4.0), until_s=4.5)
    times, strays = placed([0.5, 3.0, 3.5, 4.0], samples)
    assert strays == [(0.5, 2.5)]
    assert times[0] == (2.5, 3.0)


def test_a_word_with_far_too_much_sound_ends_where_its_letters_do() -> None:
    samples = tone((0.5, 4.0), until_s=4.5)
    times, strays = placed([0.5, 1.0, 3.5, 4.0], samples)
    assert times[1] == (1.0, 1.5)
    assert strays == [(1.5, 3.5)]


def test_a_word_without_sound_has_an_instant_and_the_times_never_run_backwards() -> None:
    samples = tone((0.5, 1.5), until_s=2)
    times, _ = placed([0.5, 1.0, 1.0, 1.5], samples)
    assert all(start_s <= end_s for start_s, end_s in times)
    starts_s = [start_s for start_s, _ in times]
    assert starts_s == sorted(starts_s)


def test_silence_gives_times_too() -> None:
    times, strays = placed([0.0, 0.5, 1.0, 1.5], np.zeros(2 * SAMPLE_RATE_HZ, np.float32))
    assert [start_s for start_s, _ in times] == sorted(start_s for start_s, _ in times)
    assert strays == []


@pytest.mark.parametrize(
    ("end_s", "last_s", "is_cut_off"), [(2.0, 0.5, True), (2.05, 0.5, False), (2.05, 0.1, True), (2.3, 0.1, False)]
)
def test_speech_is_cut_off_in_sound_or_soon_after_a_word_that_is_too_short(
    end_s: float, last_s: float, is_cut_off: bool
) -> None:
    samples = tone((0.5, 2.0), until_s=end_s)
    starts_s = [0.5, 1.0, 2.0 - last_s]
    sounds = WordSounds(ONE_TWO, [*(moment_s - LAG_S for moment_s in starts_s), 2.0], samples)
    assert sounds.is_cut_off == is_cut_off


def test_the_longest_silence_is_between_two_sounds() -> None:
    samples = tone((0.5, 1.0), (1.2, 1.5), (3.0, 3.5), until_s=9)
    silence = WordSounds(ONE_TWO, [0.5, 1.2, 3.0, 3.5], samples).longest_silence
    assert silence is not None
    assert (silence.start_s, silence.end_s) == (1.5, 3.0)


@pytest.mark.parametrize(
    ("num_silent", "probability", "is_misplaced"), [(0, 0.9, False), (3, 0.9, False), (4, 0.9, True), (4, 0.4, False)]
)
def test_several_words_that_were_said_without_a_sound_are_misplaced(
    num_silent: int, probability: float, is_misplaced: bool
) -> None:
    """The attention stays at the second word and then passes over the words behind it."""
    known = words(*["four"] * 9)
    starts_s = np.cumsum([0.0, 0.5, 0.5 * (num_silent + 1), *[0.0] * num_silent, *[0.5] * (7 - num_silent)])
    sounds = WordSounds(known, starts_s.tolist(), tone((0.0, 5.0), until_s=5.0))
    assert sounds.has_misplaced([probability] * 9) == is_misplaced
