"""Messages of ElevenLabs' WebSockets `stream-input` and `multi-stream-input`: JSON in text frames, audio in base64."""

from typing import Annotated

import msgspec
from msgspec import Meta

from app.audio.provenance import Provenance
from app.http.dialects.elevenlabs import VoiceSettings
from app.http.dialects.elevenlabs_times import MessageAlignment
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
    where there is one, finds them"""
    inactivity_timeout: Annotated[float, Meta(gt=0, le=MAX_INACTIVITY_S)] | None = None
    """seconds without a message for a context after which it is spoken to its end; None: it stays open"""


class ClientMessage(msgspec.Struct, kw_only=True):
    """Every message of a client. Fields that are not here have no effect."""

    text: str | None = None
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


class _ServerMessage(msgspec.Struct, kw_only=True, omit_defaults=True):
    context_id: str | None = msgspec.field(name="contextId", default=None)


class AudioOutput(_ServerMessage, kw_only=True):
    audio: str
    """base64; empty beside times"""
    alignment: MessageAlignment | None = None
    normalized_alignment: MessageAlignment | None = msgspec.field(name="normalizedAlignment", default=None)
    provenance: Provenance | None = None
    """ours: in the first message of a context that has audio"""


class FinalOutput(_ServerMessage, kw_only=True):
    """The last message of a context."""

    is_final: bool = msgspec.field(name="isFinal")
    audio: None = msgspec.field(name="audio", default=None)
    warnings: tuple[str, ...] = ()
    """ours: parts of the text that were not heard"""


class StreamError(_ServerMessage, kw_only=True):
    """With `contextId`: that context has ended, and the others go on. Without: the server closes."""

    message: str
    error: str
    """as `status` of an HTTP error"""
    code: int
    """of the close frame, or the one that would fit"""
