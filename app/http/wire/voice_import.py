"""The form of `POST /voices/import`."""

from typing import Annotated

import msgspec
from msgspec import Meta

from app.voices.consent import SentConsent


class ImportForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The field of `POST /voices/import` beside `voice`: for a file without a statement of consent."""

    consent: SentConsent = ""


class ImportUpload(ImportForm, kw_only=True, forbid_unknown_fields=True):
    """`POST /voices/import` as a form."""

    voice: Annotated[
        str, Meta(description="A file of `GET /voices/{voice_id}/export`", extra_json_schema={"format": "binary"})
    ]
