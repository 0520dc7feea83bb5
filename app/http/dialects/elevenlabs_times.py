"""Times of characters, as ElevenLabs' answers and messages have them.

The engine knows when a segment begins and ends; its characters share that time equally.
"""

from collections.abc import Iterable, Sequence

import msgspec

from app.speech.events import SegmentEnded


class CharacterTimes(msgspec.Struct, kw_only=True):
    """Times of an HTTP answer, in seconds from its first sample; the three lists are equally long."""

    characters: list[str]
    character_start_times_seconds: list[float]
    character_end_times_seconds: list[float]


class TimedAudio(msgspec.Struct, kw_only=True):
    """An answer with timestamps, or one line of a streamed one."""

    audio_base64: str
    alignment: CharacterTimes | None = None
    normalized_alignment: CharacterTimes | None = None
    """the same: texts are timed as they were sent"""


class MessageAlignment(msgspec.Struct, kw_only=True, rename="camel"):
    """Times of a message of a WebSocket, in milliseconds."""

    chars: list[str]
    char_start_times_ms: list[int]
    char_durations_ms: list[int]


Moments = list[tuple[str, float, float]]
"""Characters with start and end in seconds."""


def character_moments(segment: SegmentEnded, after_s: float) -> Moments:
    """The characters of `segment`. From `after_s`, the end of the segment before it, a blank fills the pause."""
    step_s = (segment.end_s - segment.start_s) / len(segment.text)
    moments = [
        (char, segment.start_s + at * step_s, segment.start_s + (at + 1) * step_s)
        for at, char in enumerate(segment.text)
    ]
    return [(" ", after_s, segment.start_s), *moments] if after_s > 0 else moments


def character_times(segments: Iterable[SegmentEnded], after_s: float = 0.0) -> CharacterTimes:
    moments: Moments = []
    for segment in segments:
        moments += character_moments(segment, after_s)
        after_s = segment.end_s
    return CharacterTimes(
        characters=[char for char, _, _ in moments],
        character_start_times_seconds=[round(start_s, 3) for _, start_s, _ in moments],
        character_end_times_seconds=[round(end_s, 3) for _, _, end_s in moments],
    )


def message_alignment(moments: Sequence[tuple[str, float, float]], from_s: float) -> MessageAlignment:
    """Milliseconds from `from_s`. Durations end where the next character starts, so that they add up."""
    starts = [round((start_s - from_s) * 1000) for _, start_s, _ in moments]
    ends = [*starts[1:], round((moments[-1][2] - from_s) * 1000)]
    return MessageAlignment(
        chars=[char for char, _, _ in moments],
        char_start_times_ms=starts,
        char_durations_ms=[end - start for start, end in zip(starts, ends, strict=True)],
    )
