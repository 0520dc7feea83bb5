"""create_app: the one place that wires the layers together."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import cast

from litestar import Litestar
from litestar.datastructures import ResponseHeader
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from app import __version__
from app.engine.base import Engine
from app.engine.factory import build_engine
from app.errors import ChorusError, EngineFailure
from app.http.access import key_guard
from app.http.asgi import AsgiApp, Exchange
from app.http.errors import EXCEPTION_HANDLERS
from app.http.routes import clone, health, metrics, openai, speakers, tts, voices
from app.http.state import Running
from app.settings import Settings
from app.speech.lifecycle import Lifecycle, Status
from app.speech.service import SpeechService
from app.speech.storage import prepare_data_directory
from app.speech.volume import Volume
from app.speech.warm_up import warm_up
from app.tracing import NO_TRACER, Tracer

logger = logging.getLogger(__name__)

ROUTES = [
    tts.speak_text,
    clone.clone_voice,
    speakers.list_speakers,
    voices.save_voice,
    voices.list_saved_voices,
    voices.get_saved_voice,
    voices.delete_saved_voice,
    openai.create_speech,
    openai.list_models,
    openai.list_voices,
    health.health,
    health.live,
    health.ready,
    metrics.metrics,
]
MIB = 1024 * 1024


def create_app(
    settings: Settings,
    engine: Engine | None = None,
    *,
    lifecycle: Lifecycle | None = None,
    volume: Volume | None = None,
    on_failure: Callable[[ChorusError], None] | None = None,
) -> AsgiApp:
    """The server as an ASGI app.

    With an `engine` it is ready at once; without, the engine is loaded and warmed up in the background while /health
    says so; with a `lifecycle` that has failed already, nothing is loaded and /health says why. `on_failure` hears
    when the engine cannot be loaded, or is lost later. `volume` is told when saved voices are read and written.
    Raises UnusableDataDirectory.
    """
    running = Running(settings, lifecycle or Lifecycle())
    if running.lifecycle.status is not Status.FAILED:
        prepare_data_directory(settings.data)

    tracer = _open_tracer(running)

    def get_running() -> Running:
        return running

    def get_service() -> SpeechService:
        return running.service

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncGenerator[None]:
        loading = asyncio.create_task(_load(running, engine, volume, on_failure))
        if engine is not None:
            await loading
        try:
            yield
        finally:
            loading.cancel()
            await asyncio.wait((loading,))
            if running.loaded is not None:
                await running.loaded.aclose()
            await asyncio.to_thread(tracer.close)

    app = Litestar(
        route_handlers=ROUTES,
        dependencies={
            "running": Provide(get_running, sync_to_thread=False),
            "service": Provide(get_service, sync_to_thread=False),
        },
        guards=[key_guard(settings.api_keys)] if settings.api_keys else [],
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=[lifespan],
        logging_config=None,
        openapi_config=OpenAPIConfig(
            title="Chorus",
            version=__version__,
            description="Text to speech and voice cloning for many callers at once.",
            path="/docs",
            render_plugins=[SwaggerRenderPlugin()],
            components=Components(security_schemes={"key": SecurityScheme(type="http", scheme="bearer")}),
            security=[{"key": []}] if settings.api_keys else None,
        ),
        response_headers=[
            ResponseHeader(
                name="X-Chorus-Instance",
                value=running.instance,
                description="Which server answered, of several behind one address: when it started (Unix time), and a "
                "number of its own",
            )
        ],
        request_max_body_size=settings.max_upload_mb * MIB,
    )
    app.state.metrics = running.metrics
    # Litestar and uvicorn each have their own types for ASGI's dictionaries.
    return Exchange(
        cast("AsgiApp", app),
        client_timeout_s=settings.client_timeout_s,
        on_end=running.metrics.on_exchange_end,
        tracer=tracer,
    )


def _open_tracer(running: Running) -> Tracer:
    endpoint = running.settings.otlp_endpoint
    if not endpoint:
        return NO_TRACER
    from app.otlp import OtlpTracer  # half a second of imports, and a thread

    return OtlpTracer(
        endpoint,
        {"service.name": "chorus", "service.version": __version__, "service.instance.id": running.instance},
    )


async def _load(
    running: Running,
    engine: Engine | None,
    volume: Volume | None,
    on_failure: Callable[[ChorusError], None] | None,
) -> None:
    lifecycle = running.lifecycle
    if lifecycle.status is Status.FAILED:
        return
    try:
        if engine is None:
            engine = await asyncio.to_thread(build_engine, running.settings, stage=lifecycle.stage)
            with lifecycle.stage("warm-up"):
                await warm_up(engine)
        service = SpeechService(engine, running.settings, lifecycle, volume=volume)
        with lifecycle.stage("speakers"):
            await service.speakers.list()
        engine.on_lost(lambda error: _fail(lifecycle, error, on_failure))
        running.loaded = service
        lifecycle.is_ready()
    except ChorusError as error:
        _fail(lifecycle, error, on_failure)
    except Exception as error:  # noqa: BLE001 - the start's boundary: whatever it is, the server must not look alive
        failure = EngineFailure(f"the engine could not be loaded: {error!r}")
        failure.__cause__ = error
        _fail(lifecycle, failure, on_failure)


def _fail(lifecycle: Lifecycle, error: ChorusError, on_failure: Callable[[ChorusError], None] | None) -> None:
    logger.error("%s", error, exc_info=error.__cause__)
    lifecycle.has_failed(error)
    if on_failure is not None:
        on_failure(error)
