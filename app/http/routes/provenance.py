"""`POST /provenance`: the marks of a file."""

from typing import Any

from litestar import Request, post
from litestar.di import NamedDependency

from app.audio.found_marks import FileMarks, read_marks
from app.errors import InvalidField
from app.http.openapi.provenance import PROVENANCE_RESPONSES, ProvenanceOperation
from app.http.wire.uploads import Uploads


@post(
    "/provenance",
    status_code=200,
    responses=PROVENANCE_RESPONSES,
    operation_class=ProvenanceOperation,
    tags=["provenance"],
    summary="Read the marks of a file: whether a machine spoke, for which request, and whether it was changed since",
)
async def read_provenance(request: Request[Any, Any, Any], uploads: NamedDependency[Uploads]) -> FileMarks:
    async with uploads.file(request, "file", takes_body=True) as (fields, sent):
        if fields:
            raise InvalidField("file: send one file in this field, and no other field", param="file")
        return await uploads.decode(request, lambda child: read_marks(child, sent.file, name=sent.name))
