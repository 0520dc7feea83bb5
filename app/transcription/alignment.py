"""A recording and the text that it should say: times of words, and a verdict for each sentence."""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.asr.alignment import AlignedWord, Alignment, KnownSpeech
from app.asr.known_words import KnownWord, joined, known_words
from app.asr.samples import SAMPLE_RATE_HZ
from app.asr.verdict import Fault, Outcome, Verdict, judge, overall, thresholds_for
from app.errors import InvalidField, NothingToSpeak
from app.pools import TEXT
from app.text.languages import canonical_language
from app.text.reading import read
from app.text.segments import split_segments
from app.transcription.pieces import MAX_PIECE_S, HeardWord, Piece, cut_pieces, is_in_pause
from app.transcription.request import TranscriptionOptions
from app.transcription.service import TranscriptionService

MAX_SENTENCE_CHARS = 200
MAX_DIRECT_CHARS = 300
"""Longest text that is aligned in one piece, without a transcript."""
TOGETHER = 4
"""Pieces that are sent to the model at a time."""
LATE = "the alignment did not come"
CUT = "there is no pause between it and its neighbours"


class KnownSentence(msgspec.Struct, frozen=True):
    written: str
    spoken: str


class WordAlignment(msgspec.Struct, frozen=True, kw_only=True):
    """A word as it is written. Times and probability are null where the speech could not be aligned."""

    text: str
    start_s: float | None
    end_s: float | None
    probability: float | None
    """that it was said"""


class SentenceAlignment(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence, or several between which the recording could not be cut. Times count from its start."""

    index: int
    text: str
    start_s: float
    end_s: float
    verdict: Outcome
    reason: str
    """of an inconclusive verdict"""
    faults: tuple[Fault, ...]
    words: tuple[WordAlignment, ...]


class RecordingAlignment(msgspec.Struct, frozen=True, kw_only=True):
    """`POST /v1/audio/alignments` and `chorus check --json`."""

    verdict: Outcome
    """of all sentences: `failed` if one failed, else `inconclusive` if one is"""
    language: str
    duration_s: float
    is_measured: bool
    """the error rates of docs/checking.md are those of the server's model"""
    sentences: tuple[SentenceAlignment, ...]


class AlignmentService:
    """Lives on the event loop. Admission and memory are those of the transcription service."""

    def __init__(self, transcription: TranscriptionService) -> None:
        self._transcription = transcription
        self._thresholds = thresholds_for(transcription.recognizer.info.model)

    def check(self, language: str) -> None:
        """Raise what `align` would raise before it begins, so that no recording is received in vain."""
        self._transcription.check(TranscriptionOptions(language=language))

    async def align(self, samples: NDArray[np.int16], text: str, language: str) -> RecordingAlignment:
        """Align [samples] at SAMPLE_RATE_HZ.

        language   as a caller writes it; empty: detected

        Raises NothingToSpeak, QueueFull, Draining, UnsupportedLanguage, EngineFailure and DeadlineExceeded.
        """
        code = self._transcription.find_language(language)
        duration_s = len(samples) / SAMPLE_RATE_HZ
        if code is not None and duration_s <= MAX_PIECE_S and len(text) <= MAX_DIRECT_CHARS:
            sentences = await TEXT.run(read_sentences, text, code)
            pieces = [Piece(0, len(sentences) - 1, 0.0, duration_s)]
        else:
            code, heard = await self._hear(samples, language)
            sentences = await TEXT.run(read_sentences, text, code)
            spoken = [[said for word in words_of(each, code) for said in word.spoken] for each in sentences]
            pieces = await TEXT.run(cut_pieces, spoken, heard, samples)
        with self._transcription.holding(duration_s):
            checked = await self._align(samples, pieces, sentences, code)
        return RecordingAlignment(
            verdict=overall([sentence.verdict for sentence in checked]),
            language=code,
            duration_s=round(duration_s, 3),
            is_measured=self._thresholds.rates is not None,
            sentences=tuple(checked),
        )

    async def _align(
        self, samples: NDArray[np.int16], pieces: Sequence[Piece], sentences: Sequence[KnownSentence], language: str
    ) -> list[SentenceAlignment]:
        checked: list[SentenceAlignment] = []
        deadline = self._transcription.new_deadline()
        for at in range(0, len(pieces), TOGETHER):
            group = pieces[at : at + TOGETHER]
            speech = [_speech(piece, sentences, samples, language) for piece in group]
            async with deadline.each_wait(LATE):
                alignments = await self._transcription.recognizer.align(speech)
            for piece, one, found in zip(group, speech, alignments, strict=True):
                alignment = found if piece.end_s >= len(samples) / SAMPLE_RATE_HZ else _uncut(found)
                verdict = _certain(judge(alignment, self._thresholds), alignment, piece, samples)
                checked.append(_checked(len(checked), piece, one, alignment, verdict))
        return checked

    async def _hear(self, samples: NDArray[np.int16], language: str) -> tuple[str, list[HeardWord]]:
        """The language and a rough transcript. Raises InvalidField where it has no speech."""
        options = TranscriptionOptions(language=language, words=True, beam_size=1)
        transcript = await self._transcription.transcribe(samples, options).collect()
        if transcript.language is None:
            raise InvalidField("language: nothing is said in the recording, so name its language", param="language")
        heard = [HeardWord(word.text, word.start_s, word.end_s) for word in transcript.words]
        return transcript.language, heard


def read_sentences(text: str, language: str) -> list[KnownSentence]:
    """Called on the text pool. Raises NothingToSpeak for a text without words."""
    code = canonical_language(language)
    segments = split_segments(text, language=code, max_chars=MAX_SENTENCE_CHARS)
    sentences = [KnownSentence(segment.text, read(segment.text, code).text) for segment in segments]
    spoken = [sentence for sentence in sentences if words_of(sentence, language)]
    if not spoken:
        raise NothingToSpeak("the text has no words to align", param="text")
    return spoken


def words_of(sentence: KnownSentence, language: str) -> list[KnownWord]:
    return known_words(sentence.written, sentence.spoken, language)


def _speech(piece: Piece, sentences: Sequence[KnownSentence], samples: NDArray[np.int16], language: str) -> KnownSpeech:
    inside = sentences[piece.first : piece.last + 1]
    start, end = (round(moment_s * SAMPLE_RATE_HZ) for moment_s in (piece.start_s, piece.end_s))
    return KnownSpeech(
        samples=samples[start:end],
        written=joined([sentence.written for sentence in inside], language),
        spoken=joined([sentence.spoken for sentence in inside], language),
        language=language,
        finds_edits=True,
    )


def _certain(verdict: Verdict, alignment: Alignment | None, piece: Piece, samples: NDArray[np.int16]) -> Verdict:
    """The verdict without faults at the first or last word of a piece, where a cut within sound may have made them."""
    if alignment is None or not verdict.faults:
        return verdict
    begins_s = -math.inf if is_in_pause(samples, piece.start_s) else alignment.words[0].end_s
    ends_s = math.inf if is_in_pause(samples, piece.end_s) else alignment.words[-1].start_s
    faults = tuple(fault for fault in verdict.faults if fault.start_s >= begins_s and fault.end_s <= ends_s)
    if faults:
        return msgspec.structs.replace(verdict, faults=faults)
    return Verdict(outcome="inconclusive", reason=CUT)


def _uncut(alignment: Alignment | None) -> Alignment | None:
    """The alignment of a piece that ends where the recording was cut for it, also within sound."""
    return alignment and msgspec.structs.replace(alignment, is_cut_off=False)


def _checked(
    index: int, piece: Piece, speech: KnownSpeech, alignment: Alignment | None, verdict: Verdict
) -> SentenceAlignment:
    if alignment is None:
        words = known_words(speech.written, speech.spoken, speech.language)
        shown = [WordAlignment(text=word.written, start_s=None, end_s=None, probability=None) for word in words]
    else:
        shown = [_word(word, piece.start_s) for word in alignment.words]
    return SentenceAlignment(
        index=index,
        text=speech.written,
        start_s=round(piece.start_s, 3),
        end_s=round(piece.end_s, 3),
        verdict=verdict.outcome,
        reason=verdict.reason,
        faults=tuple(fault.moved(piece.start_s) for fault in verdict.faults),
        words=tuple(shown),
    )


def _word(word: AlignedWord, begins_s: float) -> WordAlignment:
    return WordAlignment(
        text=word.text,
        start_s=round(begins_s + word.start_s, 3),
        end_s=round(begins_s + word.end_s, 3),
        probability=round(word.probability, 4),
    )
