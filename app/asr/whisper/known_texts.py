"""Known texts as tokens, and their alignment to encoded speech by CTranslate2."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from ctranslate2 import StorageView
from faster_whisper.tokenizer import Tokenizer

from app.asr.inference import Encoded, TokenTimes
from app.asr.known_words import UNSPACED_LANGUAGES

FRAMES_PER_S, ENCODED_PER_S = 100, 50


class KnownTexts:
    """The part of a Network that aligns.

    model           of CTranslate2
    find_tokenizer  gives that of a language
    """

    def __init__(self, model: Any, find_tokenizer: Callable[[str], Tokenizer]) -> None:  # Any: ctranslate2 has no types
        self._ctranslate_model = model
        self._find_tokenizer = find_tokenizer

    def tokens(self, texts: Sequence[str], language: str) -> list[Sequence[int]]:
        space = "" if language in UNSPACED_LANGUAGES else " "
        return [self._encode(space + text, language) for text in texts]

    def letters(self, words: Sequence[str], language: str) -> Sequence[int]:
        space = "" if language in UNSPACED_LANGUAGES else " "
        pieces = [space + letter if at == 0 else letter for word in words for at, letter in enumerate(word)]
        return [token for piece in pieces for token in self._encode(piece, language)]

    def mark(self, mark: str, language: str) -> Sequence[int]:
        return self._encode(mark, language)

    def transcripts(self, encoded: Encoded, language: str, *, max_tokens: int) -> list[str]:
        tokenizer = self._find_tokenizer(language)
        prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        # CTranslate2 generates at most half of `max_length`.
        results = self._ctranslate_model.generate(
            storage(encoded), [prompt] * len(encoded), beam_size=1, max_length=2 * max_tokens
        )
        return [tokenizer.decode(result.sequences_ids[0]).strip() for result in results]

    def align(
        self, encoded: Encoded, texts: Sequence[Sequence[int]], *, language: str, seconds: Sequence[float]
    ) -> list[TokenTimes]:
        results = self._ctranslate_model.align(
            storage(encoded),
            list(self._find_tokenizer(language).sot_sequence),
            [list(text) for text in texts],
            [round(each_s * FRAMES_PER_S) for each_s in seconds],
        )
        return [
            _token_times(result, len(text), each_s)
            for result, text, each_s in zip(results, texts, seconds, strict=True)
        ]

    def _encode(self, text: str, language: str) -> list[int]:
        """Without the tokens of orders to the model, such as `<|en|>`."""
        tokenizer = self._find_tokenizer(language)
        return [token for token in tokenizer.encode(text) if token < tokenizer.eot]


def storage(encoded: Encoded) -> Any:  # Any: ctranslate2 has no types
    return StorageView.from_array(np.ascontiguousarray(encoded))


def _token_times(result: Any, num_tokens: int, duration_s: float) -> TokenTimes:  # Any: ctranslate2 has no types
    """The path of an alignment: its first frame of each token."""
    path = np.asarray(result.alignments, np.int64).reshape(-1, 2)
    starts = np.full(num_tokens + 1, duration_s, np.float32)
    tokens, first = np.unique(path[:, 0], return_index=True)
    starts[tokens] = np.minimum(path[first, 1] / ENCODED_PER_S, duration_s)
    return TokenTimes(np.asarray(result.text_token_probs, np.float32), starts)
