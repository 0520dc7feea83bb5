"""A long recording cut where its sentences end."""

import numpy as np
import pytest

from app.asr.samples import SAMPLE_RATE_HZ
from app.transcription.pieces import MAX_PIECE_S, HeardWord, Piece, cut_pieces, is_in_pause

SENTENCES = [text.split() for text in (
    "the harbour was quiet this morning", "boats came home before noon", "nobody spoke about the storm",
)]  # fmt: skip


def told(sentences: list[list[str]] = SENTENCES, *, pause_s: float = 0.6, word_s: float = 0.4) -> list[HeardWord]:
    """All words, one after the other, with a pause behind each sentence; the first begins behind one."""
    heard: list[HeardWord] = []
    at_s = 0.0
    for words in sentences:
        at_s += pause_s
        for word in words:
            heard.append(HeardWord(f" {word}", at_s, at_s + word_s))
            at_s += word_s
    return heard


def recording(heard: list[HeardWord], until_s: float | None = None) -> np.ndarray:
    """int16, loud where a word is."""
    end_s = until_s or heard[-1].end_s + 0.6
    samples = np.zeros(round(end_s * SAMPLE_RATE_HZ), np.int16)
    for word in heard:
        samples[round(word.start_s * SAMPLE_RATE_HZ) : round(word.end_s * SAMPLE_RATE_HZ)] = 5000
    return samples


def test_each_sentence_is_a_piece_and_the_cuts_are_in_the_pauses() -> None:
    heard = told()
    pieces = cut_pieces(SENTENCES, heard, recording(heard))
    assert [(piece.first, piece.last) for piece in pieces] == [(0, 0), (1, 1), (2, 2)]
    assert pieces[0].start_s == 0.0
    for piece, words in zip(pieces[1:], (SENTENCES[0], SENTENCES[0] + SENTENCES[1]), strict=True):
        before, behind = heard[len(words) - 1], heard[len(words)]
        assert before.end_s < piece.start_s < behind.start_s
    assert [one.end_s for one in pieces[:-1]] == [other.start_s for other in pieces[1:]]


def test_a_boundary_whose_words_were_not_heard_is_no_cut() -> None:
    heard = told()
    del heard[3:6], heard[3:6]  # the end of the first sentence and the beginning of the second one
    pieces = cut_pieces(SENTENCES, heard, recording(told()))
    assert [(piece.first, piece.last) for piece in pieces] == [(0, 1), (2, 2)]


def test_words_that_were_heard_otherwise_near_a_boundary_leave_the_cut_in_the_quietest_moment() -> None:
    heard = told()
    heard[5] = HeardWord(" mourning", heard[5].start_s, heard[5].end_s)
    pieces = cut_pieces(SENTENCES, heard, recording(heard))
    assert heard[5].end_s <= pieces[0].end_s <= heard[6].start_s


def test_nothing_in_common_is_one_piece() -> None:
    heard = [HeardWord(f" x{at}", at, at + 0.5) for at in range(20)]
    assert cut_pieces(SENTENCES, heard, recording(heard)) == [Piece(0, 2, 0.0, pytest.approx(20.1, abs=0.01))]
    assert [(piece.first, piece.last) for piece in cut_pieces(SENTENCES, [], np.zeros(100, np.int16))] == [(0, 2)]


def test_a_piece_that_is_too_long_loses_what_is_far_from_its_words() -> None:
    heard = [HeardWord(word.text, word.start_s + 60, word.end_s + 60) for word in told()]
    first, *_ = cut_pieces(SENTENCES, heard, recording(heard))
    assert 58 < first.start_s < heard[0].start_s
    assert first.end_s - first.start_s < MAX_PIECE_S


def test_a_long_text_of_one_word_takes_a_bounded_time() -> None:
    words = [["very"] * 40] * 100
    heard = [HeardWord(" very", at * 0.2, at * 0.2 + 0.1) for at in range(4000)]
    pieces = cut_pieces(words, heard, np.zeros(800 * 100, np.int16))
    assert sum(piece.last - piece.first + 1 for piece in pieces) == 100


@pytest.mark.parametrize(("pause_s", "expected"), [(0.3, True), (0.04, False), (0.0, False)])
def test_a_cut_is_in_a_pause_where_there_is_one_and_not_in_the_closure_of_a_plosive(
    pause_s: float, expected: bool
) -> None:
    samples = np.random.default_rng(0).normal(0, 3_000, 4 * SAMPLE_RATE_HZ).astype(np.int16)
    half = round(pause_s / 2 * SAMPLE_RATE_HZ)
    middle = len(samples) // 2
    samples[middle - half : middle + half] = 3
    assert is_in_pause(samples, 2.0) is expected
    assert is_in_pause(samples, 0.0)
    assert is_in_pause(samples, 4.0)
