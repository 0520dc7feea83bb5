"""Alignment with the embedded Whisper: faults that are made on purpose are found, and words have their times."""

import asyncio
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import pytest

from app.asr.alignment import Alignment, KnownSpeech
from app.asr.verdict import Verdict, judge
from tests.support.damage import FAULTS, Injector
from tests.support.embedded_asr import needs_embedded_model, open_embedded
from tests.support.timed_voice import Spoken, timed_voice

needs_embedded_model()  # skips the module without it

TEXT = "She did not take the 24 boats across the river before supper was ready."
SPOKEN = "She did not take the twenty four boats across the river before supper was ready."
OTHER = "Agnieszka's farmhouse has seven rooms and a thatched roof."


def align(speech: Sequence[KnownSpeech]) -> list[Alignment | None]:
    async def whole() -> list[Alignment | None]:
        recognizer = open_embedded()
        try:
            return await recognizer.align(speech)
        finally:
            await recognizer.aclose()

    return asyncio.run(whole())


def known(samples: np.ndarray, written: str = TEXT, spoken: str = SPOKEN, language: str = "en") -> KnownSpeech:
    return KnownSpeech(samples=samples, written=written, spoken=spoken, language=language, finds_edits=True)


def chords(seconds: int) -> np.ndarray:
    """A chord each half second, of tones with overtones that fade."""
    at_s = np.arange(8_000) / 16_000
    tones = [
        sum(
            np.sin(2 * np.pi * root * step * overtone * at_s) / overtone
            for step in (1, 1.25, 1.5)
            for overtone in (1, 2, 3)
        )
        for root in (220, 294, 330, 196)
    ]
    return np.tile(np.concatenate(tones) * np.tile(np.exp(-3 * at_s), 4) * 0.1, seconds // 2).astype(np.float32)


@pytest.fixture(scope="module")
def clean() -> Spoken:
    return timed_voice()(SPOKEN)


@pytest.fixture(scope="module")
def alignments(clean: Spoken) -> Iterator[dict[str, Alignment | None]]:
    injector = Injector(timed_voice(), SPOKEN, seed=4)
    speech = {"clean": known(clean.samples)}
    speech |= {kind: known(found.samples) for kind in FAULTS if (found := injector.damage(kind)) is not None}
    speech["another name"] = known(timed_voice()(OTHER).samples, OTHER, OTHER)
    speech["another text"] = known(timed_voice()(OTHER).samples)
    speech["another language"] = known(
        clean.samples, "Der Bäcker öffnet um sieben.", "Der Bäcker öffnet um sieben.", "de"
    )
    noise = np.random.default_rng(1).normal(0, 0.1, 64_000).astype(np.float32)
    speech["noise"] = known(noise)
    speech["music"] = known(chords(8))
    likely = "Once upon a time there was a little girl who lived in the middle of the forest."
    speech["music of 20 s"] = known(chords(20), likely, likely)
    often = " ".join(["the old red boat went over the wide blue river"] * 8)
    speech["a text that repeats itself"] = known(timed_voice()(often).samples, often, often)
    names = "Saoirse, Niamh and Caoimhe sing in the same choir."
    speech["names"] = known(timed_voice()(names).samples, names, names)
    year = "Ludmila has not spoken to her brother-in-law since 2009."
    spoken = "Ludmila has not spoken to her brother-in-law since two thousand nine."
    speech["a year without its end"] = known(timed_voice()(spoken.replace(" nine", "")).samples, year, spoken)
    speech["no words"] = known(clean.samples, "…", "…")
    speech["thirty seconds and more"] = known(np.tile(clean.samples, 1 + 31 * 16_000 // len(clean.samples)))
    speech["silence"] = known(np.zeros(64_000, np.float32))
    yield dict(zip(speech, align(list(speech.values())), strict=True))


def verdict(alignments: dict[str, Alignment | None], name: str) -> Verdict:
    return judge(alignments[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["clean", "another name", "names"])
def test_speech_that_says_its_text_passes_with_numbers_and_foreign_names(
    alignments: dict[str, Alignment | None], name: str
) -> None:
    assert verdict(alignments, name) == Verdict(outcome="passed")


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(FAULTS.keys() - {"replaced name"}))  # the text has no name
def test_every_kind_of_fault_is_found(alignments: dict[str, Alignment | None], kind: str) -> None:
    assert verdict(alignments, kind).outcome == "failed"


@pytest.mark.slow
def test_a_missing_end_of_a_number_is_found(alignments: dict[str, Alignment | None]) -> None:
    [fault] = verdict(alignments, "a year without its end").faults
    assert (fault.kind, fault.text) == ("missing", "2009.")


@pytest.mark.slow
def test_a_text_that_repeats_itself_is_not_said_twice(alignments: dict[str, Alignment | None]) -> None:
    assert verdict(alignments, "a text that repeats itself").outcome != "failed"


@pytest.mark.slow
def test_a_missing_negation_is_named(alignments: dict[str, Alignment | None]) -> None:
    [fault] = verdict(alignments, "dropped negation").faults
    assert (fault.kind, fault.text) == ("missing", "not")


@pytest.mark.slow
def test_a_word_that_is_said_and_not_written_is_named() -> None:
    samples = timed_voice()("She did really not take the boat across the river.").samples
    text = "She did not take the boat across the river."
    asked = known(samples, text, text)
    [found, unasked] = align([asked, msgspec.structs.replace(asked, finds_edits=False)])
    [fault] = judge(found).faults
    assert (fault.kind, fault.text) == ("inserted", "really")
    assert judge(unasked).outcome == "passed"


@pytest.mark.slow
def test_a_word_in_place_of_which_another_one_is_said_is_missing() -> None:
    cases = [
        ("The river is deep here.", "deep", "cold"),
        ("Give the key to Martin tonight.", "Martin", "Susan"),
        ("He is guilty of the murder.", "guilty", "innocent"),
        ("The pills must be taken before dinner.", "before", "after"),
        ("The fence around the garden is green.", "green.", "yellow."),
    ]
    speech = [known(timed_voice()(text.replace(word, other)).samples, text, text) for text, word, other in cases]
    for found, (_, word, _) in zip(align(speech), cases, strict=True):
        assert ("missing", word) in [(fault.kind, fault.text) for fault in judge(found).faults]


@pytest.mark.slow
def test_short_numbers_in_words_are_heard_as_digits() -> None:
    lines = ["Ninety percent.", "Twenty dollars.", "Five dollars fifty.", "Ten twenty-five a.m.", "Twenty-one."]
    found = align([known(timed_voice()(text).samples, text, text) for text in lines])
    assert [judge(each).outcome for each in found] == ["passed"] * len(lines)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "another text",
        "another language",
        "noise",
        "music",
        "music of 20 s",
        "silence",
        "no words",
        "thirty seconds and more",
    ],
)
def test_speech_of_something_else_does_not_pass(alignments: dict[str, Alignment | None], name: str) -> None:
    assert verdict(alignments, name).outcome == "inconclusive"


@pytest.mark.slow
def test_word_starts_are_those_of_the_voice(alignments: dict[str, Alignment | None], clean: Spoken) -> None:
    alignment = alignments["clean"]
    assert alignment is not None
    truth = [word.start_s for word in clean.words]
    del truth[TEXT.split().index("24") + 1]  # `four` of `24`
    errors = np.abs([word.start_s for word in alignment.words] - np.array(truth))
    assert np.median(errors) < 0.05
    assert errors.max() < 0.2
    assert all(word.probability > 0.3 for word in alignment.words)
