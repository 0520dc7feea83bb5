"""The rule of CHORUS_REQUIRE_CONSENT, and the consent under which a voice is cloned.

`ConsentRule.check` is the only maker of `GivenConsent`, and whatever clones or keeps a voice needs one.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from app.audio.reference import ReferenceClip
from app.errors import ConsentRequired, InvalidField
from app.observability.request_context import request_context
from app.voices.consents import PREFIX, Consents
from app.voices.manifest import MAX_CONSENT_CHARS, MIN_CONSENT_CHARS, SavedVoice

SentConsent = Annotated[
    str,
    Meta(
        max_length=MAX_CONSENT_CHARS,
        description="Your statement that the speaker agrees, in 10 characters or more, or the id of a consent "
        "recording; a server with CHORUS_REQUIRE_CONSENT refuses to clone without it",
    ),
]


class GivenConsent(msgspec.Struct, frozen=True):
    statement: str | None
    """None: the caller stated nothing, and this server does not require it"""
    sent_by: str | None
    """name of the caller; None where no keys are needed"""

    def added_to(self, voice: SavedVoice, now: datetime) -> SavedVoice:
        """`voice`, with this statement where it has none."""
        if voice.consent is not None or self.statement is None:
            return voice
        return msgspec.structs.replace(voice, consent=self.statement, sent_by=self.sent_by, stated_at=now)

    def log(self, clips: Sequence[ReferenceClip]) -> None:
        """Add the digests of the recordings to the request's line in the log, and if there is a statement."""
        facts = {"consent": self.statement is not None, "recordings": [clip.sha256 for clip in clips]}
        request_context.get().facts.update(facts)


class ConsentRule:
    def __init__(self, consents: Consents, *, is_required: bool) -> None:
        self._consents = consents
        self._is_required = is_required

    async def check(self, sent: str | None, *, field: str, is_kept: bool = False) -> GivenConsent:
        """The consent of the caller of this request.

        sent      statement or id of a consent recording; None or blank: none came
        field     the dialect's name of the field, for messages
        is_kept   True needs a statement on every server: the voice is saved

        Raises ConsentRequired, InvalidField for a statement that is too short, UnknownConsent or StorageFailure.
        """
        statement = (sent or "").strip()
        if not statement and not is_kept:
            self._check_absent(field)
            return GivenConsent(None, _caller())
        if statement.startswith(PREFIX):
            statement = (await self._consents.get(statement)).statement
        if len(statement) < MIN_CONSENT_CHARS:
            raise InvalidField(f"{field}: {_wanted(field)}", param=field)
        return GivenConsent(statement, _caller())

    async def check_import(self, voice: SavedVoice, sent: str, *, field: str) -> GivenConsent:
        """The consent of a voice file: its own statement, else the one that was sent with it. Raises as `check`."""
        if voice.consent is None:
            return await self.check(sent, field=field)
        if sent:
            raise InvalidField(f"{field}: leave it out, because the file has a statement of its own", param=field)
        return GivenConsent(voice.consent, _caller())

    def _check_absent(self, field: str) -> None:
        if self._is_required:
            raise ConsentRequired(
                f"a statement of consent is needed here (CHORUS_REQUIRE_CONSENT): {_wanted(field)}",
                param=field,
            )


def _wanted(field: str) -> str:
    return (
        f"say in the field {field!r}, in {MIN_CONSENT_CHARS} characters or more, that the speaker agrees, or send in "
        "it the id that POST /v1/audio/voice_consents gave"
    )


def _caller() -> str | None:
    return request_context.get().caller or None
