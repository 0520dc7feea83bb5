"""Times of segments as SubRip, WebVTT and JSON."""

from collections.abc import Iterable

import msgspec

from app.speech.events import SegmentEnded


def to_srt(segments: Iterable[SegmentEnded]) -> str:
    """Numbered from 1, a comma before the milliseconds."""
    cues = (
        f"{segment.index + 1}\n{_clock(segment.start_s, ',')} --> {_clock(segment.end_s, ',')}\n{segment.text}\n"
        for segment in segments
    )
    return "\n".join(cues)


def to_vtt(segments: Iterable[SegmentEnded]) -> str:
    """WebVTT (https://www.w3.org/TR/webvtt1/), with `&`, `<` and `>` of the text escaped."""
    cues = (
        f"{_clock(segment.start_s, '.')} --> {_clock(segment.end_s, '.')}\n{_escape(segment.text)}\n"
        for segment in segments
    )
    return "\n".join(("WEBVTT\n", *cues))


def to_json(segments: Iterable[SegmentEnded]) -> str:
    """`{"segments": [{"index", "text", "start_s", "end_s"}]}`, as in an answer over HTTP."""
    return msgspec.json.format(msgspec.json.encode({"segments": list(segments)})).decode() + "\n"


CAPTION_WRITERS = {".srt": to_srt, ".vtt": to_vtt, ".json": to_json}
"""File suffix -> writer."""


def _clock(seconds: float, separator: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{separator}{milliseconds % 1000:03}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
