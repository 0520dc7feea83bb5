"""Messages of ElevenLabs' WebSockets `stream-input` and `multi-stream-input`: JSON in text frames, audio in base64."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from app.audio.provenance import Provenance
from app.errors import ChorusError
from app.http.dialects.elevenlabs import VoiceSettings, unused_settings
from app.http.dialects.elevenlabs_times import MessageAlignment, Moments, message_alignment
from app.http.dialects.unknown_fields import unknown_fields
from app.http.live.elevenlabs_forms import close_code, status_of
from app.speech.request import MAX_ID_CHARS, LanguageCode, Seed

Key = Annotated[str, Meta(max_length=4096)]
ContextId = Annotated[str, Meta(max_length=MAX_ID_CHARS)]
MAX_INACTIVITY_S = 180
"""Theirs."""


class StreamQuery(msgspec.Struct, kw_only=True):
    """Parameters of the address; others have no effect."""

    output_format: Annotated[str, Meta(max_length=MAX_ID_CHARS)] | None = None
    language_code: LanguageCode = ""
    seed: Seed | None = None
    auto_mode: bool = False
    """True: each message is spoken at once, also an unfinished sentence"""
    sync_alignment: bool = False
    """True: times count from the first sample of the context, else from the end of the sentence before; a recogniser,
    where there is one, finds them. A dialogue has times only where it is true"""
    inactivity_timeout: Annotated[float, Meta(gt=0, le=MAX_INACTIVITY_S)] | None = None
    """seconds without a message for a context after which it is spoken to its end; None: it stays open"""


class ContextMessage(msgspec.Struct, kw_only=True):
    """The fields of a client's messages on every kind of socket."""

    voice_field: ClassVar[str]
    """where a client names the voice"""

    context_id: ContextId | None = None
    camel_context_id: ContextId | None = msgspec.field(name="contextId", default=None)
    voice_settings: VoiceSettings | None = None
    """of the message that opens a context"""
    flush: bool | None = None
    close_context: bool | None = None
    close_socket: bool | None = None
    xi_api_key: Key | None = None
    dashed_api_key: Key | None = msgspec.field(name="xi-api-key", default=None)
    authorization: Key | None = None

    @property
    def context(self) -> str | None:
        return self.context_id or self.camel_context_id

    @property
    def api_key(self) -> str:
        """Key in the first message, for callers that cannot send headers."""
        bearer = (self.authorization or "").removeprefix("Bearer ")
        return self.xi_api_key or self.dashed_api_key or bearer

    def check_fields(self, sent: Mapping[str, Any], *, is_first: bool) -> list[str]:
        """Sentences for the fields of `sent`, this message as it came, that have no effect.

        `is_first`: it opens a context. Raises InvalidField for a field that would change who speaks.
        """
        known = [field.encode_name for field in msgspec.structs.fields(type(self))]
        names = [*unknown_fields(sent, known, voice_field=self.voice_field)]
        if self.voice_settings is not None:
            of_settings = VoiceSettings.__struct_fields__
            unknown = unknown_fields(sent["voice_settings"], of_settings, voice_field=self.voice_field)
            names += [f"voice_settings.{name}" for name in unknown]
            names += unused_settings(self.voice_settings)
            if not is_first and self.voice_settings.speed is not None:
                names.append("voice_settings.speed behind the first message of a context")
        return [f"{name} has no effect" for name in names]


class SpeechMessage(ContextMessage, kw_only=True):
    """A message of a client of `text-to-speech`."""

    voice_field = "the address"

    text: str | None = None


class _ServerMessage(msgspec.Struct, kw_only=True, omit_defaults=True):
    context_id: str | None = msgspec.field(name="contextId", default=None)


class AudioOutput(_ServerMessage, kw_only=True):
    audio: str
    """base64; empty beside times"""
    alignment: MessageAlignment | None = None
    normalized_alignment: MessageAlignment | None = msgspec.field(name="normalizedAlignment", default=None)
    provenance: Provenance | None = None


class FinalOutput(_ServerMessage, kw_only=True):
    is_final: bool = msgspec.field(name="isFinal")
    warnings: tuple[str, ...] = ()


class StreamError(_ServerMessage, kw_only=True):
    message: str
    error: str
    code: int


class SpeechForm:
    """A MessageForm."""

    def audio(self, context_id: str | None, data: str, provenance: Provenance | None) -> AudioOutput:
        return AudioOutput(context_id=context_id, audio=data, provenance=provenance)

    def times(
        self, context_id: str | None, moments: Moments, *, after_s: float, given_s: float, is_synced: bool
    ) -> AudioOutput:
        times = message_alignment(moments, 0.0 if is_synced else after_s)
        return AudioOutput(context_id=context_id, audio="", alignment=times, normalized_alignment=times)

    def turn_end(self, context_id: str | None) -> None:
        return None

    def final(self, context_id: str | None, warnings: Sequence[str]) -> FinalOutput:
        return FinalOutput(context_id=context_id, is_final=True, warnings=tuple(warnings))

    def error(self, context_id: str | None, error: ChorusError) -> StreamError:
        return StreamError(context_id=context_id, message=error.message, error=status_of(error), code=close_code(error))
