"""The messages that a context of an ElevenLabs WebSocket sends, in the form of its kind of socket."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from app.audio.provenance import Provenance
from app.errors import ChorusError, RequestError, Unavailable
from app.http.dialects.elevenlabs import STATUSES
from app.http.dialects.elevenlabs_times import Moments
from app.http.live.json_socket import INTERNAL_ERROR, POLICY_VIOLATION, TRY_AGAIN_LATER


class MessageForm(Protocol):
    """`context_id` is None on a socket with one context."""

    def audio(self, context_id: str | None, data: str, provenance: Provenance | None) -> msgspec.Struct:
        """`data` is base64. `provenance` is ours: in the first message of a context that has audio."""
        ...

    def times(
        self, context_id: str | None, moments: Moments, *, after_s: float, given_s: float, is_synced: bool
    ) -> msgspec.Struct | None:
        """Times of a segment behind its audio, or None.

        after_s     end of the segment before it
        given_s     seconds of audio that the context has sent
        is_synced   the client asked for `sync_alignment`
        """
        ...

    def turn_end(self, context_id: str | None) -> msgspec.Struct | None:
        """All audio of a flush has been sent. None where this kind of socket does not say so."""
        ...

    def final(self, context_id: str | None, warnings: Sequence[str]) -> msgspec.Struct:
        """The last message of a context. `warnings` are ours."""
        ...

    def error(self, context_id: str | None, error: ChorusError) -> msgspec.Struct:
        """With `context_id`: that context has ended, and the others go on. Without: the server closes."""
        ...


def status_of(error: ChorusError) -> str:
    """As `status` of an HTTP error."""
    return STATUSES.get(error.code, error.code)


def close_code(error: ChorusError) -> int:
    """The code of the close frame, or the one that would fit."""
    if isinstance(error, Unavailable):
        return TRY_AGAIN_LATER
    return POLICY_VIOLATION if isinstance(error, RequestError) else INTERNAL_ERROR
