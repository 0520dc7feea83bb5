"""create_app: wires the layers together."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache, partial
from typing import Any, cast

import msgspec
from litestar import Litestar, Request
from litestar.di import Provide
from litestar.handlers import WebsocketRouteHandler

from app import __version__
from app.asr.base import Recognizer
from app.asr.factory import open_recognizer
from app.books.jobs.keeper import BookJobs
from app.daemon_thread import run_in_daemon_thread
from app.engine.base import Engine
from app.engine.factory import build_engine
from app.errors import AddressUnavailable, ChorusError, Draining, EngineFailure, StartupError, StorageFailure
from app.http.access.middleware import Access, KeyGuard, SiteGuard
from app.http.access.origins import cors_config
from app.http.asgi import AsgiApp
from app.http.method_semantics import head_paths, options_handlers
from app.http.middleware import wrap
from app.http.middleware.socket_refusal import SocketRefusal
from app.http.openapi.document import build_document
from app.http.state import AppState
from app.http.wire.errors import EXCEPTION_HANDLERS
from app.http.wire.json_body import StrictRequest, check_encoding
from app.http.wire.uploads import Uploads, max_json_bytes
from app.lifecycle import Lifecycle, Status
from app.observability.tracing import TracerProvider
from app.pools import FILES, TEXT
from app.server.listeners import BACKLOG, open_listeners, shown_authority
from app.server.routes import ROUTES
from app.settings import Settings
from app.speech.receipt import Signer
from app.speech.service import SpeechService
from app.speech.signing.opening import makes_certificate, open_signer
from app.speech.warm_up import warm_up
from app.text.languages import LANGUAGES
from app.text.lexicon_file import LexiconFile
from app.voices.files import prepare_data_directory
from app.voices.shared_folder import SharedFolder, Volume

logger = logging.getLogger(__name__)

SOCKET_PATHS = [path for route in ROUTES if isinstance(route, WebsocketRouteHandler) for path in sorted(route.paths)]


def create_app(
    settings: Settings,
    engine: Engine | None = None,
    *,
    recognizer: Recognizer | None = None,
    lifecycle: Lifecycle | None = None,
    volume: Volume | None = None,
    on_failure: Callable[[ChorusError], None] | None = None,
    tracer_provider: TracerProvider | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> AsgiApp:
    """The server as an ASGI app.

    With an `engine` it is ready at once, and transcribes with `recognizer` if there is one. Without, both are loaded in
    the background and /health answers `loading`. With a `lifecycle` that has failed already, nothing is loaded and
    /health has the reason.

    recognizer       is closed with the app
    volume           is called before saved voices are read and after they are written
    on_failure       is called when the engine cannot be loaded, or is lost later
    tracer_provider  makes the spans; by default that of CHORUS_OTLP_ENDPOINT, which is closed at the end
    clock            gives the seconds by which the limits of callers are counted

    Raises UnusableDataDirectory and InvalidSetting.
    """
    app_state = AppState(settings, lifecycle or Lifecycle(), Access(settings, clock))
    app_state.loaded_recognizer = recognizer
    if app_state.lifecycle.status is not Status.FAILED:
        prepare_data_directory(settings.data)

    close_traces: Callable[[], None] | None = None
    if tracer_provider is None and settings.otlp_endpoint:
        tracer_provider, close_traces = _open_provider(settings.otlp_endpoint, app_state.instance)

    def get_app_state() -> AppState:
        return app_state

    def get_uploads() -> Uploads:
        return app_state.uploads

    def get_service() -> SpeechService:
        return app_state.service

    @cache
    def document_for(languages: tuple[str, ...], heard_languages: tuple[str, ...], server: str) -> bytes:
        needs_key = app_state.access.callers.needs_key
        document = build_document(
            ROUTES,
            dependencies,
            languages=languages,
            heard_languages=heard_languages,
            needs_key=needs_key,
            server=server,
        )
        return msgspec.json.encode(document)

    def get_document(request: Request[Any, Any, Any]) -> bytes:
        languages = tuple(app_state.loaded.engine.info.languages if app_state.loaded else LANGUAGES)
        recognizer = app_state.loaded_recognizer
        server = "." if request.scope["path"] == "/openapi.json" else ".."
        return document_for(languages, () if recognizer is None else recognizer.info.languages, server)

    dependencies = {
        "app_state": Provide(get_app_state, sync_to_thread=False),
        "service": Provide(get_service, sync_to_thread=False),
        "uploads": Provide(get_uploads, sync_to_thread=False),
        "document": Provide(get_document, sync_to_thread=False),
    }

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncGenerator[None]:
        loading = asyncio.create_task(_load(app_state, engine, volume, on_failure))
        if engine is not None:
            await loading
        try:
            async with AsyncExitStack() as stack:
                await _open_wyoming(app_state, stack, on_failure)
                yield
        finally:
            loading.cancel()
            await asyncio.wait((loading,))
            if app_state.loaded_jobs is not None:
                await app_state.loaded_jobs.worker.aclose()
            await app_state.uploads.aclose()
            await app_state.book_reader.aclose()
            await app_state.live_decoders.aclose()
            if app_state.loaded is not None:
                await app_state.loaded.aclose()
            if app_state.loaded_recognizer is not None:
                await app_state.loaded_recognizer.aclose()
            if close_traces is not None:
                await asyncio.to_thread(close_traces)

    key_guards = [KeyGuard(app_state.access)] if app_state.access.callers.needs_key else []
    app = Litestar(
        route_handlers=[*options_handlers(ROUTES), *ROUTES],  # in this order, or Litestar adds its own
        request_class=StrictRequest,
        before_request=check_encoding,
        dependencies=dependencies,
        middleware=[SiteGuard(app_state.access, settings), *key_guards],
        cors_config=cors_config(settings),
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=[lifespan],
        logging_config=None,
        openapi_config=None,  # app/http/openapi/document.py makes the document
        request_max_body_size=max_json_bytes(settings),  # of JSON; app/http/wire/uploads.py bounds bodies with files
    )
    # Litestar and uvicorn have different types for ASGI's dictionaries.
    return wrap(
        SocketRefusal(cast("AsgiApp", app), SOCKET_PATHS),
        app_state.lifecycle,
        client_timeout_s=settings.client_timeout_s,
        head_paths=head_paths(ROUTES),
        instance=app_state.instance,
        on_end=app_state.metrics.on_exchange_end,
        tracer=None if tracer_provider is None else tracer_provider.get_tracer("chorus", __version__),
    )


def _open_provider(endpoint: str, instance: str) -> tuple[TracerProvider, Callable[[], None]]:
    from app.observability.otlp import close_provider, open_provider  # half a second of imports, and a thread

    resource = {"service.name": "chorus", "service.version": __version__, "service.instance.id": instance}
    provider = open_provider(endpoint, resource)
    return provider, partial(close_provider, provider)


async def _open_wyoming(
    app_state: AppState, stack: AsyncExitStack, on_failure: Callable[[ChorusError], None] | None
) -> None:
    settings = app_state.settings
    if not settings.wyoming_port:
        return
    from app.wyoming.server import WyomingServer  # imported only where the port is set

    server = WyomingServer(
        lambda: app_state.service,
        lambda: app_state.transcription,
        connections=app_state.connections,
        on_spoken=app_state.metrics.on_answer_end,
        on_transcribed=app_state.metrics.transcriptions.on_end,
        max_pending_chars=settings.max_text_chars,
        client_timeout_s=settings.client_timeout_s,
    )
    try:
        listeners = open_listeners(
            settings.host, settings.wyoming_port, port_setting="CHORUS_WYOMING_PORT", purpose="Wyoming"
        )
    except AddressUnavailable as error:
        _fail(app_state.lifecycle, error, on_failure)
        return
    addresses = ", ".join(f"tcp://{shown_authority(listener)}" for listener in listeners)
    await stack.enter_async_context(server.listening(listeners, backlog=BACKLOG))
    logger.info("Wyoming: %s (its protocol has no keys)", addresses)


async def _load(
    app_state: AppState,
    engine: Engine | None,
    volume: Volume | None,
    on_failure: Callable[[ChorusError], None] | None,
) -> None:
    lifecycle = app_state.lifecycle
    if lifecycle.status is Status.FAILED:
        return
    try:
        if engine is None:
            build = partial(build_engine, app_state.settings, stage=lifecycle.stage, check=lifecycle.check_start)
            engine = await run_in_daemon_thread(build, name="load-engine")
            with lifecycle.stage("warm-up"):
                await warm_up(engine)
            await _load_recognizer(app_state)
        lexicon = await TEXT.run(LexiconFile, app_state.settings.lexicon)
        data = SharedFolder(volume)
        signer = await _open_signer(app_state.settings, data)
        service = SpeechService(
            engine,
            app_state.settings,
            lifecycle,
            folder=data,
            lexicon=lexicon,
            recognizer=app_state.loaded_recognizer,
            signer=signer,
        )
        with lifecycle.stage("speakers"):
            await service.voices.convert_earlier()
            await service.voices.list()
            for fault in await service.voices.alias_faults():
                logger.warning("CHORUS_VOICE_ALIASES: %s", fault)
        engine.on_lost(lambda error: _fail(lifecycle, error, on_failure))
        app_state.loaded = service
        app_state.loaded_jobs = _open_jobs(app_state, service)
        lifecycle.is_ready()
    except Draining as error:
        logger.info("%s", error)
    except ChorusError as error:
        _fail(lifecycle, error, on_failure)
    except Exception as error:  # noqa: BLE001 - the start's boundary: whatever it is, the server must not look alive
        failure = EngineFailure(f"the engine could not be loaded: {error!r}")
        failure.__cause__ = error
        _fail(lifecycle, failure, on_failure)


def _open_jobs(app_state: AppState, service: SpeechService) -> BookJobs:
    on_made = app_state.metrics.books.on_made
    jobs = BookJobs(service, app_state.settings, app_state.loaded_recognizer, on_made=on_made)
    jobs.start()
    return jobs


async def _open_signer(settings: Settings, data: SharedFolder) -> Signer | None:
    """On a volume: with the self-made certificate that another server committed, or one that is committed here."""
    if not makes_certificate(settings):
        return await FILES.run(open_signer, settings)
    signer: Signer | None = None
    try:
        async with data.writing():
            signer = await FILES.run(open_signer, settings)
    except StorageFailure as error:
        logger.warning("the certificate for C2PA is not on the volume yet: %s", error)
    return signer


async def _load_recognizer(app_state: AppState) -> None:
    lifecycle = app_state.lifecycle
    opening = partial(open_recognizer, app_state.settings, stage=lifecycle.stage, check=lifecycle.check_start)
    app_state.loaded_recognizer, app_state.no_recognizer_reason = await run_in_daemon_thread(opening, name="load-asr")


def _fail(lifecycle: Lifecycle, error: ChorusError, on_failure: Callable[[ChorusError], None] | None) -> None:
    # A StartupError tells the operator what to do, so it needs no trace.
    logger.error("%s", error, exc_info=None if isinstance(error, StartupError) else error.__cause__)
    lifecycle.has_failed(error)
    if on_failure is not None:
        on_failure(error)
