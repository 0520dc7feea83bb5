"""The manifest of a saved voice, its id, and the model that it belongs to."""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

ID = re.compile(r"[0-9a-f]{16}")
NAMES_A_COMMIT = re.compile(r"@[0-9a-f]{12}$|^[0-9a-f]{40}$")
"""Names that always mean the same weights: `owner/name@commit`, and a folder of the hub's cache."""
MAX_CLIPS = 16
"""Recordings of one voice."""

MAX_ID_CHARS = 200
"""Longest id of a voice or a model: ids are looked up, compared and quoted."""

VoiceName = Annotated[
    str,
    # `$` alone would allow a newline at the end.
    Meta(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)", description="What people call the voice"),
]
MAX_ALIASES = 16
Alias = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=80,
        pattern=r"^[^\x00-\x1f\x7f,=\s]([^\x00-\x1f\x7f,=]*[^\x00-\x1f\x7f,=\s])?$(?!\n)",
        description="Another name of the voice, without commas and equals signs",
    ),
]
AliasList = Annotated[
    str,
    Meta(
        max_length=MAX_ALIASES * 82,
        pattern=rf"^[^\x00-\x1f\x7f,=]{{0,80}}(,[^\x00-\x1f\x7f,=]{{0,80}}){{0,{MAX_ALIASES - 1}}}$(?!\n)",
        description="Other names that callers may say for the voice, separated by commas",
    ),
]
MIN_CONSENT_CHARS, MAX_CONSENT_CHARS = 10, 1000
Consent = Annotated[
    str,
    Meta(
        min_length=MIN_CONSENT_CHARS,
        max_length=MAX_CONSENT_CHARS,
        description="Your statement that the speaker agrees, in your words; it is kept with the voice",
        examples=["This is my own voice."],
    ),
]
CallerName = Annotated[str, Meta(max_length=64, pattern=r"^(#[0-9]{1,6}|[A-Za-z0-9._-]+)$(?!\n)")]
"""`#1` is the first key of CHORUS_API_KEYS; else the name in CHORUS_API_KEYS_FILE"""
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class SavedVoice(msgspec.Struct, frozen=True, kw_only=True):
    """The manifest of a voice."""

    id: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    name: VoiceName
    model: Annotated[str, Meta(min_length=1, max_length=300)]
    """name of the model that it was cloned with; no other model can speak with it"""
    created_at: Annotated[datetime, Meta(tz=True)]
    consent: Consent | None = None
    """null: no statement of consent is kept with this voice"""
    sent_by: CallerName | None = None
    """name of the caller who sent the statement; null where no keys are needed, and in voices of older versions"""
    stated_at: Annotated[datetime, Meta(tz=True)] | None = None
    """when the statement came, for a voice that was kept without one; null: with the recordings"""
    recordings: Annotated[tuple[Sha256, ...], Meta(min_length=1, max_length=MAX_CLIPS)]
    """sha256 of each"""
    imported_at: Annotated[datetime, Meta(tz=True)] | None = None
    """when it came from a file, which cannot prove its recordings; null: cloned on this server"""
    imported_by: CallerName | None = None
    """name of the caller who sent that file"""
    aliases: Annotated[tuple[Alias, ...], Meta(max_length=MAX_ALIASES)] = ()
    """other names that callers may say for it"""
    identity: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")] | None = None
    """digest of that model's weights; null where the name identifies it, and in voices of older versions"""

    @property
    def key(self) -> str:
        """The model's part of the id."""
        return self.identity or self.model


def voice_id(model: str, recordings: Sequence[str]) -> str:
    """16 hexadecimal digits of a model (identity or name) and the sha256 of each recording, in order."""
    return hashlib.sha256("\n".join((model, *recordings)).encode()).hexdigest()[:16]


class VoiceModel(msgspec.Struct, frozen=True):
    name: str
    identity: str | None = None
    """digest of its weights; None where the name identifies it"""

    @property
    def shown(self) -> str:
        """The model in a message, with its weights: two folders may have one name."""
        return f"{self.name!r}" if self.identity is None else f"{self.name!r} (weights {self.identity[:8]})"

    def made(self, voice: SavedVoice) -> bool:
        """True if this model cloned the voice, and so can speak with it.

        Older versions recorded only the name, which counts if it holds a commit: a folder's name does not identify
        weights.
        """
        if self.identity is None:
            return voice.identity is None and voice.model == self.name
        if voice.identity is not None:
            return voice.identity == self.identity
        return voice.model == self.name and NAMES_A_COMMIT.search(self.name) is not None

    def ids(self, recordings: Sequence[str]) -> list[str]:
        """Ids that a voice of these recordings may have: the present one, then that of older versions."""
        return [voice_id(key, recordings) for key in (self.identity, self.name) if key is not None]
