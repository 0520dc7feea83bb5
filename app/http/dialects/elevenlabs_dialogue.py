"""ElevenLabs' text-to-dialogue (elevenlabs 2.78): lines in several voices, spoken as the turns of a Dialogue."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta

from app.http.dialects.elevenlabs import with_pauses
from app.http.dialects.elevenlabs_times import TimedAudio
from app.http.dialects.unknown_fields import unknown_fields
from app.http.wire.schemas import SamplingOptions, Text
from app.speech.dialogue import MAX_TURNS, Turn
from app.speech.events import SegmentEnded
from app.speech.request import MAX_ID_CHARS, LanguageCode, SpeakerId

PAUSE_S = 0.3
"""Silence between two lines."""
MAX_TAGS = 8
"""Tags that a warning names."""
_AUDIO_TAG = re.compile(r"\[[A-Za-z][A-Za-z' -]{0,39}\][ \t]?")
"""`[laughs]`, `[whispers softly]`: directions, which are not read aloud. `[pause 1s]` has a digit."""


_BEGUN_TAG = re.compile(r"\[(?:[A-Za-z][A-Za-z' -]{0,39})?\Z")


class AudioTags:
    """Takes audio tags out of a text that comes in pieces."""

    def __init__(self) -> None:
        self.found: dict[str, None] = {}
        """each once, in order"""
        self._held = ""

    def push(self, text: str) -> str:
        """The text without tags, but for what may be the beginning of one at its end."""
        text = _AUDIO_TAG.sub(self._take, self._held + text)
        begun = _BEGUN_TAG.search(text)
        at = len(text) if begun is None else begun.start()
        self._held = text[at:]
        return text[:at]

    def flush(self) -> str:
        """Text that was held back."""
        held, self._held = self._held, ""
        return held

    def _take(self, tag: re.Match[str]) -> str:
        if len(self.found) < MAX_TAGS:
            self.found[tag[0].strip()] = None
        return ""


class DialogueLine(msgspec.Struct, kw_only=True):
    text: Text
    voice_id: Annotated[SpeakerId, Meta(description="An id, a name or an alias from `GET /speakers`")]


class DialogueSettings(msgspec.Struct, kw_only=True):
    """They have no effect."""

    stability: float | None = None
    similarity: float | None = None
    clone_strength: float | None = None


class ElevenLabsDialogue(SamplingOptions, kw_only=True):
    """`POST /v1/text-to-dialogue` and its relatives. Optional fields may be null."""

    inputs: Annotated[list[DialogueLine], Meta(min_length=1, max_length=MAX_TURNS)]
    model_id: Annotated[
        Annotated[str, Meta(max_length=MAX_ID_CHARS)] | None, Meta(description="Any: all mean the loaded engine")
    ] = None
    language_code: LanguageCode | None = None
    settings: DialogueSettings | None = None

    @property
    def voices(self) -> list[str]:
        return [line.voice_id for line in self.inputs]

    def to_turns(self, sent: Mapping[str, object], *, streaming: bool, word_times: bool) -> list[Turn]:
        """`sent`: all fields of the body. Raises InvalidField for one that would change who speaks."""
        without_effect = self._without_effect(sent)
        tags = AudioTags()
        texts = [tags.push(line.text) + tags.flush() for line in self.inputs]
        notes = (f"audio tags are left out: {', '.join(tags.found)}",) if tags.found else ()
        requests = (
            self.to_request(
                with_pauses(text),
                speaker_id=line.voice_id,
                language=self.language_code or "",
                speed=1.0,
                streaming=streaming,
                word_times=word_times,
                can_wait=True,
                without_effect=without_effect,
                notes=notes,
            )
            for line, text in zip(self.inputs, texts, strict=True)
        )
        return [Turn(request, PAUSE_S if at < len(self.inputs) else 0.0) for at, request in enumerate(requests, 1)]

    def _without_effect(self, sent: Mapping[str, object]) -> tuple[str, ...]:
        found = [*unknown_fields(sent, self.__struct_fields__, voice_field="voice_id")]
        for line in cast("list[dict[str, Any]]", sent["inputs"]):
            found += unknown_fields(line, DialogueLine.__struct_fields__, voice_field="voice_id")
        settings = {} if self.settings is None else msgspec.structs.asdict(self.settings)
        found += [f"settings.{name}" for name, value in settings.items() if value is not None]
        return tuple(dict.fromkeys(found))


class VoiceSegment(msgspec.Struct, kw_only=True):
    """A part of the audio in one voice; the indices are of the characters beside it, the last one excluded."""

    voice_id: str
    start_time_seconds: float
    end_time_seconds: float
    character_start_index: int
    character_end_index: int
    dialogue_input_index: int


class TimedDialogue(TimedAudio, kw_only=True):
    """A dialogue with timestamps, or one line of a streamed one."""

    voice_segments: list[VoiceSegment]


def voice_segments(
    segments: Sequence[SegmentEnded], voices: Sequence[str], turn_of: Callable[[int], int], after_s: float = 0.0
) -> list[VoiceSegment]:
    """One for all adjacent segments of the same line. `after_s` as in `character_moments`, whose characters count."""
    found: list[VoiceSegment] = []
    at = 0
    for segment in segments:
        at += after_s > 0  # the blank of the pause
        line, end, after_s = turn_of(segment.index), at + len(segment.text), segment.end_s
        if found and found[-1].dialogue_input_index == line:
            found[-1].character_end_index, found[-1].end_time_seconds = end, round(segment.end_s, 3)
        else:
            found.append(
                VoiceSegment(
                    voice_id=voices[line],
                    start_time_seconds=round(segment.start_s, 3),
                    end_time_seconds=round(segment.end_s, 3),
                    character_start_index=at,
                    character_end_index=end,
                    dialogue_input_index=line,
                )
            )
        at = end
    return found
