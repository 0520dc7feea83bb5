"""Text to text tokens, with the TTS package's tokenizer.

Any thread may use it: a lock guards the library's tokenizer, one segment at a time.
"""

import logging
import re
import threading
import unicodedata
from pathlib import Path
from typing import Any

from TTS.tts.layers.xtts import tokenizer as reference

from app.engine.xtts.text.pronounceable import NATIVE, find_unspoken, known_form
from app.errors import UnusableCheckpoint
from app.text.normalization import normalize

# It warns of texts that its own splitter would not have made; prepare.py keeps the limits.
logging.getLogger("TTS.tts.layers.xtts.tokenizer").setLevel(logging.ERROR)

TRANSLITERATED = frozenset(NATIVE)
"""Languages, without region, that are written in Latin letters for the model."""

_BRACKETS = str.maketrans("[]{}", "()()")
_QUOTES = "\"'“”„‟«»‹›‘’‚「」『』`´"
_OPENERS = re.escape("(（" + _QUOTES)
_EDGE_QUOTES = re.compile(rf"^[{re.escape(_QUOTES)}\s]+|(?<=[^\w\s])[{re.escape(_QUOTES)}\s]+$|[\s\"“”„«»「」『』]+$")
_ELLIPSIS = re.compile(r"\s*(?:…|\.{2,})\s*")
_SENTENCE_ENDS = ".!?。！？।؟"
_PAUSES = ",;:，、；：،؛-–—"


def prepare_text(text: str, language: str = "en") -> str:
    """The text in the form that XTTS speaks best.

    It babbles after closing quotes, ellipses and a missing full stop. Square brackets would be read as the vocabulary's
    own marks ("[STOP]").
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
    """Text to tokens as the reference makes them. The model reads fewer than `max_text_tokens`."""

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
    def special_ids(self) -> tuple[int | None, int | None]:
        """Ids of [START] and [STOP], which enclose a text; None for one that the vocabulary lacks."""
        words: Any = self._tokenizer.tokenizer  # Any: the TTS package is untyped
        return words.token_to_id("[START]"), words.token_to_id("[STOP]")

    def has_mark(self, language: str) -> bool:
        """True if the vocabulary has the mark of a language, `[de]`, as one token."""
        words: Any = self._tokenizer.tokenizer  # Any: the TTS package is untyped
        mark = f"[{language}]"
        return words.token_to_id(mark) is not None and words.encode(mark).tokens == [mark]

    def clean(self, text: str, language: str) -> str:
        """The text as the model reads it: numbers, abbreviations and signs in words, spelt as `spell` does.

        A language that a fine-tune has added stays as it is written.
        """
        return self.spell(normalize(text, language).text, language)

    def spell(self, said: str, language: str) -> str:
        """In small letters; Chinese, Japanese and Korean in Latin ones, as trained.

        A character without a token is a space, and a letter whose accent the vocabulary lacks has none.
        """
        spoken = prepare_text(said, language)
        if _short(language) in TRANSLITERATED:
            with self._lock:
                spoken = self._in_latin_letters(spoken, language)
        known = {char: known_form(char, self._words) or " " for char in set(spoken)}
        return " ".join("".join(map(known.__getitem__, spoken)).replace('"', "").split())

    def _in_latin_letters(self, text: str, language: str) -> str:
        if language == "ja":
            return reference.japanese_cleaners(text, self._tokenizer.katsu)
        if language == "ko":
            return reference.hangul_romanize(text)
        # Without figures this only turns punctuation marks into the comma of the training.
        return reference.chinese_transliterate(reference.expand_numbers_multilingual(text, "zh"))

    def encode(self, cleaned: str, language: str) -> list[int]:
        """Text tokens, without start and stop, of a text from `clean`; may be more than the model reads."""
        # VoiceBpeTokenizer.encode would clean it a second time.
        words: Any = self._tokenizer.tokenizer  # Any: the TTS package is untyped
        return words.encode(f"[{language}]{cleaned}".replace(" ", "[SPACE]")).ids

    def unspoken(self, said: str, language: str) -> str:
        def transliterate(char: str) -> str:
            with self._lock:
                return self._in_latin_letters(char, language)

        return find_unspoken(said, language, self._words, transliterate)


def _short(language: str) -> str:
    return language.split("-")[0]
