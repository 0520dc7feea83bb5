"""Formats of a transcript as text. Pure functions."""

from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from app.asr.base import RecognizedSegment, Word
from app.text import captions
from app.text.captions import Cue
from app.transcription.transcript import Transcript


class TranscribedWord(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    start_s: float
    end_s: float
    probability: float


class TranscribedSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A phrase or a sentence, and the seconds in which it is heard."""

    index: int
    text: str
    start_s: float
    end_s: float
    avg_logprob: float
    no_speech_prob: float


class TranscriptAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about a recording: `POST /transcribe` and `chorus transcribe -o file.json`."""

    text: str
    language: str | None
    """a code; null where nothing is said"""
    duration_s: float
    segments: tuple[TranscribedSegment, ...]
    words: tuple[TranscribedWord, ...]
    warnings: tuple[str, ...]


def to_answer(transcript: Transcript) -> TranscriptAnswer:
    return TranscriptAnswer(
        text=transcript.text,
        language=transcript.language,
        duration_s=round(transcript.duration_s, 3),
        segments=tuple(map(to_segment, transcript.segments)),
        words=tuple(map(to_word, transcript.words)),
        warnings=transcript.warnings,
    )


def to_segment(segment: RecognizedSegment) -> TranscribedSegment:
    return TranscribedSegment(
        index=segment.index,
        text=segment.text.strip(),
        start_s=round(segment.start_s, 3),
        end_s=round(segment.end_s, 3),
        avg_logprob=round(segment.avg_logprob, 4),
        no_speech_prob=round(segment.no_speech_prob, 4),
    )


def to_word(word: Word) -> TranscribedWord:
    return TranscribedWord(
        text=word.text.strip(),
        start_s=round(word.start_s, 3),
        end_s=round(word.end_s, 3),
        probability=round(word.probability, 4),
    )


def to_text(transcript: Transcript) -> str:
    """The text and a line end."""
    return transcript.text + "\n"


def to_json(transcript: Transcript) -> str:
    return msgspec.json.format(msgspec.json.encode(to_answer(transcript))).decode() + "\n"


def to_srt(transcript: Transcript, *, by: Literal["segment", "word"] = "segment") -> str:
    """A SubRip file with a cue for each segment or word."""
    return captions.to_srt(_cues(transcript, by))


def to_vtt(transcript: Transcript, *, by: Literal["segment", "word"] = "segment") -> str:
    """A WebVTT file with a cue for each segment or word."""
    return captions.to_vtt(_cues(transcript, by))


def writer_for(suffix: str, *, words: bool) -> Callable[[Transcript], str] | None:
    """The writer of a file that ends in `suffix`, such as `.srt`; None where no format has that ending.

    words   captions have a cue for each word
    """
    by: Literal["segment", "word"] = "word" if words else "segment"
    writers: dict[str, Callable[[Transcript], str]] = {
        ".txt": to_text,
        ".json": to_json,
        ".srt": lambda transcript: to_srt(transcript, by=by),
        ".vtt": lambda transcript: to_vtt(transcript, by=by),
    }
    return writers.get(suffix.lower())


FILE_SUFFIXES = (".txt", ".srt", ".vtt", ".json")


def _cues(transcript: Transcript, by: Literal["segment", "word"]) -> Iterable[Cue]:
    spoken = transcript.segments if by == "segment" else transcript.words
    return (Cue(each.start_s, each.end_s, each.text) for each in spoken)
