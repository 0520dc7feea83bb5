"""Responses and bodies of `POST /provenance`, for the OpenAPI document."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

import msgspec
from msgspec import Meta

from app.audio.found_marks import FileMarks
from app.http.openapi.responses import FORM, BodyOperation, answer, errors

PROVENANCE_RESPONSES = {
    200: answer(FileMarks, "The marks that were found; none are an empty list, which is no proof that a person spoke")
} | errors(400, 408, 413, 415, 507)


class ProvenanceUpload(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`POST /provenance` as a form."""

    file: Annotated[
        str,
        Meta(description="Audio in any format that FFmpeg reads", extra_json_schema={"format": "binary"}),
    ]


@dataclass
class ProvenanceOperation(BodyOperation):
    schemas = MappingProxyType({FORM: ProvenanceUpload, "application/octet-stream": None})
