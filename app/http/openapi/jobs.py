"""Responses and bodies of the routes for books, for the OpenAPI document."""

from dataclasses import dataclass
from types import MappingProxyType

from app.books.report import BookReport
from app.http.openapi.responses import FORM, JSON, BodyOperation, answer, errors
from app.http.wire.jobs import JobBody, JobUpload

BOOK_AUDIO = "audio/mp4, audio/mpeg, audio/ogg, audio/flac"

CREATE_JOB_RESPONSES = errors(400, 404, 408, 409, 413, 415, 422, 501, 507)
JOB_LIST_RESPONSES = errors(507)
JOB_RESPONSES = errors(404, 507)
RESUME_RESPONSES = errors(404, 409, 507)
WATCH_RESPONSES = {
    200: answer(
        bytes,
        "Server-sent events: `progress` with an object as in `GET /jobs`, at once and at each change; `done` with it "
        "when the job is finished or has failed. An `error` event has an error's body; the stream ends after it",
        "text/event-stream",
    )
} | errors(404, 507)
JOB_AUDIO_RESPONSES = {
    200: answer(bytes, "The file: MP3 of chapters, or the finished book in its format", BOOK_AUDIO),
    206: answer(bytes, "The bytes that `Range` asks for", BOOK_AUDIO),
} | errors(404, 409, 416, 507)
REPORT_RESPONSES = {200: answer(BookReport, "The report of the finished book")} | errors(404, 409, 507)


@dataclass
class JobOperation(BodyOperation):
    schemas = MappingProxyType({FORM: JobUpload, JSON: JobBody})
