"""Text to text tokens: the TTS package's tokenizer, with the text brought into the form that XTTS speaks best.

Knows characters and ids. Any thread may use it: the library's tokenizer is behind a lock, one segment at a time.
"""

import logging
import re
import threading
import unicodedata
from pathlib import Path
from typing import Any

from TTS.tts.layers.xtts import tokenizer as reference

from app.engine.xtts.text.languages import is_spelt_out
from app.errors import UnusableCheckpoint
from app.text.normalization import normalize

# It warns of texts that its own splitter would not have made; the limits are ours to keep.
logging.getLogger("TTS.tts.layers.xtts.tokenizer").setLevel(logging.ERROR)

TRANSLITERATED = frozenset(("zh", "ja", "ko"))
"""Languages, without their region, whose script is written in Latin letters for the model."""

_BRACKETS = str.maketrans("[]{}", "()()")
_QUOTES = "\"'“”„‟«»‹›‘’‚「」『』`´"
_OPENERS = re.escape("(（" + _QUOTES)
_EDGE_QUOTES = re.compile(rf"^[{re.escape(_QUOTES)}\s]+|(?<=[^\w\s])[{re.escape(_QUOTES)}\s]+$|[\s\"“”„«»「」『』]+$")
_ELLIPSIS = re.compile(r"\s*(?:…|\.{2,})\s*")
_SENTENCE_ENDS = ".!?。！？।؟"
_PAUSES = ",;:，、；：،؛-–—"


def prepare_text(text: str, language: str = "en") -> str:
    """What XTTS is given for a segment.

    Left as they are, closing quotes, ellipses and a missing full stop are what makes it babble on after the last
    word. Square brackets would be read as the vocabulary's own marks ("[STOP]").
    """
    text = unicodedata.normalize("NFC", text).translate(_BRACKETS)
    text = _ELLIPSIS.sub(", ", text.strip())
    text = _EDGE_QUOTES.sub("", text).strip().rstrip(_PAUSES + " ").lstrip("," + " ")
    if not text:
        return text
    text = re.sub(r"\s+,", ",", text)
    if text[-1] not in _SENTENCE_ENDS:
        text += "."
    if language == "tr":
        text = text.replace("İ", "i")  # its small letter would be an i with a combining dot
    return text.lower()


class TextTokenizer:
    """`encode` as the reference encodes. The model reads fewer than `max_text_tokens` tokens."""

    def __init__(self, vocabulary: Path, *, max_text_tokens: int) -> None:
        try:
            self._tokenizer = reference.VoiceBpeTokenizer(str(vocabulary))
            words: Any = self._tokenizer.tokenizer  # Any: the TTS package is untyped
            self._words: frozenset[str] = frozenset(words.get_vocab())
        except Exception as error:  # the library raises bare exceptions for files that are not its own
            raise UnusableCheckpoint(f"{vocabulary} is no vocabulary: {error}", param="CHORUS_MODEL") from error
        self.max_text_tokens = max_text_tokens
        self._lock = threading.Lock()

    @property
    def num_tokens(self) -> int:
        return self._tokenizer.get_number_tokens()

    @property
    def marks(self) -> tuple[int | None, int | None]:
        """Ids of the marks around a text, [START] and [STOP]; None for one that the vocabulary lacks."""
        words: Any = self._tokenizer.tokenizer  # Any: the TTS package is untyped
        return words.token_to_id("[START]"), words.token_to_id("[STOP]")

    def has_mark(self, language: str) -> bool:
        """Whether the vocabulary has the mark of a language, `[de]`, as one token."""
        words: Any = self._tokenizer.tokenizer  # Any: the TTS package is untyped
        mark = f"[{language}]"
        return words.token_to_id(mark) is not None and words.encode(mark).tokens == [mark]

    def clean(self, text: str, language: str) -> str:
        """The text as it is spoken: numbers, abbreviations and signs in words, in small letters.

        Chinese, Japanese and Korean are written in Latin letters, as the model was trained. A language that a fine-tune
        has added stays as it is written.
        """
        spoken = prepare_text(normalize(text, language).text if is_spelt_out(language) else text, language)
        if _short(language) in TRANSLITERATED:
            with self._lock:
                spoken = self._in_latin_letters(spoken, language)
        return " ".join(spoken.replace('"', "").split())

    def _in_latin_letters(self, text: str, language: str) -> str:
        if language == "ja":
            return reference.japanese_cleaners(text, self._tokenizer.katsu)
        if language == "ko":
            return reference.hangul_romanize(text)
        # With no figures left, this only turns every punctuation mark into the comma that the model was trained with.
        return reference.chinese_transliterate(reference.expand_numbers_multilingual(text, "zh"))

    def encode(self, text: str, language: str) -> list[int]:
        """Text tokens without start and stop, as many as there are: the model reads fewer than `max_text_tokens`."""
        return self.encode_cleaned(self.clean(text, language), language)

    def encode_cleaned(self, text: str, language: str) -> list[int]:
        """The same for what `clean` gave. VoiceBpeTokenizer.encode would clean it a second time."""
        words: Any = self._tokenizer.tokenizer  # Any: the TTS package is untyped
        return words.encode(f"[{language}]{text}".replace(" ", "[SPACE]")).ids

    def unknown_letters(self, text: str, language: str) -> str:
        """Letters that the vocabulary does not have, each once. Of transliterated languages none is reported."""
        if _short(language) in TRANSLITERATED:
            return ""
        letters = dict.fromkeys(char for char in text if char.isalpha())
        return "".join(letter for letter in letters if not self._words & {letter.lower(), *letter.lower()})


def _short(language: str) -> str:
    return language.split("-")[0]
