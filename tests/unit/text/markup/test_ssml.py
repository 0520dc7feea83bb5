"""SSML: the documented subset, and what is refused."""

import pytest

from app.errors import InvalidMarkup
from app.text.markup import Markup, Span
from app.text.segments import Boundary
from tests.unit.text.markup.reading import read


def spans(content: str, *, language: str = "en") -> list[Span]:
    return list(read(f"<speak>{content}</speak>", language=language).spans)


def said(content: str, *, language: str = "en") -> str:
    return " ".join(span.text for span in spans(content, language=language))


def warnings(content: str) -> str:
    return "; ".join(read(f"<speak>{content}</speak>").warnings)


@pytest.mark.parametrize(
    "text",
    [
        "<speak>Hello &amp; you.</speak>",
        "\n <speak version='1.1'>Hello &amp; you.</speak>\n",
        "<speak\n>Hello\n\n&amp; you.</speak >",
        "<?xml version='1.0' encoding='utf-16'?>\n<speak xmlns='https://example.com/a'>Hello &#38; you.</speak>",
        "\ufeff<speak><!-- a comment -->Hello <![CDATA[&]]> you.</speak>",
    ],
)
def test_a_text_that_begins_with_speak_is_ssml(text: str) -> None:
    assert read(text) == read(text, Markup.SSML)
    assert [span.text for span in read(text).spans] == ["Hello & you."]


@pytest.mark.parametrize("text", ["speak now", "say <speak>", "<speaker>", "<speakeasy/>"])
def test_a_text_that_does_not_is_none(text: str) -> None:
    assert read(text).spans[0].text.startswith(text[:3])


def test_paragraphs_and_sentences_end_at_their_boundaries() -> None:
    found = spans("<p><s>One</s><s>two</s></p><p>three</p> four")
    assert [(span.text, span.boundary) for span in found] == [
        ("One", Boundary.SENTENCE),
        ("two", Boundary.PARAGRAPH),
        ("three", Boundary.PARAGRAPH),
        ("four", Boundary.PARAGRAPH),
    ]


@pytest.mark.parametrize(
    ("element", "seconds"),
    [
        ("<break/>", 0.5),
        ("<break time='500ms'/>", 0.5),
        ("<break time='1.5s'/>", 1.5),
        ("<break time='+2s' strength='weak'/>", 2.0),
        ("<break strength='none'/>", 0.0),
        ("<break strength='x-weak'/>", 0.1),
        ("<break strength='weak'/>", 0.25),
        ("<break strength='strong'/>", 0.8),
        ("<break strength='x-strong'/>", 1.2),
        ("<break time='9s'/><break time='9s'/>", 10.0),
        ("[pause 700ms]", 0.7),
    ],
)
def test_a_break_is_a_pause(element: str, seconds: float) -> None:
    first, second = spans(f"One {element} two.")
    assert (first.text.strip(), first.pause_s, second.text.strip(), second.pause_s) == ("One", seconds, "two.", None)


def test_a_break_between_paragraphs_replaces_their_pause() -> None:
    first, second = spans("<p>One</p><break time='2s'/><p>two</p>")
    assert (first.pause_s, second.pause_s) == (2.0, None)


def test_breaks_at_the_start_and_alone_are_kept() -> None:
    assert [(span.text, span.pause_s) for span in spans("<break time='1s'/>One")] == [("", 1.0), ("One", None)]
    assert [(span.text, span.pause_s) for span in spans("<break/>")] == [("", 0.5)]


@pytest.mark.parametrize(
    "element", ["<break time='soon'/>", "<break strength='mighty'/>", "<break time='11s'/>", "<break time='-1s'/>"]
)
def test_a_break_that_cannot_be_had_is_named(element: str) -> None:
    assert warnings(f"One {element} two.")


def test_an_alias_is_said_instead_of_what_is_written() -> None:
    assert said("The <sub alias='World Wide Web'>W<b>W</b>W</sub>.") == "The World Wide Web."
    assert said("The <sub>WWW</sub>.") == "The WWW."


@pytest.mark.parametrize(
    ("element", "language", "expected"),
    [
        ("<say-as interpret-as='cardinal'>1,234</say-as>", "en", "one thousand two hundred thirty four"),
        ("<say-as interpret-as='cardinal'>-5</say-as>", "en", "minus five"),
        ("<say-as interpret-as='number'>1995</say-as>", "de", "ein­tausend­neun­hundert­fünf­und­neunzig"),
        ("<say-as interpret-as='ordinal'>3</say-as>", "en", "third"),
        ("<say-as interpret-as='ordinal'>21st</say-as>", "en", "twenty first"),
        ("<say-as interpret-as='ordinal'>3.</say-as>", "cs", "třetí"),
        ("<say-as interpret-as='ordinal'>2</say-as>", "hi", "दूसरा"),
        ("<say-as interpret-as='ordinal'>5</say-as>", "hi", "पाँचवाँ"),
        ("<say-as interpret-as='ordinal'>1</say-as>", "ko", "첫번째"),
        ("<say-as interpret-as='ordinal'>21</say-as>", "ar", "الحادي والعشرون"),
        ("<say-as interpret-as='date' format='dmy'>03/05/2024</say-as>", "de", "dritter Mai zweitausendvierundzwanzig"),
        ("<say-as interpret-as='date' format='mdy'>05/03/2024</say-as>", "fr", "trois mai deux mille vingt-quatre"),
        ("<say-as interpret-as='date' format='ymd'>2024-05-03</say-as>", "zh-cn", "二零二四年五月三日"),
        ("<say-as interpret-as='date' format='m'>5</say-as>", "en", "May"),
        ("<say-as interpret-as='time'>14:30</say-as>", "fr", "quatorze heures trente"),
        ("<say-as interpret-as='time' format='hms12'>2:30pm</say-as>", "en", "two thirty PM."),
        ("<say-as interpret-as='telephone'>+1 555-123</say-as>", "en", "plus one, five five five, one two three"),
        ("<say-as interpret-as='telephone'>555</say-as>", "de", "fünf fünf fünf"),
        ("<say-as interpret-as='characters'>a1-b</say-as>", "en", "A one dash B"),
        ("<say-as interpret-as='spell-out'>USA</say-as>", "ru", "ю эс эй"),
        ("<say-as interpret-as='digits'>2024</say-as>", "es", "dos cero dos cuatro"),
    ],
)
def test_say_as_says_what_its_kind_asks_for(element: str, language: str, expected: str) -> None:
    (span,) = spans(element, language=language)
    assert span.text == expected.replace("\xad", "")


@pytest.mark.parametrize(
    "element",
    [
        "<say-as interpret-as='date' format='mdy'>13/45/2024</say-as>",
        "<say-as interpret-as='date' format='xyz'>1/2/3</say-as>",
        "<say-as interpret-as='cardinal'>many</say-as>",
        "<say-as interpret-as='expletive'>damn</say-as>",
        "<say-as>x</say-as>",
        "<say-as interpret-as='telephone'>call me</say-as>",
        f"<say-as interpret-as='characters'>{'a' * 1000}</say-as>",
    ],
)
def test_say_as_of_another_kind_is_read_as_written_and_named(element: str) -> None:
    content = element.partition(">")[2].partition("<")[0]
    assert said(element) == content
    assert "read as written" in warnings(element)


def test_a_language_has_spans_of_its_own() -> None:
    found = spans("He said <lang xml:lang='fr-FR'>bonjour</lang> and <lang xml:lang='en'>left</lang>.")
    assert [(span.text, span.language) for span in found] == [("He said", None), ("bonjour", "fr"), ("and left.", None)]


def test_languages_nest_and_belong_to_every_element() -> None:
    marked = read("<speak xml:lang='de'><p>Eins <lang xml:lang='fr'>deux</lang></p><s xml:lang='es'>tres</s></speak>")
    assert [(span.text, span.language) for span in marked.spans] == [("Eins", "de"), ("deux", "fr"), ("tres", "es")]


def test_a_language_that_is_not_spoken_is_named() -> None:
    assert [(span.text, span.language) for span in spans("<lang xml:lang='tlh'>nuqneH</lang>")] == [("nuqneH", None)]
    assert "tlh" in warnings("<lang xml:lang='tlh'>nuqneH</lang>")


@pytest.mark.parametrize(
    ("rate", "factor"),
    [
        ("x-slow", 0.5),
        ("slow", 0.75),
        ("medium", 1.0),
        ("default", 1.0),
        ("fast", 1.25),
        ("x-fast", 1.5),
        ("80%", 0.8),
        ("+20%", 1.2),
        ("-10%", 0.9),
        ("1.5", 1.5),
        ("500%", 2.0),
        ("1%", 0.5),
    ],
)
def test_a_rate_has_spans_of_its_own(rate: str, factor: float) -> None:
    assert [span.rate for span in spans(f"<prosody rate='{rate}'>One</prosody>")] == [pytest.approx(factor)]


def test_rates_multiply_and_end_with_their_element() -> None:
    found = spans("<prosody rate='80%'>a <prosody rate='150%'>b</prosody> c</prosody> d")
    assert [(span.text, span.rate) for span in found] == [("a", 0.8), ("b", pytest.approx(1.2)), ("c", 0.8), ("d", 1.0)]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("<emphasis>One</emphasis>", "<emphasis>"),
        ("<mstts:express-as>One</mstts:express-as>", "<mstts:express-as>"),
        ("<audio src='a.wav'>One</audio>", "<audio>"),
        ("<prosody pitch='high'>One</prosody>", "pitch"),
        ("<prosody rate='zippy'>One</prosody>", "zippy"),
        ("<prosody rate='500%'>One</prosody>", "500%"),
        ("<a:b>One</a:b>" * 3, "<a:b>"),
    ],
)
def test_what_has_no_effect_is_read_through_and_named_once(content: str, name: str) -> None:
    assert said(content).startswith("One")
    assert warnings(content).count(name) == 1


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("<speak>a <b></speak>", "line 1, column 15"),
        ("<speak>\nTom & Jerry</speak>", "line 2, column 6"),
        ("<speak>", "line 1"),
        ("<speak>a</speak>b", "line 1, column 17"),
        ("<speak>&nbsp;</speak>", "undefined entity"),
        ("<!DOCTYPE speak><speak>a</speak>", "DOCTYPE"),
        ('<!DOCTYPE speak SYSTEM "file:///etc/passwd"><speak>a</speak>', "DOCTYPE"),
        ('<!DOCTYPE speak [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><speak>&b;</speak>', "DOCTYPE"),
        ("<speak>" + "<p>" * 10_000 + "a" + "</p>" * 10_000 + "</speak>", "100 deep"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, where: str) -> None:
    with pytest.raises(InvalidMarkup, match=where) as caught:
        read(text)
    assert caught.value.param == "text"


@pytest.mark.parametrize("text", ["Hello", "<p>Hello</p>", "", "<!-- -->"])
def test_explicit_ssml_must_be_a_speak_element(text: str) -> None:
    with pytest.raises(InvalidMarkup):
        read(text, Markup.SSML)


def test_warnings_name_a_few_and_no_more() -> None:
    content = "".join(f"<x{number}>a</x{number}>" for number in range(1000))
    assert len(warnings(content)) < 200
