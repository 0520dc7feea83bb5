"""Text tokens: the reference's ids in every language, and texts that do not provoke babble."""

from pathlib import Path

import pytest
from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer

from app.engine.xtts.text.numbers import with_spellable_numbers
from app.engine.xtts.text.tokenizer import TextTokenizer, prepare_text
from app.text.languages import LANGUAGES
from tests.support.own_xtts import write_own_vocabulary
from tests.support.tiny_xtts import RELEASED_FILES

SENTENCES = {
    "en": "Mr. Smith paid $20.50 for 3 books on the 1st of May.",
    "es": "El Sr. García pagó 20,50€ por 3 libros.",
    "fr": "M. Dupont a payé 20,50€ pour 3 livres, n'est-ce pas ?",
    "de": "Herr Dr. Müller zahlte am 1. Mai 20,50€ für 3 Bücher.",
    "it": "Il sig. Rossi ha pagato 20,50€ per 3 libri.",
    "pt": "O Sr. Silva pagou 20,50€ por 3 livros & foi embora.",
    "pl": "Pan Kowalski zapłacił 20€ za 3 książki.",
    "tr": "Bay Yılmaz 3 kitap için %50 indirim aldı.",
    "ru": "Г-н Иванов заплатил 20€ за 3 книги.",
    "nl": "Dhr. Jansen betaalde 20,50€ voor 3 boeken.",
    "cs": "Pan Novák zaplatil 20€ za 3 knihy.",
    "ar": "دفع السيد محمد 20 دينارا مقابل 3 كتب.",
    "zh-cn": "史密斯先生花了20元买了3本书。",
    "hu": "Kovács úr 20€-t fizetett 3 könyvért.",
    "ko": "김 선생님은 책 3권을 샀습니다.",
    "ja": "スミスさんは本を3冊買いました。",
    "hi": "श्री शर्मा ने तीन किताबें खरीदीं।",  # in words: the reference raises for digits in Hindi
}


@pytest.fixture(scope="module", params=["released", "own"])
def vocabulary(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "own":
        path = tmp_path_factory.mktemp("vocabulary") / "vocab.json"
        write_own_vocabulary(path)
        return path
    if RELEASED_FILES is None:
        pytest.skip("no released vocabulary beside the project (shared/data/xtts_v2/vocab.json)")
    return RELEASED_FILES / "vocab.json"


@pytest.mark.parametrize("language", LANGUAGES)
def test_ids_are_the_references_in_every_language(vocabulary: Path, language: str) -> None:
    text = SENTENCES[language]
    theirs = VoiceBpeTokenizer(str(vocabulary)).encode(text.strip().lower(), lang=language)
    ours = TextTokenizer(vocabulary, max_text_tokens=402).encode(text, language)
    assert ours == theirs
    assert len(ours) > 8


NUMBERS = (
    "3", "1984", "20.5", "20,5", "1st", "1.", "5. ", "20€", "€20", "$20.50", "£ 3", "100,000", "100.000,5", "9" * 30,
    "9" * 180, "1" * 70 + ".5", "0", "00012", "-5", "3/4", "10%", "5°", "12:30", "2026-11-23", "1.2.3", "#1", "½",
    "²", "३४", "٣٤", "１２", "Ⅳ", "1e10", "1er", "1ª", "1..2", "$.5", "5,", "²³",
)  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_can_be_read_in_every_language(vocabulary: Path, language: str) -> None:
    """The reference raises for some of these in 13 languages."""
    tokenizer = TextTokenizer(vocabulary, max_text_tokens=10_000)
    for number in NUMBERS:
        for text in (number, f"word {number} word", f"word {number}."):
            assert tokenizer.encode(text, language), text
            assert tokenizer.clean(text, language), text


def test_numbers_in_hindi_are_words() -> None:
    assert with_spellable_numbers("मेरे पास 14.5 रुपये", "hi") == "मेरे पास एक चार दशमलव पाँच रुपये"
    assert with_spellable_numbers("३ किताबें", "hi") == "तीन किताबें"


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("Hello there", "hello there."),
        ("Hello there.", "hello there."),
        ("“Hello there!”", "hello there!"),
        ("'Oh dear! Oh dear! I shall be too late!'", "oh dear! oh dear! i shall be too late!"),
        ("the dogs' bowls", "the dogs' bowls."),
        ("Well… I never", "well, i never."),
        ("And then...", "and then."),
        ("…and then", "and then."),
        ("A clause that goes on,", "a clause that goes on."),
        ("He said: “No.” She left —", "he said: “no.” she left."),
        ("press [STOP] now", "press (stop) now."),
        ("你好。", "你好。"),
        ("क्या आप ठीक हैं।", "क्या आप ठीक हैं।"),
        ("Cafe\u0301", "café."),
        ("...", ""),
        ("  ", ""),
    ],
)
def test_a_text_ends_with_one_full_stop_and_no_quote(text: str, prepared: str) -> None:
    assert prepare_text(text) == prepared
    assert prepare_text(prepared) == prepared


def test_marks_of_the_vocabulary_in_a_text_are_only_text(tiny_checkpoint: Path) -> None:
    tokenizer = TextTokenizer(tiny_checkpoint / "vocab.json", max_text_tokens=402)
    marks = VoiceBpeTokenizer(str(tiny_checkpoint / "vocab.json")).tokenizer.token_to_id
    tokens = tokenizer.encode("now [STOP] and [START] again [de]", "en")
    assert not {marks("[STOP]"), marks("[START]"), marks("[de]")} & set(tokens)
    assert tokens[0] == marks("[en]")


def test_letters_that_the_vocabulary_lacks_are_named(tiny_checkpoint: Path) -> None:
    tokenizer = TextTokenizer(tiny_checkpoint / "vocab.json", max_text_tokens=402)
    assert tokenizer.unknown_letters("naïve 世界 ÉÜ 世", "en") == "世界"
    assert tokenizer.unknown_letters("世界", "zh-cn") == ""
