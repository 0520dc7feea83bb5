"""Segments that are longer than the model reads once numbers are spelt out: cut again, and nothing of them lost."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.engine.xtts.config import ModelArgs
from app.engine.xtts.runaway import Guards
from app.engine.xtts.sequence import XttsSequence
from app.engine.xtts.text.prepare import FAST_CHARS_PER_S, TextPreparer
from app.engine.xtts.text.tokenizer import TextTokenizer
from app.text.languages import XTTS_MAX_CHARS
from app.text.segments import Boundary, Segment, split_segments

REAL_VOCABULARY = Path(__file__).parents[6] / "shared" / "data" / "xtts_vocab.json"
ARGS = ModelArgs()
MAX_AUDIO_S = ARGS.max_audio_codes * ARGS.code_s

TEXTS = {
    "25 five-digit numbers": ("en", "The results were " + ", ".join(str(10_000 + 3571 * n) for n in range(25)) + "."),
    "13 telephone numbers": ("de", "Rufen Sie an: " + ", ".join(f"0{n}71 4{n}98 77{n}3" for n in range(1, 14)) + "."),
    "a list of years": ("pl", "W latach " + ", ".join(str(1901 + 7 * n) for n in range(34)) + "."),
    "numbers without blanks": ("en", "/".join(str(10_000 + 3571 * n) for n in range(40))),
    "one number without an end": ("en", "9" * 250),
    "one number in German": ("de", "1" * 253),
    "symbols": ("en", "%&@#$£€°+= " * 20),
    "Chinese numbers": ("zh-cn", "12345和67890和13579和24680和" * 3),
    "Japanese numbers": ("ja", "12345と67890と13579と24680と" * 3),
    "Korean numbers": ("ko", "12345와 67890와 13579와 24680와 " * 3),
    "Hindi numbers": ("hi", "12345 और 67890 और 13579 और " * 6),
    "Arabic numbers": ("ar", "12345 و 67890 و 13579 و " * 8),
    "one word": ("ru", "ж" * 180),
}


@pytest.fixture(scope="module", params=["real", "tiny"])
def tokenizer(request: pytest.FixtureRequest, tiny_checkpoint: Path) -> TextTokenizer:
    if request.param == "real" and not REAL_VOCABULARY.is_file():
        pytest.skip("no released vocabulary beside the project (shared/data/xtts_vocab.json)")
    vocabulary = REAL_VOCABULARY if request.param == "real" else tiny_checkpoint / "vocab.json"
    return TextTokenizer(vocabulary, max_text_tokens=402)


def prepare(tokenizer: TextTokenizer, text: str, language: str) -> tuple[XttsSequence, ...]:
    segments = split_segments(text, language=language, max_chars=XTTS_MAX_CHARS[language])
    return TextPreparer(tokenizer, ARGS, Guards()).prepare(segments, language)


@pytest.mark.parametrize(("language", "text"), TEXTS.values(), ids=list(TEXTS))
def test_every_segment_fits_and_no_letter_is_lost_or_moved(tokenizer: TextTokenizer, language: str, text: str) -> None:
    prepared = prepare(tokenizer, text, language)
    assert [sequence.index for sequence in prepared] == list(range(len(prepared)))
    assert all(0 < len(sequence.text_tokens) <= 401 for sequence in prepared)
    assert all(len(sequence.spoken_text) <= FAST_CHARS_PER_S * MAX_AUDIO_S for sequence in prepared)
    assert all(0 < sequence.normal_s <= MAX_AUDIO_S for sequence in prepared)
    assert "".join(re.sub(r"\s", "", sequence.segment.text) for sequence in prepared) == re.sub(r"\s", "", text)
    assert prepared[-1].segment.boundary is Boundary.PARAGRAPH


def test_a_number_is_never_parted_where_there_is_a_comma_or_a_blank(tokenizer: TextTokenizer) -> None:
    numbers = [str(10_000 + 3571 * n) for n in range(25)]
    prepared = prepare(tokenizer, "The results were " + ", ".join(numbers) + ".", "en")
    assert len(prepared) > 1
    assert re.findall(r"\d+", " ".join(sequence.segment.text for sequence in prepared)) == numbers
    assert all(sequence.segment.text.endswith(",") for sequence in prepared[:-1])
    assert [sequence.segment.boundary for sequence in prepared[:-1]] == [Boundary.CLAUSE] * (len(prepared) - 1)


@pytest.mark.parametrize("language", ["en", "zh-cn", "ja", "ko"])
def test_ordinary_text_is_left_in_the_pieces_it_came_in(tokenizer: TextTokenizer, language: str) -> None:
    texts = {
        "en": "Alice was beginning to get very tired of sitting by her sister on the bank, and of nothing to do.",
        "zh-cn": "今天天气很好，我们一起去公园散步吧，看看那里的花草树木，听听鸟儿的歌声。",
        "ja": "今日はとても良い天気なので、公園へ散歩に行きましょう。花や木を見て、鳥の声を聞きましょう。",
        "ko": "오늘은 날씨가 정말 좋아서 우리 함께 공원에 산책하러 가면 좋겠습니다.",
    }
    segments = split_segments(texts[language], language=language, max_chars=XTTS_MAX_CHARS[language])
    prepared = prepare(tokenizer, texts[language], language)
    assert [sequence.segment.text for sequence in prepared] == [segment.text for segment in segments]


def test_a_segment_is_spelt_out_and_marked_in_its_own_language(tokenizer: TextTokenizer) -> None:
    german = Segment(0, "Es sind 21 Hunde.", Boundary.SENTENCE, language="de")
    english = Segment(1, "There are 21 dogs.", Boundary.SENTENCE)
    first, second = TextPreparer(tokenizer, ARGS, Guards()).prepare([german, english], "en")
    assert (first.language, second.language) == ("de", "en")
    assert "einundzwanzig" in first.spoken_text
    assert "twenty" in second.spoken_text
    assert list(first.text_tokens) == tokenizer.encode(first.spoken_text, "de")


def test_the_pieces_of_a_segment_keep_its_language_and_rate_and_only_the_last_its_pause(
    tokenizer: TextTokenizer,
) -> None:
    language, text = TEXTS["13 telephone numbers"]
    segment = Segment(0, text, Boundary.SENTENCE, language=language, rate=1.5, pause_s=2.0)
    pieces = [sequence.segment for sequence in TextPreparer(tokenizer, ARGS, Guards()).prepare([segment], "en")]
    assert len(pieces) > 1
    assert {(piece.language, piece.rate) for piece in pieces} == {("de", 1.5)}
    assert [piece.pause_s for piece in pieces] == [None] * (len(pieces) - 1) + [2.0]
    assert pieces[-1].boundary is Boundary.SENTENCE


def test_tokens_do_not_depend_on_other_threads(tokenizer: TextTokenizer) -> None:
    """The library's tokenizer is shared, and every language has state of its own in it."""
    jobs = [(text, language) for language, text in TEXTS.values()] * 3

    def tokens_of(text: str, language: str) -> list[tuple[str, str, tuple[int, ...]]]:
        prepared = prepare(tokenizer, text, language)
        return [(sequence.segment.text, sequence.spoken_text, sequence.text_tokens) for sequence in prepared]

    alone = [tokens_of(text, language) for text, language in jobs]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda job: tokens_of(*job), jobs))
    assert together == alone


def test_an_exact_number_of_codes_is_an_exact_estimate(tokenizer: TextTokenizer) -> None:
    segments = [Segment(0, "Hello there.", Boundary.SENTENCE)]
    (prepared,) = TextPreparer(tokenizer, ARGS, Guards(exact_codes=110)).prepare(segments, "en")
    assert prepared.normal_s == 110 * ARGS.code_s
