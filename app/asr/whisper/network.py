"""Whisper in CTranslate2: features, encoder, decoder, alignment. Stateless between calls.

faster-whisper's tokenizer, features, voice activity detector and alignment are used as they are; its own loop over one
recording is not.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from ctranslate2 import StorageView
from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.feature_extractor import FeatureExtractor
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import (
    Segment,
    get_suppressed_tokens,
    restore_speech_timestamps,
)
from faster_whisper.transcribe import Word as AlignedWord
from faster_whisper.vad import VadOptions, get_speech_timestamps
from numpy.typing import NDArray

from app.asr.base import SAMPLE_RATE_HZ, RecognizedSegment, Task, Word
from app.asr.fallback import Decoded, compression_ratio
from app.asr.inference import NUM_FRAMES, Encoded, Features
from app.asr.onset import onset_s
from app.asr.whisper.known_texts import FRAMES_PER_S, KnownTexts, storage
from app.asr.windows import WINDOW_S, Span, Window

MAX_LENGTH = 448
"""Tokens of a prompt and its text."""
MAX_INITIAL_TIMESTAMP = 50
"""A window's text begins within its first second."""
NUM_SAMPLED = 5
"""Texts that are sampled at a temperature above 0; the likeliest is taken."""
PREPENDED, APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"
"""Punctuation that belongs to the word behind it, and to the word before it."""
END_OF_TEXT = {True: 50257, False: 50256}
"""Id of the token that ends a text, in multilingual and in English-only vocabularies."""

logging.getLogger("faster_whisper").setLevel(logging.WARNING)


def find_speech(samples: NDArray[np.float32]) -> list[Span]:
    """Spans of speech by the Silero detector, with up to 0.4 s around each."""
    is_one_window = len(samples) <= WINDOW_S * SAMPLE_RATE_HZ
    options = VadOptions(max_speech_duration_s=float("inf") if is_one_window else WINDOW_S, min_silence_duration_ms=160)
    spans = get_speech_timestamps(samples, options)
    return [(span["start"], span["end"]) for span in spans if span["end"] > span["start"]]


class WhisperNetwork(KnownTexts):
    """A Network of app.asr.inference: one loaded model.

    device       `cpu` or `cuda`
    files        contents by file name, in place of a folder
    is_pruned    True for a model whose decoder lacks layers: it does not know the task of translation
    Raises RuntimeError or ValueError for files that are no Whisper model of CTranslate2.
    """

    def __init__(
        self,
        model: Path | str,
        *,
        device: str,
        precision: str,
        files: dict[str, bytes] | None = None,
        is_pruned: bool = False,
    ) -> None:
        # Any: faster-whisper's annotations of several methods are wrong, and None is meant where `files` has a dict.
        given: Any = files
        self._whisper: Any = WhisperModel(str(model), device=device, compute_type=precision, files=given)
        self._model = self._whisper.model
        super().__init__(self._model, lambda language: self.tokenizer(language, "transcribe"))
        self.is_multilingual: bool = self._model.is_multilingual
        self.can_translate = self.is_multilingual and not is_pruned
        if self._model.n_mels != self._whisper.feature_extractor.mel_filters.shape[0]:
            # The folder lacks the preprocessor_config.json that says so.
            self._whisper.feature_extractor = FeatureExtractor(feature_size=self._model.n_mels)
        vocabulary = self._whisper.hf_tokenizer
        if vocabulary.token_to_id("<|endoftext|>") != END_OF_TEXT[self.is_multilingual]:
            raise ValueError("its tokenizer.json is of another model")
        self.languages = tuple(
            code
            for code in self._whisper.supported_languages
            if not self.is_multilingual or vocabulary.token_to_id(f"<|{code}|>") is not None
        )
        self.precision = str(self._model.compute_type)
        self._tokenizers: dict[tuple[str, Task], Tokenizer] = {}
        suppressed: Any = [-1]  # Any: annotated as a tuple, and used as a list
        self._suppressed = list(
            get_suppressed_tokens(self.tokenizer(self.languages[0], "transcribe"), suppressed) or ()
        )

    def features(self, samples: NDArray[np.float32], num_frames: int = NUM_FRAMES) -> Features:
        features = self._whisper.feature_extractor(samples)[..., :-1]
        if num_frames == NUM_FRAMES:
            return pad_or_trim(features)  # with zeros, which are a faint noise: short contexts make the model repeat it
        given = np.full((features.shape[0], num_frames), features.min(), np.float32)
        given[:, : features.shape[1]] = features[:, :num_frames]
        return given

    def prompt(self, language: str, task: Task, text: str) -> list[int]:
        tokenizer = self.tokenizer(language, task)
        encoded = tokenizer.encode(f" {text.strip()}") if text.strip() else []
        # `<|en|>` in a text would be an order to the model, such as another language.
        earlier = [token for token in encoded if token < tokenizer.eot]
        return self._whisper.get_prompt(tokenizer, earlier)

    def encode(self, features: Sequence[Features]) -> Encoded:
        # Decoding moves it to the device again; a window costs 1.5 MB (base) to 7.7 MB (large).
        output = self._model.encode(StorageView.from_array(np.stack(features)), to_cpu=True)
        return np.array(output)

    def detect_languages(self, encoded: Encoded) -> list[tuple[str, float]]:
        if not self.is_multilingual:
            return [(self.languages[0], 1.0)] * len(encoded)
        found = self._model.detect_language(storage(encoded))
        return [(languages[0][0][2:-2], languages[0][1]) for languages in found]

    def generate(
        self, encoded: Encoded, prompts: Sequence[list[int]], *, temperature: float, beam_size: int, max_tokens: int
    ) -> list[Decoded]:
        search = (
            {"beam_size": 1, "num_hypotheses": NUM_SAMPLED, "sampling_topk": 0, "sampling_temperature": temperature}
            if temperature > 0
            else {"beam_size": beam_size}
        )
        # CTranslate2 generates at most half of it, and no more than it behind all tokens of the prompt but the last.
        num_before = len(prompts[0]) - 1
        max_length = min(MAX_LENGTH, max(2 * max_tokens, num_before + max_tokens))
        limit = min(max_length // 2, max_length - num_before)
        results = self._model.generate(
            storage(encoded),
            list(prompts),
            max_length=max_length,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=self._suppressed,
            max_initial_timestamp_index=MAX_INITIAL_TIMESTAMP,
            **search,
        )
        return [self._decoded(result, temperature, limit) for result in results]

    def finished_text(
        self, window: Window, decoded: Decoded, encoded: Encoded, *, language: str, task: Task
    ) -> tuple[Decoded, float]:
        tokenizer = self.tokenizer(language, task)
        first = tokenizer.timestamp_begin
        tokens = decoded.tokens
        if not decoded.is_cut:
            if len(tokens) >= 2 and min(tokens[-2:]) >= first:  # a phrase begins that the model has not read
                return decoded, self._seconds(tokens[-1] - first)
            return decoded, window.duration_s
        ends = [at for at in range(1, len(tokens)) if tokens[at - 1] < first <= tokens[at]]
        if ends:
            following = tokens[ends[-1] : ends[-1] + 2]
            return _shortened(decoded, tokens[: ends[-1] + 1]), self._seconds(max(following) - first)
        if not decoded.is_acceptable:
            return decoded, window.duration_s
        return self._without_last_word(window, decoded, encoded, tokenizer)

    def _without_last_word(
        self, window: Window, decoded: Decoded, encoded: Encoded, tokenizer: Tokenizer
    ) -> tuple[Decoded, float]:
        """The text has no timestamp behind it, and its last word may be half of one."""
        text = [token for token in decoded.tokens if token < tokenizer.eot]
        num_frames = round(window.duration_s * FRAMES_PER_S)
        [words] = self._whisper.find_alignment(tokenizer, [text], storage(encoded), num_frames)
        if len(words) < 2:
            return decoded, window.duration_s
        kept = tuple(token for word in words[:-1] for token in word["tokens"])
        until_s = float(words[-1]["start"])
        end = tokenizer.timestamp_begin + round(until_s / self._whisper.time_precision)
        return _shortened(decoded, (tokenizer.timestamp_begin, *kept, end)), until_s

    def _seconds(self, steps: int) -> float:
        return steps * self._whisper.time_precision

    def segments(
        self, window: Window, decoded: Decoded, encoded: Encoded, *, language: str, task: Task, word_timestamps: bool
    ) -> list[RecognizedSegment]:
        tokenizer = self.tokenizer(language, task)
        phrases = self._phrases(window, decoded, tokenizer)
        if word_timestamps and any(token < tokenizer.eot for token in decoded.tokens):
            self._whisper.add_word_timestamps(
                [phrases],
                tokenizer,
                storage(encoded),
                round(window.duration_s * FRAMES_PER_S),
                PREPENDED,
                APPENDED,
                0.0,
            )
            for word in (word for phrase in phrases for word in phrase["words"]):
                word["start"] = onset_s(window.samples, word["start"], word["end"])
        segments: list[Segment] = []
        for phrase in phrases:
            text = tokenizer.decode(phrase["tokens"])
            if phrase["start"] == phrase["end"] or not text.strip():
                continue
            segments.append(
                Segment(
                    id=0,
                    seek=0,
                    start=phrase["start"],
                    end=phrase["end"],
                    text=text,
                    tokens=phrase["tokens"],
                    avg_logprob=decoded.avg_logprob,
                    compression_ratio=decoded.compression_ratio,
                    no_speech_prob=decoded.no_speech_prob,
                    words=[AlignedWord(**word) for word in phrase["words"]] if "words" in phrase else None,
                    temperature=decoded.temperature,
                )
            )
        spans = [{"start": start, "end": end} for start, end in window.spans]
        restored = restore_speech_timestamps(segments, spans, SAMPLE_RATE_HZ)
        return [_as_recognized(index, segment) for index, segment in enumerate(restored)]

    def _phrases(self, window: Window, decoded: Decoded, tokenizer: Tokenizer) -> list[dict[str, Any]]:
        """Split at the timestamps of the text. Times count from the start of the window."""
        tokens = list(decoded.tokens)
        if tokens and tokens[-1] < tokenizer.timestamp_begin:
            # Without an end of its own, faster-whisper would decode the last phrase again with the next window.
            tokens.append(tokenizer.timestamp_begin + round(window.duration_s / self._whisper.time_precision))
        phrases, _, _ = self._whisper._split_segments_by_timestamps(
            tokenizer=tokenizer,
            tokens=tokens,
            time_offset=0.0,
            segment_size=round(window.duration_s * FRAMES_PER_S),
            segment_duration=window.duration_s,
            seek=0,
        )
        for phrase in phrases:
            if phrase["start"] < phrase["end"]:
                phrase["end"] = min(phrase["end"], window.duration_s)
                phrase["start"] = max(0.0, min(phrase["start"], phrase["end"] - self._whisper.time_precision))
        return phrases

    def _decoded(self, result: Any, temperature: float, limit: int) -> Decoded:  # Any: ctranslate2 has no types
        tokens = result.sequences_ids[0]
        text = self.tokenizer(self.languages[0], "transcribe").decode(tokens).strip()
        return Decoded(
            tokens=tuple(tokens),
            avg_logprob=result.scores[0] * len(tokens) / (len(tokens) + 1),
            no_speech_prob=result.no_speech_prob,
            compression_ratio=compression_ratio(text),
            temperature=temperature,
            is_cut=len(tokens) >= limit,
        )

    def tokenizer(self, language: str, task: Task) -> Tokenizer:
        key = (language, task)
        if key not in self._tokenizers:
            self._tokenizers[key] = Tokenizer(
                self._whisper.hf_tokenizer, self.is_multilingual, task=task, language=language
            )
        return self._tokenizers[key]


def _shortened(decoded: Decoded, tokens: tuple[int, ...]) -> Decoded:
    return msgspec.structs.replace(decoded, tokens=tokens)


def _as_recognized(index: int, segment: Segment) -> RecognizedSegment:
    return RecognizedSegment(
        index=index,
        start_s=float(segment.start),
        end_s=float(segment.end),
        text=segment.text,
        tokens=tuple(segment.tokens),
        words=tuple(
            Word(start_s=float(word.start), end_s=float(word.end), text=word.word, probability=float(word.probability))
            for word in segment.words or ()
        ),
        avg_logprob=segment.avg_logprob,
        compression_ratio=segment.compression_ratio,
        no_speech_prob=segment.no_speech_prob,
        temperature=segment.temperature or 0.0,
    )
