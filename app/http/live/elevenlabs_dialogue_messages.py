"""Messages of ElevenLabs' `text-to-dialogue` sockets. Unlike those of `text-to-speech`, answers are in snake case."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta

from app.audio.provenance import Provenance
from app.errors import ChorusError
from app.http.dialects.elevenlabs import FIELD_NAMES
from app.http.dialects.elevenlabs_times import MessageAlignment, Moments, message_alignment
from app.http.dialects.unknown_fields import unknown_fields
from app.http.live.elevenlabs_forms import close_code, status_of
from app.http.live.elevenlabs_messages import ContextMessage
from app.speech.request import SpeakerId

MAX_VOICES = 10
"""Voices of one context; theirs."""
MAX_INPUTS = 100
"""Inputs of one message."""


class DialogueInput(msgspec.Struct, kw_only=True):
    """A piece of text, which goes on with the one before unless the voice changes."""

    text: str
    voice_id: SpeakerId
    new_turn: bool = False


class DialogueMessage(ContextMessage, kw_only=True):
    """A message of a client of `text-to-dialogue`."""

    voice_field = "`voices` and `inputs`"

    voices: Annotated[list[SpeakerId], Meta(min_length=1, max_length=MAX_VOICES)] | None = None
    """in the first message of a context"""
    inputs: Annotated[list[DialogueInput], Meta(max_length=MAX_INPUTS)] | None = None
    keep_alive: bool | None = None
    """counts as a message for `inactivity_timeout`"""

    def check_fields(self, sent: Mapping[str, Any], *, is_first: bool) -> list[str]:
        names: list[str] = []
        for line in cast("list[dict[str, Any]]", sent.get("inputs") or []):
            names += unknown_fields(line, DialogueInput.__struct_fields__, voice_field="voice_id")
        return [*super().check_fields(sent, is_first=is_first), *(f"{name} has no effect" for name in names)]


class _ServerMessage(msgspec.Struct, kw_only=True, omit_defaults=True):
    context_id: str | None = None


class DialogueAlignment(msgspec.Struct, kw_only=True):
    """Times in milliseconds from the end of the audio that was sent before. Times are behind their audio, so most are
    negative.
    """

    chars: list[str]
    char_start_times_ms: list[int]
    char_durations_ms: list[int]

    @classmethod
    def of(cls, times: MessageAlignment) -> "DialogueAlignment":
        return cls(**msgspec.structs.asdict(times))


class DialogueAudio(_ServerMessage, kw_only=True):
    audio: str
    """base64; empty beside times"""
    alignment: DialogueAlignment | None = None
    provenance: Provenance | None = None


class DialogueTurnEnd(_ServerMessage, kw_only=True):
    """All audio of a flush has been sent. The encoder of mp3 and opus may hold the last tenth of a second back."""

    is_final_audio_for_turn: bool


class DialogueFinal(_ServerMessage, kw_only=True):
    is_final: bool
    warnings: tuple[str, ...] = ()


class DialogueError(_ServerMessage, kw_only=True):
    message: str
    error: str
    code: int
    param: str | None = None


class DialogueForm:
    """A MessageForm."""

    def audio(self, context_id: str | None, data: str, provenance: Provenance | None) -> DialogueAudio:
        return DialogueAudio(context_id=context_id, audio=data, provenance=provenance)

    def times(
        self, context_id: str | None, moments: Moments, *, after_s: float, given_s: float, is_synced: bool
    ) -> DialogueAudio | None:
        if not is_synced:
            return None
        times = DialogueAlignment.of(message_alignment(moments, given_s))
        return DialogueAudio(context_id=context_id, audio="", alignment=times)

    def turn_end(self, context_id: str | None) -> DialogueTurnEnd:
        return DialogueTurnEnd(context_id=context_id, is_final_audio_for_turn=True)

    def final(self, context_id: str | None, warnings: Sequence[str]) -> DialogueFinal:
        return DialogueFinal(context_id=context_id, is_final=True, warnings=tuple(warnings))

    def error(self, context_id: str | None, error: ChorusError) -> DialogueError:
        return DialogueError(
            context_id=context_id,
            message=error.message,
            error=status_of(error),
            code=close_code(error),
            param=FIELD_NAMES.get(error.param or "", error.param),
        )
