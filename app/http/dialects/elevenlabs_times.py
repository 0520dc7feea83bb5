"""Times of characters, as ElevenLabs' answers and messages have them.

The engine knows when a segment begins and ends; a recogniser, where there is one, knows it of each word. Characters
share the time of their word, or of their segment, equally.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from app.speech.events import SegmentEnded, SpokenWord, WordsSpoken


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


Words = Sequence[SpokenWord]


class SegmentTimer:
    """Segments of one answer in order, each with the end of the segment before it and with its words.

    by_words   the answer has WordsSpoken, and a segment waits for its own
    """

    def __init__(self, *, by_words: bool) -> None:
        self._by_words = by_words
        self._waiting: deque[SegmentEnded] = deque()
        self._heard_s = 0.0

    def take(self, event: SegmentEnded | WordsSpoken) -> list[tuple[SegmentEnded, float, Words]]:
        """The segments that are complete with `event`."""
        if isinstance(event, SegmentEnded):
            self._waiting.append(event)
            return [] if self._by_words else [self._give(())]
        complete: list[tuple[SegmentEnded, float, Words]] = []
        while self._waiting and self._waiting[0].index <= event.index:
            complete.append(self._give(event.words if self._waiting[0].index == event.index else ()))
        return complete

    def _give(self, words: Words) -> tuple[SegmentEnded, float, Words]:
        segment = self._waiting.popleft()
        before_s, self._heard_s = self._heard_s, segment.end_s
        return segment, before_s, words


def character_moments(segment: SegmentEnded, after_s: float, words: Words = ()) -> Moments:
    """The characters of `segment`. From `after_s`, the end of the segment before it, a blank fills the pause.

    Times leave no gap: characters between two words take the time between them. A word that is not in the text is
    passed over.
    """
    moments: Moments = []
    at, now_s = 0, segment.start_s
    for word in words:
        found = segment.text.find(word.text, at)
        if found < 0 or not word.text:
            continue
        start_s = now_s if found == at else min(max(word.start_s, now_s), segment.end_s)
        end_s = min(max(word.end_s, start_s), segment.end_s)
        moments += _shared(segment.text[at:found], now_s, start_s) + _shared(word.text, start_s, end_s)
        at, now_s = found + len(word.text), end_s
    moments += _shared(segment.text[at:], now_s, segment.end_s)
    return [(" ", after_s, segment.start_s), *moments] if after_s > 0 else moments


def _shared(text: str, start_s: float, end_s: float) -> Moments:
    step_s = (end_s - start_s) / max(1, len(text))
    return [(char, start_s + at * step_s, start_s + (at + 1) * step_s) for at, char in enumerate(text)]


def character_times(segments: Iterable[SegmentEnded], words: Mapping[int, Words] | None = None) -> CharacterTimes:
    """Times of the characters of a whole answer. `words`: times of words, by the index of their segment."""
    moments: Moments = []
    after_s = 0.0
    for segment in segments:
        moments += character_moments(segment, after_s, (words or {}).get(segment.index, ()))
        after_s = segment.end_s
    return to_times(moments)


def to_times(moments: Moments) -> CharacterTimes:
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
