"""Times of segments as SubRip, WebVTT and JSON."""

from collections.abc import Iterable, Sequence

import msgspec

from app.speech.events import SegmentEnded, SpokenWord, WordsSpoken
from app.text import captions
from app.text.captions import Cue

Timed = SegmentEnded | SpokenWord


def to_srt(timed: Iterable[Timed]) -> str:
    """A SubRip file with a cue for each segment or word."""
    return captions.to_srt(_cues(timed))


def to_vtt(timed: Iterable[Timed]) -> str:
    """A WebVTT file with a cue for each segment or word."""
    return captions.to_vtt(_cues(timed))


def words_of(segments: Iterable[WordsSpoken]) -> list[SpokenWord]:
    return [word for segment in segments for word in segment.words]


def to_json(segments: Iterable[SegmentEnded], words: Iterable[WordsSpoken] | None = None) -> str:
    """`{"segments": [{"index", "text", "start_s", "end_s"}], "words": [...]}`, as in an answer over HTTP."""
    timed: dict[str, object] = {"segments": list(segments)}
    if words is not None:
        timed["words"] = list(words)
    return msgspec.json.format(msgspec.json.encode(timed)).decode() + "\n"


CAPTION_SUFFIXES = (".srt", ".vtt", ".json")


def write_captions(suffix: str, segments: Sequence[SegmentEnded], words: Sequence[WordsSpoken] | None = None) -> str:
    """A file of one of CAPTION_SUFFIXES. words: None for cues of segments."""
    if suffix == ".json":
        return to_json(segments, words)
    timed = segments if words is None else words_of(words)
    return to_srt(timed) if suffix == ".srt" else to_vtt(timed)


def _cues(timed: Iterable[Timed]) -> Iterable[Cue]:
    return (Cue(each.start_s, each.end_s, each.text) for each in timed)
