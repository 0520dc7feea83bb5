"""Chapters to segments, and the names of their files."""

import random

import msgspec
import pytest

from app.books.plan import MAX_BLOCK_CHARS, Piece, Recipe, plan_block, seed_of, split_blocks
from app.text.lexicon import FindLexicons, Lexicon, no_lexicons
from tests.support.books import RECIPE
from tests.support.fake_engine import FakeEngine

WORDS = ["river", "house", "garden", "stone", "evening", "letter", "window", "silence", "captain", "market"]


def plan(text: str, recipe: Recipe = RECIPE, find_lexicons: FindLexicons = no_lexicons) -> list[Piece]:
    engine = FakeEngine()
    return [
        planned.piece
        for block in split_blocks(text)
        for planned in plan_block(engine, block, "en", find_lexicons, recipe).segments
    ]


def make_text(num_sentences: int) -> str:
    rng = random.Random(1)
    sentences = [
        f"The {rng.choice(WORDS)} of {index} was near the {rng.choice(WORDS)}." for index in range(num_sentences)
    ]
    return "\n\n".join(" ".join(sentences[at : at + 7]) for at in range(0, num_sentences, 7))


@pytest.mark.parametrize("edited", [0, 1, 777, 1_003, 1_999])
def test_after_an_edit_of_one_sentence_of_2000_at_most_3_segments_are_made_again(edited: int) -> None:
    text = make_text(2_000)
    changed = text.replace(f"of {edited} was near", f"of {edited} stood quite far away from", 1)
    before, after = plan(text), plan(changed)
    assert len(before) == 2_000
    assert 1 <= len({piece.key for piece in after} - {piece.key for piece in before}) <= 3


def test_equal_texts_have_one_key_and_other_texts_another() -> None:
    one, two, three = plan("The bell rang twice.\n\nThe bell rang twice.\n\nThe bell rang again.")
    assert one.key == two.key != three.key
    assert seed_of(one.key) != seed_of(three.key)


@pytest.mark.parametrize(
    "change",
    [
        {"engine": "xtts"},
        {"model": "fake 2"},
        {"precision": "int8"},
        {"vocoder_precision": "bfloat16"},
        {"sample_rate_hz": 22_050},
        {"voice": "harald"},
        {"gain": 1.1},
        {"speed": 1.5},
        {"seed": 1},
    ],
    ids=str,
)
def test_all_that_decides_the_samples_is_part_of_the_key(change: dict[str, object]) -> None:
    text = "The bell rang twice."
    assert plan(text)[0].key != plan(text, msgspec.structs.replace(RECIPE, **change))[0].key


def test_a_lexicon_changes_the_keys_of_its_words_only() -> None:
    text = "Nginx is a server.\n\nThe bell rang twice."
    said = plan(text, find_lexicons=lambda language: [Lexicon({"Nginx": "engine x"})])
    before = plan(text)
    assert said[0].key != before[0].key
    assert said[1] == before[1]


def test_a_language_is_part_of_the_key() -> None:
    engine = FakeEngine()
    english, german = (
        plan_block(engine, "Museum, Hotel, Taxi.", language, no_lexicons, RECIPE).segments[0].piece.key
        for language in ("en", "de")
    )
    assert english != german


def test_pauses_follow_the_text_and_are_no_part_of_the_key() -> None:
    pieces = plan("One bell rang here. Two bells rang there.\n\nThe end of it. [pause 2s]")
    assert [piece.pause_s for piece in pieces] == [0.26, 0.6, 2.0]
    assert plan("The end of it.")[0].key == pieces[2].key


def test_a_long_first_sentence_is_not_opened_early_because_nobody_waits_for_it() -> None:
    text = "No. " + "The long road went on, and on, past many old houses" * 2 + ", until the very end of the day."
    assert len(plan(text)) == 1


def test_text_without_a_paragraph_is_cut_between_words() -> None:
    text = "word " * 10_000
    blocks = list(split_blocks(text))
    assert max(map(len, blocks)) <= MAX_BLOCK_CHARS
    assert " ".join(blocks).split() == text.split()


def test_blocks_end_between_paragraphs() -> None:
    text = make_text(700)
    blocks = list(split_blocks(text))
    assert len(blocks) > 2
    assert "\n\n".join(blocks) == text


@pytest.mark.parametrize(("text", "warnings"), [("***", 0), ("世界", 1)])
def test_a_text_without_sound_has_no_segments(text: str, warnings: int) -> None:
    block = plan_block(FakeEngine(), text, "en", no_lexicons, RECIPE)
    assert (block.segments, len(block.warnings)) == ((), warnings)
