"""A text with markup, on its way to an engine."""

import pytest

from app.errors import InvalidMarkup, NothingToSpeak
from app.speech.prepare import PreparedText, prepare
from app.speech.spoken_form import spoken_form
from app.text.lexicon import Lexicon
from app.text.markup import Markup
from app.text.segments import Boundary
from tests.support.fake_engine import FakeEngine


def prepared(text: str, *, markup: Markup = Markup.AUTO, speed: float = 1.0) -> PreparedText:
    return prepare(FakeEngine(), text, "en", markup=markup, speed=speed)


def texts(text: str, *, markup: Markup = Markup.AUTO) -> list[str]:
    return [segment.text for segment in prepared(text, markup=markup).segments]


def test_items_of_a_list_are_segments_of_their_own() -> None:
    segments = prepared("- First item\n- Second item\n- Third item").segments
    assert [segment.text for segment in segments] == ["First item", "Second item", "Third item"]
    assert {segment.boundary for segment in segments} == {Boundary.PARAGRAPH}


@pytest.mark.parametrize("row", ["---", "***", "~~~", "* * *", "| | |", "#", ">", "<br>", "&nbsp;"])
def test_a_row_of_marks_between_two_scenes_is_a_pause(row: str) -> None:
    scenes = ["One man went out of the house.", "Two men came in again."]
    assert texts(f"{scenes[0]}\n\n{row}\n\n{scenes[1]}") == scenes


def test_a_pause_belongs_to_the_last_segment_before_it() -> None:
    segments = prepared("One is here. Two is here. [pause 2s] Three is here.").segments
    assert [(segment.text, segment.pause_s) for segment in segments] == [
        ("One is here.", None),
        ("Two is here.", 2.0),
        ("Three is here.", None),
    ]


def test_pauses_at_the_start_are_the_lead_and_pauses_without_words_between_are_one() -> None:
    found = prepared("[pause 1s] ... [pause 1s] Hello there. [pause 2s] — [pause 3s]")
    assert found.lead_s == 2.0
    assert [(segment.text, segment.pause_s) for segment in found.segments] == [("Hello there.", 5.0)]


def test_the_pause_of_a_segment_without_sound_is_kept() -> None:
    found = prepared("世界世界。[pause 1s] Hello there. [pause 2s] 世界世界。 [pause 3s] Bye then.")
    assert found.lead_s == 1.0
    assert [(segment.text, segment.pause_s) for segment in found.segments] == [
        ("Hello there.", 5.0),
        ("Bye then.", None),
    ]


@pytest.mark.parametrize("text", ["[pause 1s]", "<speak><break/></speak>", "[pause 1s] ..."])
def test_pauses_alone_are_refused_with_a_reason(text: str) -> None:
    with pytest.raises(NothingToSpeak, match="pauses need words"):
        prepared(text)


def test_a_span_in_another_language_is_a_segment_of_its_own() -> None:
    segments = prepared("<speak>He said <lang xml:lang='de'>guten Tag</lang> and left.</speak>").segments
    assert [(segment.text, segment.language, segment.boundary) for segment in segments] == [
        ("He said", None, Boundary.CLAUSE),
        ("guten Tag", "de", Boundary.CLAUSE),
        ("and left.", None, Boundary.PARAGRAPH),
    ]


def test_a_span_in_another_language_has_the_lexicon_of_that_language() -> None:
    words = {"en": Lexicon({"Tag": "tagg"}), "de": Lexicon({"Tag": "Taak"})}
    text = "<speak>A Tag, <lang xml:lang='de'>guten Tag</lang> and one more Tag.</speak>"
    found = prepare(FakeEngine(), text, "en", lambda language: [words[language]], markup=Markup.AUTO)
    assert [sequence.spoken_text for sequence in found.sequences] == ["A tagg,", "guten Taak", "and one more tagg."]
    form = spoken_form(text, "en", lambda language: [words[language]])
    assert [segment.spoken for segment in form.segments] == ["A tagg,", "guten Taak", "and one more tagg."]


@pytest.mark.parametrize(("speed", "rate"), [(1.0, 1.5), (2.0, 1.0), (0.5, 1.5), (1.6, 1.25)])
def test_rate_and_speed_together_stay_within_the_bounds_of_a_speed(speed: float, rate: float) -> None:
    found = prepared("<speak><prosody rate='150%'>Hello there.</prosody></speak>", speed=speed)
    assert [segment.rate for segment in found.segments] == [pytest.approx(rate)]
    assert any("bounded" in warning for warning in found.warnings) == (rate != 1.5)


def test_what_markup_has_lost_is_named() -> None:
    (warning,) = prepared("Hello<script>alert(1)</script> there.").warnings
    assert "<script>" in warning


def test_plain_text_keeps_its_marks() -> None:
    assert texts("Use **this** now.", markup=Markup.PLAIN) == ["Use **this** now."]


def test_ssml_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(InvalidMarkup, match="line 1, column"):
        prepared("<speak>Hello <b></speak>")
