"""`GET /health`, `/health/live`, `/health/ready`: answered on the event loop, whatever the engine is doing."""

from collections.abc import Mapping

from litestar import Response, get
from litestar.di import NamedDependency

from app import __version__
from app.http.openapi.responses import HEALTH_RESPONSES, STATE_RESPONSES
from app.http.state import AppState
from app.http.wire.health import Capacity, Health, Queue, RecognizerHealth, Slots, State
from app.lifecycle import Status


@get("/health", responses=HEALTH_RESPONSES, tags=["health"], summary="State, load and start-up times; 503 unless ok")
async def health(app_state: NamedDependency[AppState]) -> Response[Health]:
    lifecycle = app_state.lifecycle
    answer = Health(
        status=lifecycle.status.value,
        version=__version__,
        uptime_s=round(lifecycle.uptime_s, 3),
        startup_s=_rounded(lifecycle.stages_s),
        restored_s=None if lifecycle.restored_s is None else _rounded(lifecycle.restored_s),
        in_flight=lifecycle.num_in_flight,
        marks=app_state.settings.marks.shown,
        callers="CHORUS_API_KEYS_FILE cannot be used; the log says why"
        if app_state.access.callers.is_file_stale
        else None,
        error=str(lifecycle.failure) if lifecycle.failure else None,
    )
    if app_state.loaded is not None:
        info, stats = app_state.loaded.engine.info, app_state.loaded.engine.stats()
        answer.engine, answer.model, answer.device, answer.notice = info.name, info.model, info.device, info.notice
        answer.identity = info.identity
        answer.precision, answer.precision_reason = info.precision, info.precision_reason
        answer.vocoder_precision = info.vocoder_precision
        answer.languages, answer.languages_as_written = info.languages, info.languages_as_written
        if app_state.loaded.lexicon.is_stale:
            answer.lexicon = "CHORUS_LEXICON cannot be used; the log says why"
        answer.storage = app_state.loaded.voices.folder.failure
        signer = app_state.loaded.signer
        answer.unsigned = None if signer is None else signer.unsigned_reason
        answer.queue = Queue(
            admitted=stats.admitted_requests,
            waiting=stats.waiting_requests,
            limit=info.max_slots + info.max_queue,
        )
        answer.slots = Slots(busy=stats.busy_slots, total=info.max_slots)
        answer.capacity = Capacity(live=stats.live_streams, streams=round(stats.capacity_streams, 2))
    if app_state.loaded_recognizer is not None:
        info, stats = app_state.loaded_recognizer.info, app_state.loaded_recognizer.stats()
        answer.recognizer = RecognizerHealth(
            model=info.model,
            device=info.device,
            precision=info.precision,
            languages=info.languages,
            admitted=stats.admitted_requests,
            waiting=stats.waiting_requests,
            limit=info.max_admitted,
            slots=Slots(busy=stats.busy_windows, total=info.max_batch),
        )
    elif app_state.loaded is not None:
        answer.recognizer_missing = app_state.no_recognizer_reason
    return Response(answer, status_code=200 if lifecycle.status is Status.OK else 503)


def _rounded(stages_s: Mapping[str, float]) -> dict[str, float]:
    return {name: round(seconds, 3) for name, seconds in stages_s.items()}


@get(
    "/health/live",
    responses=STATE_RESPONSES,
    tags=["health"],
    summary="The process answers; 503 once it cannot recover",
)
async def live(app_state: NamedDependency[AppState]) -> Response[State]:
    status = app_state.lifecycle.status
    return Response(State(status=status.value), status_code=503 if status is Status.FAILED else 200)


@get(
    "/health/ready",
    responses=STATE_RESPONSES,
    tags=["health"],
    summary="Requests are taken; 503 while loading or draining",
)
async def ready(app_state: NamedDependency[AppState]) -> Response[State]:
    status = app_state.lifecycle.status
    return Response(State(status=status.value), status_code=200 if status is Status.OK else 503)
