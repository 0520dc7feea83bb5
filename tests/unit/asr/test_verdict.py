"""The verdict on an alignment."""

import msgspec
import pytest

from app.asr.alignment import AlignedWord, Alignment, Edit, Region
from app.asr.verdict import BASE, Outcome, Verdict, judge, overall, thresholds_for


def word(text: str, start_s: float, probability: float = 0.9) -> AlignedWord:
    return AlignedWord(text=text, start_s=start_s, end_s=start_s + 0.4, probability=probability)


CLEAN = Alignment(
    words=tuple(word(text, at * 0.5) for at, text in enumerate(["the", "boat", "did", "not", "sink"])),
    sounds=(),
    edits=(),
    letter_s=0.05,
    silence=Region(0.9, 1.0),
    is_cut_off=False,
)


def verdict(**changes: object) -> Verdict:
    return judge(msgspec.structs.replace(CLEAN, **changes))


def kinds(**changes: object) -> list[str]:
    found = verdict(**changes)
    assert (found.outcome == "failed") == bool(found.faults)
    return [fault.kind for fault in found.faults]


def test_speech_that_says_its_text_passes() -> None:
    assert verdict() == Verdict(outcome="passed")


def test_a_likelier_text_names_the_words_and_their_time() -> None:
    found = verdict(edits=(Edit(kind="missing", first=3, last=4, gain=9.0),))
    [fault] = found.faults
    assert (found.outcome, fault.kind, fault.text) == ("failed", "missing", "not sink")
    assert (fault.start_s, fault.end_s) == (1.5, 2.4)


def test_a_text_that_is_hardly_likelier_is_no_fault() -> None:
    assert kinds(edits=(Edit(kind="missing", first=3, last=3, gain=BASE.min_gain),)) == []
    assert kinds(edits=(Edit(kind="missing", first=3, last=3, gain=BASE.min_gain + 0.1),)) == ["missing"]


def test_the_last_words_are_missing_only_where_the_text_without_them_is_much_likelier() -> None:
    assert kinds(edits=(Edit(kind="missing", first=3, last=4, gain=BASE.min_end_gain),)) == []
    assert kinds(edits=(Edit(kind="missing", first=3, last=4, gain=BASE.min_end_gain + 0.1),)) == ["missing"]


def test_words_that_are_said_and_not_written_are_named_with_the_time_between_their_neighbours() -> None:
    found = verdict(edits=(Edit(kind="inserted", first=3, last=2, gain=9.0, said="really"),))
    [fault] = found.faults
    assert (found.outcome, fault.kind, fault.text) == ("failed", "inserted", "really")
    assert (fault.start_s, fault.end_s) == (1.0, 1.5)
    assert fault.description == '"really" is said and not written'


def test_words_in_front_of_the_first_one_begin_with_the_speech() -> None:
    [fault] = verdict(edits=(Edit(kind="inserted", first=0, last=-1, gain=9.0, said="and"),)).faults
    assert (fault.start_s, fault.end_s) == (0.0, 0.0)


def test_a_word_that_is_said_in_its_negated_form_has_the_time_of_the_word() -> None:
    [fault] = verdict(edits=(Edit(kind="inserted", first=2, last=2, gain=9.0, said="didn't"),)).faults
    assert (fault.text, fault.start_s, fault.end_s) == ("didn't", 1.0, 1.4)


def test_words_that_only_the_transcript_has_need_more_evidence_than_missing_ones() -> None:
    assert kinds(edits=(Edit(kind="inserted", first=3, last=2, gain=BASE.min_inserted_gain, said="so"),)) == []
    assert kinds(edits=(Edit(kind="inserted", first=3, last=2, gain=BASE.min_inserted_gain + 0.1, said="so"),)) == [
        "inserted"
    ]


def test_sound_behind_the_end_fails_sooner_than_sound_inside() -> None:
    between = (BASE.max_tail_s + BASE.max_stray_s) / 2
    assert kinds(sounds=(Region(2.5, 2.5 + between),)) == ["extra_sound"]
    assert kinds(sounds=(Region(1.0, 1.0 + between),)) == []
    assert kinds(sounds=(Region(1.0, 1.1 + BASE.max_stray_s),)) == ["extra_sound"]


def test_a_long_silence_is_a_fault() -> None:
    assert kinds(silence=Region(1.0, 1.1 + BASE.max_silence_s)) == ["silence"]
    assert kinds(silence=None) == []


def test_a_cut_off_end_is_a_fault_but_not_behind_a_tail_that_is_one_already() -> None:
    assert kinds(is_cut_off=True) == ["cut_off"]
    assert kinds(is_cut_off=True, sounds=(Region(2.5, 4.0),)) == ["extra_sound"]


@pytest.mark.parametrize("letter_s", [0.001, 0.5])
def test_letters_that_take_no_time_or_far_too_much_are_of_the_wrong_length(letter_s: float) -> None:
    assert kinds(letter_s=letter_s) == ["wrong_length"]


def test_speech_that_has_little_in_common_with_its_text_is_inconclusive_whatever_else_is_found() -> None:
    unlikely = tuple(msgspec.structs.replace(each, probability=0.001) for each in CLEAN.words[:4])
    missing = Edit(kind="missing", first=0, last=3, gain=30.0)
    found = verdict(words=(*unlikely, CLEAN.words[4]), edits=(missing,), likeness=0.6)
    assert (found.outcome, found.faults) == ("inconclusive", ())
    assert "little in common" in found.reason


def test_unlikely_words_that_the_transcript_has_are_said() -> None:
    unlikely = tuple(msgspec.structs.replace(each, probability=0.001) for each in CLEAN.words)
    assert verdict(words=unlikely, likeness=BASE.same_likeness) == Verdict(outcome="passed")
    assert verdict(words=unlikely, likeness=BASE.same_likeness - 0.01).outcome == "inconclusive"


def test_speech_whose_transcript_is_of_something_else_is_inconclusive_whatever_else_is_found() -> None:
    doubtful = tuple(word(each.text, each.start_s, 0.2 if at < 2 else 0.6) for at, each in enumerate(CLEAN.words))
    missing = Edit(kind="missing", first=0, last=1, gain=30.0)
    unlike = BASE.min_likeness - 0.01
    found = verdict(words=doubtful, likeness=unlike, edits=(missing,), sounds=(Region(0.1, 1.9),))
    assert (found.outcome, found.faults) == ("inconclusive", ())
    assert "little in common" in found.reason
    assert kinds(words=doubtful, likeness=BASE.min_likeness, edits=(missing,)) == ["missing"]
    assert kinds(likeness=unlike, edits=(missing,)) == ["missing"], "most words are likely, in another script"


def test_repetitions_and_other_sound_are_inconclusive_where_words_that_were_said_have_no_sound() -> None:
    repeated = Edit(kind="repeated", first=1, last=1, gain=9.0)
    found = verdict(is_misplaced=True, edits=(repeated,), sounds=(Region(0.5, 1.9),))
    assert (found.outcome, found.faults) == ("inconclusive", ())
    assert "repeats itself" in found.reason
    assert verdict(is_misplaced=True) == Verdict(outcome="passed")


def test_other_faults_are_faults_where_words_that_were_said_have_no_sound() -> None:
    missing = Edit(kind="missing", first=3, last=3, gain=9.0)
    assert kinds(is_misplaced=True, edits=(missing,), sounds=(Region(0.5, 1.4),)) == ["extra_sound", "missing"]
    assert kinds(is_misplaced=True, sounds=(Region(2.5, 3.5),)) == ["extra_sound"]


def test_a_missing_end_that_a_transcript_confirms_needs_no_further_evidence() -> None:
    end = Edit(kind="missing", first=4, last=4, gain=BASE.min_gain + 0.1)
    assert kinds(edits=(end,)) == []
    assert kinds(edits=(msgspec.structs.replace(end, is_confirmed=True),)) == ["missing"]


def test_speech_that_could_not_be_aligned_is_inconclusive_and_says_why() -> None:
    found = judge(None)
    assert found.outcome == "inconclusive"
    assert found.reason


def test_faults_come_in_the_order_of_time() -> None:
    assert kinds(
        sounds=(Region(2.5, 4.0),), edits=(Edit(kind="missing", first=0, last=0, gain=9.0),), silence=Region(1.0, 2.4)
    ) == ["missing", "silence", "extra_sound"]


@pytest.mark.parametrize(
    ("outcomes", "all_together"),
    [
        (["passed", "inconclusive", "failed"], "failed"), (["passed", "inconclusive"], "inconclusive"),
        (["passed"], "passed"), ([], "passed"),
    ],
)  # fmt: skip
def test_the_worst_verdict_is_that_of_all(outcomes: list[Outcome], all_together: Outcome) -> None:
    assert overall(outcomes) == all_together


def test_only_the_thresholds_of_a_measured_model_have_error_rates() -> None:
    assert thresholds_for("whisper-base").rates is not None
    assert thresholds_for("another").rates is None
    assert thresholds_for("another").max_tail_s == BASE.max_tail_s
