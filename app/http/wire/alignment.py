"""Wire schemas of `POST /v1/audio/alignments`."""

from typing import Annotated

import msgspec
from msgspec import Meta

from app.speech.request import LanguageCode


class AlignmentForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The fields beside the recording."""

    text: Annotated[str, Meta(min_length=1, description="What the recording should say, as it is written")]
    language: Annotated[
        LanguageCode, Meta(description="A code or its English name, such as `de`; empty: detected", examples=["de"])
    ] = ""


class AlignmentUpload(AlignmentForm, kw_only=True, forbid_unknown_fields=True):
    """`POST /v1/audio/alignments` as a form."""

    file: Annotated[
        str,
        Meta(
            description="A recording in any format that FFmpeg reads, or a video with sound",
            extra_json_schema={"format": "binary"},
        ),
    ]
