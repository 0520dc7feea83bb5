"""The lexicon: whole words, the longest first, in one pass."""

import pytest

from app.text.lexicon import MAX_SAID_CHARS, MAX_WORD_CHARS, Lexicon, Pronunciation, respell
from app.text.reading import read

WORDS = Lexicon(
    {
        "Nginx": "engine x", "a": "b", "b": "a", "New York": "Nu Jork", "New York City": "the big apple",
        "C++": "see plus plus", "GIF": Pronunciation(say="jif", case_sensitive=True), "北京": "beijing",
        "서울": "쏘울", "→": "leads to",
        "アップル": "appuru",
        "東京": "とうきょう", "क्षमा": "kshama", "z.B.": "zum Beispiel", "É": "accent",
        "mp3": "em pee three",
        ".NET": "dot net",
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("nginx, NGINX and Nginxes", "engine x, engine x and Nginxes"),
        ("Nginx's log, x-Nginx!", "engine x's log, x-engine x!"),
        ("new  york city and New York.", "the big apple and Nu Jork."),
        ("C++ is not C, nor C+", "see plus plus is not C, nor C+"),
        ("GIF gif Gif", "jif gif Gif"),
        ("a b a", "b a b"),
        ("我在北京用Nginx吧", "我在beijing用engine x吧"),
        ("서울은 서울에서 서울대 남서울 서울", "쏘울은 쏘울에서 서울대 남서울 쏘울"),
        ("アップルパイとアップル社は東京の", "アップルパイとappuru社はとうきょうの"),
        ("क्षमा क्षमाशील", "kshama क्षमाशील"),
        ("so z. B. und z.B.", "so zum Beispiel und zum Beispiel"),
        ("an mp3, my_mp3", "an em pee three, my_mp3"),
        ("use .NET", "use dot net"),
        ("a → c & d", "b leads to c & d"),
        ("", ""),
    ],
)
def test_whole_words_are_replaced_the_longest_first_and_once(written: str, said: str) -> None:
    assert respell(written, [WORDS])[0] == said


def test_the_earlier_lexicon_wins_unless_the_later_one_has_a_longer_entry() -> None:
    first, second = Lexicon({"New York": "one"}), Lexicon({"new york": "two", "New York City": "three"})
    assert respell("New York, New York City", [first, second])[0] == "one, three"


def test_changes_name_what_was_replaced() -> None:
    _, changes = respell("Ask NGINX.", [WORDS])
    assert [(change.kind, change.written, change.spoken) for change in changes] == [("lexicon", "NGINX", "engine x")]


def test_a_word_is_replaced_before_numbers_are_said() -> None:
    reading = read("Use mp3 and 5 km.", "en", [WORDS])
    assert reading.text == "Use em pee three and five kilometers."
    assert [change.kind for change in reading.changes] == ["lexicon", "measure"]


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"word": ""}, "is blank"),
        ({"word": " \n "}, "is blank"),
        ({"word": "x" * (MAX_SAID_CHARS + 1)}, "more than 200 characters"),
        ({" ": "nothing"}, "is blank"),
        ({"": "nothing"}, "is blank"),
        ({"w" * (MAX_WORD_CHARS + 1): "word"}, "more than 60 characters"),
    ],
)
def test_an_entry_that_cannot_be_used_is_named(entries: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Lexicon(entries)


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_hundred_thousand_entries_are_built_and_looked_up_without_a_scan() -> None:
    """A search that walks through the entries at each word takes hours for this text, and the time limit names it."""
    large = Lexicon({f"word{number} {number % 7}": "said" for number in range(100_000)})
    text = "word1 1 word2 2 word99999 4 other " * 5_000
    said, changes = respell(text, [large])
    assert len(changes) == 15_000
    assert said.startswith("said said said other ")
