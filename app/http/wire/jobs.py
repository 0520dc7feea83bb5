"""Bodies and answers of the routes for books."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.books.audio_file import BookFormat
from app.books.book import MAX_TITLE_CHARS
from app.books.jobs.keeper import JobView
from app.books.jobs.record import Contents, JobStatus
from app.http.wire.schemas import Language
from app.speech.request import Seed, SpeakerId, Speed

MAX_CHAPTERS_CHARS = 1_000
ChapterStatus = Literal["waiting", "ready"]


class JobOptions(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The fields of `POST /jobs` beside the book."""

    voice: Annotated[SpeakerId, Meta(description="A voice of `GET /speakers`; empty: the first one")] = ""
    language: Annotated[Language, Meta(description="Empty: the book's own, or the default")] = ""
    title: Annotated[str, Meta(max_length=MAX_TITLE_CHARS, description="Empty: the book's own")] = ""
    chapters: Annotated[
        str,
        Meta(max_length=MAX_CHAPTERS_CHARS, description="Numbers of chapters, such as `3-7` or `1,4,9-`; empty: all"),
    ] = ""
    speed: Speed = 1.0
    seed: Annotated[Seed, Meta(description="Another seed is another reading")] = 0
    format: Annotated[BookFormat, Meta(description="Format of the finished file")] = BookFormat.M4B
    preview: Annotated[bool, Meta(description="Only the first minute of each chapter")] = False
    check: Annotated[
        Literal["off", "report", "retry"],
        Meta(description="Compare each segment with its text; `retry` reads failed ones again, up to two times"),
    ] = "off"

    @property
    def max_retries(self) -> int | None:
        return {"off": None, "report": 0, "retry": 2}[self.check]


class JobBody(JobOptions, kw_only=True, forbid_unknown_fields=True):
    """`POST /jobs` as JSON, for a text."""

    text: Annotated[str, Meta(min_length=1, description="Plain text; lines such as `Chapter 3` begin chapters")]


class JobUpload(JobOptions, kw_only=True, forbid_unknown_fields=True):
    """`POST /jobs` as a form, for a file."""

    file: Annotated[
        str,
        Meta(
            description="EPUB, Word (.docx), HTML, Markdown or plain text; the ending of its name gives the format",
            extra_json_schema={"format": "binary"},
        ),
    ]


class JobFault(msgspec.Struct, frozen=True):
    """Why a job has failed."""

    code: str
    message: str


class JobProgress(msgspec.Struct, frozen=True, kw_only=True):
    percent: Annotated[float, Meta(ge=0, le=100)]
    chapter: str
    """title of the one that is spoken"""
    made_s: float
    """audio that was made since the job was started or resumed"""
    pace: float | None
    """seconds of audio that are made in a second; null while unknown"""
    left_s: float | None
    """estimate; null while unknown"""
    written_percent: Annotated[int, Meta(ge=0, le=100)] | None
    """how much of the finished file is written; null before and after"""
    segments: int
    doubtful: int
    """segments that `GET /jobs/{job_id}/report` names"""


class JobSummary(msgspec.Struct, kw_only=True):
    """One job."""

    id: str
    status: JobStatus
    title: str
    author: str
    source: str
    """name of the file that was sent"""
    voice: str
    format: BookFormat
    created_at: str
    num_chapters: int
    num_ready: int
    """chapters that can be heard"""
    progress: JobProgress
    seconds: float | None
    """length of the finished file; null before"""
    error: JobFault | None
    """null unless the job has failed"""


class JobChapter(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    title: str
    characters: int
    status: ChapterStatus
    seconds: float | None
    """null until it is ready"""


class JobDetail(JobSummary, kw_only=True):
    """One job with its chapters."""

    chapters: list[JobChapter]
    warnings: list[str]


class JobList(msgspec.Struct, frozen=True):
    jobs: list[JobSummary]
    count: int


def to_summary(view: JobView) -> JobSummary:
    request, state = view.request, view.state
    share = state.done_chars / max(1, request.num_chars)
    is_finished = state.status is JobStatus.FINISHED
    progress = JobProgress(
        percent=100.0 if is_finished else min(99.0, round(100 * share, 1)),
        chapter=state.chapter,
        made_s=round(state.made_s, 3),
        pace=None if state.pace is None else round(state.pace, 2),
        left_s=None if state.left_s is None else round(state.left_s, 1),
        written_percent=state.written_percent if state.status in (JobStatus.WRITING, JobStatus.FULL) else None,
        segments=state.num_segments,
        doubtful=state.num_doubtful,
    )
    return JobSummary(
        id=request.id,
        status=state.status,
        title=request.title,
        author=request.author,
        source=request.source,
        voice=request.voice,
        format=request.book_format,
        created_at=request.created_at,
        num_chapters=len(request.chapters),
        num_ready=len(state.copies),
        progress=progress,
        seconds=round(state.seconds, 3) if is_finished else None,
        error=None if state.error is None else JobFault(state.error.code, state.error.message),
    )


def to_detail(view: JobView, contents: Contents) -> JobDetail:
    copies = {copy.number: copy for copy in view.state.copies}
    chapters = [
        JobChapter(
            number=head.number,
            title=head.title,
            characters=num_chars,
            status="ready" if head.number in copies else "waiting",
            seconds=round(copies[head.number].seconds, 3) if head.number in copies else None,
        )
        for head, num_chars in zip(contents.heads, contents.num_chars, strict=True)
    ]
    summary = msgspec.structs.asdict(to_summary(view))
    return JobDetail(**summary, chapters=chapters, warnings=[*view.state.warnings])
