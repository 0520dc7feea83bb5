"""Books that the server makes: `/jobs`."""

from typing import Annotated, Any

from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import Parameter, PathParameter
from litestar.response import Stream

from app.books.jobs.record import ID_CHARS, JobStatus
from app.errors import AudioNotReady, InvalidField
from app.http.openapi.jobs import (
    CREATE_JOB_RESPONSES,
    JOB_AUDIO_RESPONSES,
    JOB_LIST_RESPONSES,
    JOB_RESPONSES,
    REPORT_RESPONSES,
    RESUME_RESPONSES,
    WATCH_RESPONSES,
    JobOperation,
)
from app.http.responses.job_audio import find_audio
from app.http.responses.job_events import job_events
from app.http.responses.sse import MEDIA_TYPE
from app.http.responses.stored_file import stored_response
from app.http.state import AppState
from app.http.wire.book_upload import receive_book
from app.http.wire.jobs import JobDetail, JobList, to_detail, to_summary
from app.http.wire.schemas import ErrorBody
from app.observability.request_context import request_context
from app.pools import BOOK_FILES

JobId = Annotated[str, PathParameter(max_length=ID_CHARS)]
ChapterParameter = Annotated[
    int | None, Parameter(ge=1, le=100_000, description="Number of one chapter; without it all that are ready")
]


@post(
    "/jobs",
    status_code=201,
    responses=CREATE_JOB_RESPONSES,
    operation_class=JobOperation,
    tags=["books"],
    summary="Have an audiobook made of a file, or of a text",
)
async def create_job(request: Request[Any, Any, Any], app_state: NamedDependency[AppState]) -> JobDetail:
    jobs = app_state.jobs
    owner = request_context.get().owner
    await jobs.check_place(owner)
    wanted, book = await receive_book(request, app_state, owner)
    view = await jobs.create(wanted, book)
    request_context.get().facts.update(job=wanted.id, characters=wanted.num_chars)
    return to_detail(view, await jobs.contents(view))


@get("/jobs", responses=JOB_LIST_RESPONSES, tags=["books"], summary="Your jobs, oldest first, without their chapters")
async def list_jobs(app_state: NamedDependency[AppState]) -> JobList:
    jobs = [to_summary(view) for view in await app_state.jobs.jobs_of(request_context.get().owner)]
    return JobList(jobs, len(jobs))


@get("/jobs/{job_id:str}", responses=JOB_RESPONSES, tags=["books"], summary="A job: how far it is, and its chapters")
async def get_job(job_id: JobId, app_state: NamedDependency[AppState]) -> JobDetail:
    jobs = app_state.jobs
    view = await jobs.get(request_context.get().owner, job_id)
    return to_detail(view, await jobs.contents(view))


@get(
    "/jobs/{job_id:str}/events",
    responses=WATCH_RESPONSES,
    media_type=MEDIA_TYPE,
    tags=["books"],
    summary="The progress of a job, as it happens",
)
async def watch_job(job_id: JobId, app_state: NamedDependency[AppState]) -> Stream:
    jobs, owner = app_state.jobs, request_context.get().owner
    await jobs.get(owner, job_id)
    return Stream(job_events(jobs, owner, job_id, app_state.lifecycle), media_type=MEDIA_TYPE, status_code=200)


@get(
    "/jobs/{job_id:str}/audio",
    responses=JOB_AUDIO_RESPONSES,
    tags=["books"],
    summary="The audio, as soon as a chapter is ready",
    description="Before the book is finished: MP3 of its first chapters, as far as they are ready. Afterwards the "
    "finished file. With `chapter`: that chapter as MP3. A `Range` of bytes may be asked for.",
)
async def get_job_audio(
    request: Request[Any, Any, Any],
    job_id: JobId,
    app_state: NamedDependency[AppState],
    chapter: ChapterParameter = None,
) -> Stream | Response[ErrorBody]:
    jobs = app_state.jobs
    sent = request.query_params.getall("chapter", [])
    if len(sent) > 1 or (sent and chapter is None):  # Litestar reads `chapter=null` as no chapter
        raise InvalidField("chapter: send one whole number", param="chapter")
    view = await jobs.get(request_context.get().owner, job_id)
    return stored_response(request, await BOOK_FILES.run(find_audio, view, jobs.folder(view), chapter))


@get(
    "/jobs/{job_id:str}/report",
    responses=REPORT_RESPONSES,
    tags=["books"],
    summary="The report of a finished book: each segment with its times, loudness and doubts",
)
async def get_job_report(job_id: JobId, app_state: NamedDependency[AppState]) -> Response[bytes]:
    jobs = app_state.jobs
    view = await jobs.get(request_context.get().owner, job_id)
    if view.state.status is not JobStatus.FINISHED:
        raise AudioNotReady("the report is written when the book is finished")
    return Response(await jobs.report(view), media_type="application/json")


@post(
    "/jobs/{job_id:str}/pause",
    status_code=200,
    responses=JOB_RESPONSES,
    opt={"makes_audio": False},
    tags=["books"],
    summary="Stop working on a job; what was made stays",
)
async def pause_job(job_id: JobId, app_state: NamedDependency[AppState]) -> JobDetail:
    jobs = app_state.jobs
    view = await jobs.pause(request_context.get().owner, job_id)
    return to_detail(view, await jobs.contents(view))


@post(
    "/jobs/{job_id:str}/resume",
    status_code=200,
    responses=RESUME_RESPONSES,
    opt={"makes_audio": False},
    tags=["books"],
    summary="Go on with a paused job, or with one that has failed",
)
async def resume_job(job_id: JobId, app_state: NamedDependency[AppState]) -> JobDetail:
    jobs = app_state.jobs
    view = await jobs.resume(request_context.get().owner, job_id)
    return to_detail(view, await jobs.contents(view))


@delete("/jobs/{job_id:str}", responses=JOB_RESPONSES, tags=["books"], summary="Delete a job and all of its files")
async def delete_job(job_id: JobId, app_state: NamedDependency[AppState]) -> None:
    await app_state.jobs.delete(request_context.get().owner, job_id)
