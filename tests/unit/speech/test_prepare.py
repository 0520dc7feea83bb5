"""Text to the segments that an engine decodes: what cannot be spoken is named, and only the whole text is refused."""

import pytest

from app.engine.scheduler import Sequence
from app.errors import NothingToSpeak
from app.speech.prepare import lost_warnings, prepare
from app.text.segments import Boundary, Segment
from tests.support.fake_engine import FakeEngine


def test_a_paragraph_without_sound_is_skipped_with_a_warning() -> None:
    prepared = prepare(FakeEngine(), "The first one is here.\n\n世界世界世界。\n\nThe last one is here.", "en")
    assert [sequence.segment.text for sequence in prepared.sequences] == [
        "The first one is here.",
        "The last one is here.",
    ]
    assert [sequence.index for sequence in prepared.sequences] == [0, 1]
    assert prepared.warnings == ("skipped, because the fake engine has no sound for it: '世界世界世界。'",)


def test_a_silent_end_of_a_paragraph_leaves_its_pause() -> None:
    prepared = prepare(FakeEngine(), "The first sentence is here. 世界世界世界世界世界世界!\n\nThe last one.", "en")
    assert [sequence.segment.boundary for sequence in prepared.sequences] == [Boundary.PARAGRAPH, Boundary.PARAGRAPH]


def test_a_text_that_is_silent_as_a_whole_is_refused() -> None:
    for text in ("世界世界。\n\n世界。", "...", "😀", "~~~"):
        with pytest.raises(NothingToSpeak):
            prepare(FakeEngine(), text, "en")


def test_lost_characters_are_named_once() -> None:
    assert prepare(FakeEngine(), "Hello 世界 and 世 again.", "en").warnings == (
        "not spoken, because the fake engine cannot: 世界",
    )


def test_more_than_forty_lost_characters_are_counted() -> None:
    sequence = Sequence(
        segment=Segment(0, "Hello.", Boundary.SENTENCE),
        language="en",
        spoken_text="Hello.",
        normal_s=1.0,
        unspoken="".join(map(chr, range(0x4E00, 0x4E00 + 45))),
    )
    (warning,) = lost_warnings("fake", [sequence])
    assert warning.endswith("and 5 more")


def test_many_silent_pieces_are_counted() -> None:
    text = "\n\n".join(["A sentence that is heard.", *(f"世界世界世界世{'界' * number}。" for number in range(1, 9))])
    warnings = prepare(FakeEngine(), text, "en").warnings
    assert len(warnings) == 6
    assert warnings[-1] == "skipped for the same reason: 3 more pieces"
