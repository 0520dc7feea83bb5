"""Captions: which text is heard when, in the two formats that players read and in JSON.

Knows texts and seconds. Knows nothing of samples and of how the times came about.
"""

from collections.abc import Iterable

import msgspec


class StartedSegment(msgspec.Struct, frozen=True):
    """A segment whose first sample is known; where it ends is not."""

    index: int
    text: str
    start_s: float


class TimedSegment(msgspec.Struct, frozen=True):
    """One segment in an answer. Times in seconds from the answer's first sample; the pause after it is not counted."""

    index: int
    text: str
    start_s: float
    end_s: float


def to_srt(segments: Iterable[TimedSegment]) -> str:
    """SubRip: numbered from 1, a comma before the milliseconds."""
    cues = (
        f"{segment.index + 1}\n{_clock(segment.start_s, ',')} --> {_clock(segment.end_s, ',')}\n{segment.text}\n"
        for segment in segments
    )
    return "\n".join(cues)


def to_vtt(segments: Iterable[TimedSegment]) -> str:
    """WebVTT, as https://www.w3.org/TR/webvtt1/ has it: `&`, `<` and `>` of the text are escaped."""
    cues = (
        f"{_clock(segment.start_s, '.')} --> {_clock(segment.end_s, '.')}\n{_escape(segment.text)}\n"
        for segment in segments
    )
    return "\n".join(("WEBVTT\n", *cues))


def to_json(segments: Iterable[TimedSegment]) -> str:
    """`{"segments": [{"index", "text", "start_s", "end_s"}]}`, as in an answer over HTTP."""
    return msgspec.json.format(msgspec.json.encode({"segments": list(segments)})).decode() + "\n"


CAPTION_WRITERS = {".srt": to_srt, ".vtt": to_vtt, ".json": to_json}
"""By the ending of a file."""


def _clock(seconds: float, separator: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{separator}{milliseconds % 1000:03}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
