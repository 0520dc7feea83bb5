"""Times of segments as SubRip, WebVTT and JSON."""

from collections.abc import Iterable

import msgspec

from app.speech.events import SegmentEnded
from app.text import captions
from app.text.captions import Cue


def to_srt(segments: Iterable[SegmentEnded]) -> str:
    return captions.to_srt(_cues(segments))


def to_vtt(segments: Iterable[SegmentEnded]) -> str:
    return captions.to_vtt(_cues(segments))


def to_json(segments: Iterable[SegmentEnded]) -> str:
    """`{"segments": [{"index", "text", "start_s", "end_s"}]}`, as in an answer over HTTP."""
    return msgspec.json.format(msgspec.json.encode({"segments": list(segments)})).decode() + "\n"


CAPTION_WRITERS = {".srt": to_srt, ".vtt": to_vtt, ".json": to_json}
"""File suffix -> writer."""


def _cues(segments: Iterable[SegmentEnded]) -> Iterable[Cue]:
    return (Cue(segment.start_s, segment.end_s, segment.text) for segment in segments)
