"""Provenance of speech: the statement that a machine made it, as every mark of it carries it."""

import re
from datetime import datetime
from typing import Literal

import msgspec

from app import __version__

TRAINED_ALGORITHMIC_MEDIA = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC's digital source type of media that a trained model made."""
GENERATOR = f"Chorus {__version__}"
FIRST_YEAR = 2025
"""A clock before it has never been set: this program is younger."""
MAX_ID_CHARS = 64
_ID = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_ID_CHARS}}}")


class Provenance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Origin of speech. ASCII only, and short enough for each container and for a header.

    voice     `cloned`: made from recordings of a speaker; `built-in`: a voice of the model
    date      of the request in UTC, `2026-05-04`; None where the clock is not set, and for an address that is one file
    request   id of the request, which the server's log has; of an address that is one file its ETag
    server    the server process, as in X-Chorus-Instance
    """

    digital_source_type: str = msgspec.field(name="digitalSourceType")
    generator: str
    voice: Literal["built-in", "cloned"]
    date: str | None = None
    request: str | None = None
    server: str | None = None

    @property
    def json(self) -> str:
        """One line, for headers and comments."""
        return msgspec.json.encode(self).decode("ascii")

    @property
    def sentence(self) -> str:
        """For people who read the tags of a file."""
        return "Speech made by a machine" + (", in a cloned voice." if self.voice == "cloned" else ".")

    def of_file(self, name: str) -> "Provenance":
        """The same for a file that must not differ between two requests: `name` in place of request, server, date."""
        return msgspec.structs.replace(self, date=None, server=None, request=_id(name))


def new_provenance(*, is_cloned: bool, now: datetime, request_id: str = "", server: str = "") -> Provenance:
    """`now` in UTC. Ids that are no short plain words, such as those with control characters, are left out."""
    return Provenance(
        digital_source_type=TRAINED_ALGORITHMIC_MEDIA,
        generator=GENERATOR,
        voice="cloned" if is_cloned else "built-in",
        date=now.date().isoformat() if now.year >= FIRST_YEAR else None,
        request=_id(request_id),
        server=_id(server),
    )


def _id(text: str) -> str | None:
    return text if _ID.fullmatch(text) and text != "-" else None
