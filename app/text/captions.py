"""Cues as SubRip and WebVTT files."""

from collections.abc import Iterable

import msgspec


class Cue(msgspec.Struct, frozen=True):
    """A text and the seconds in which it is shown."""

    start_s: float
    end_s: float
    text: str


def to_srt(cues: Iterable[Cue]) -> str:
    """SubRip: numbered from 1, a comma before the milliseconds, `-->` inside a text as `→`.

    Each text becomes one line, because an empty line ends a cue. A cue without text is left out.
    """
    return "\n".join(
        f"{number}\n{_times(cue, ',')}\n{line.replace('-->', '→')}\n"
        for number, (cue, line) in enumerate(_shown(cues), 1)
    )


def to_vtt(cues: Iterable[Cue]) -> str:
    """WebVTT (https://www.w3.org/TR/webvtt1/), with `&`, `<` and `>` escaped. Lines and empty texts: see `to_srt`."""
    return "\n".join(("WEBVTT\n", *(f"{_times(cue, '.')}\n{_escape(line)}\n" for cue, line in _shown(cues))))


def _shown(cues: Iterable[Cue]) -> Iterable[tuple[Cue, str]]:
    lines = ((cue, " ".join(cue.text.split())) for cue in cues)
    return ((cue, line) for cue, line in lines if line)


def _times(cue: Cue, separator: str) -> str:
    """Milliseconds, rounded; the end is at least one after the start, as WebVTT asks."""
    start_ms = max(0, round(cue.start_s * 1000))
    end_ms = max(start_ms + 1, round(cue.end_s * 1000))
    return f"{_clock(start_ms, separator)} --> {_clock(end_ms, separator)}"


def _clock(milliseconds: int, separator: str) -> str:
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{separator}{milliseconds % 1000:03}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
