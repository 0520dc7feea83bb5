"""The start of a container: before its snapshot, after it, and when it fails.

Plain functions, which get Modal's calls and run without Modal. After a failed start the container answers, and its
/health says what to do, because Modal would start it again, for money.
"""

import asyncio
import importlib
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from app.asr.base import Recognizer
from app.asr.factory import open_recognizer
from app.engine.base import Engine
from app.engine.factory import build_engine, load_weights
from app.errors import ChorusError, EngineFailure, InvalidSetting, UnusableCheckpoint
from app.http.access.middleware import Access
from app.http.asgi import AsgiApp
from app.lifecycle import Lifecycle
from app.server.app import create_app
from app.settings import Settings, load_settings
from app.speech.warm_up import warm_up
from app.voices.files import prepare_data_directory
from modal_deploy.deployment import API_KEYS, DATA, OFF, PREFIX
from modal_deploy.volume import ContainerVolume, VolumeCall

if TYPE_CHECKING:
    from app.engine.xtts.checkpoint.load import Checkpoint

logger = logging.getLogger(__name__)

TASK = "MODAL_TASK_ID"
"""Another in each container, so a new one means a restored snapshot."""
HOW_TO_DOWNLOAD = "fetch the weights with `modal run -m modal_deploy.app::download --accept-cpml`"


class Prepared(msgspec.Struct, kw_only=True):
    lifecycle: Lifecycle
    task: str | None
    weights: "Checkpoint | None" = None
    """in host memory; None where they were missing when the snapshot was made"""
    engine: Engine | None = None
    """on the GPU and warm, where its memory is in the snapshot too"""


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """The app that serves. `engine` is None where it could not be loaded; the app then answers with the reason.

    `recognizer` is None without DEPLOY_ASR_MODEL too.
    """

    app: AsgiApp
    engine: Engine | None
    recognizer: Recognizer | None = None


async def prepare(*, with_gpu: bool, environ: Mapping[str, str] = os.environ) -> Prepared:
    """Before the snapshot: imports and weights; nothing of CUDA, unless the GPU's memory is in the snapshot too.

    A failure is not kept in a snapshot: it is logged, and the start tries again. The API keys are not read.
    """
    prepared = Prepared(lifecycle=Lifecycle(), task=environ.get(TASK))
    try:
        settings = load_settings({name: value for name, value in environ.items() if name != API_KEYS})
        prepared.weights = load_weights(settings, stage=prepared.lifecycle.stage)
        if settings.asr_model != OFF:
            with prepared.lifecycle.stage("asr-import"):
                await asyncio.to_thread(importlib.import_module, "app.asr.whisper.network")
        if with_gpu:
            prepared.engine = await _load_engine(settings, prepared)
    except Exception as error:  # noqa: BLE001 - a start that raises is repeated for ever; the next half tries again
        logger.error("this snapshot is made without weights, and starts from it will be slow: %s", error)
    return prepared


async def start(
    prepared: Prepared,
    *,
    commit: VolumeCall,
    reload: VolumeCall,
    retire: Callable[[], Awaitable[None]],
    environ: Mapping[str, str] = os.environ,
) -> Started:
    """In each container: the engine on its device, a sentence spoken, and the app around it.

    commit, reload   of the voices' volume
    retire           takes the container out of service once its engine is lost
    """
    is_restored = environ.get(TASK) != prepared.task
    lifecycle = Lifecycle(restored_s=prepared.lifecycle.stages_s) if is_restored else prepared.lifecycle
    settings = Settings(data=DATA)
    engine: Engine | None = None
    recognizer: Recognizer | None = None
    try:
        given = load_settings(environ)
        Access(given)  # /health tells what it refuses
        settings = given
        if not (settings.api_keys or settings.api_keys_file):
            raise InvalidSetting(
                f"{API_KEYS} is empty: the address is public, so the Secret named by {PREFIX}SECRET must hold it",
                param=API_KEYS,
            )
        prepare_data_directory(settings.data)
        recognizer = await _load_recognizer(settings, lifecycle)
        engine = await _start_engine(settings, prepared, lifecycle)
    except ChorusError as error:
        lifecycle.has_failed(error)
        logger.error("this container speaks nothing: %s", error)
    retirement = Retirement(retire)
    if isinstance(lifecycle.failure, EngineFailure):
        retirement(lifecycle.failure)  # another container may succeed
    logger.info("started in %s, restored: %s", lifecycle.stages_s, lifecycle.restored_s)
    return Started(
        app=create_app(
            settings,
            engine,
            recognizer=recognizer,
            lifecycle=lifecycle,
            volume=ContainerVolume(commit=commit, reload=reload),
            on_failure=retirement,
        ),
        engine=engine,
        recognizer=recognizer,
    )


class Retirement:
    """Takes a container out of service, once, when its engine is lost."""

    def __init__(self, retire: Callable[[], Awaitable[None]]) -> None:
        self._retire = retire
        self._task: asyncio.Task[None] | None = None

    def __call__(self, error: ChorusError) -> None:
        if self._task is None:
            logger.error("this container takes no more requests, another one takes over: %s", error)
            self._task = asyncio.create_task(self._leave())

    async def _leave(self) -> None:
        try:
            await self._retire()
        except Exception as error:  # noqa: BLE001 - the library's own errors; the container goes on saying that it failed
            logger.error("this container could not be taken out of service: %s", error)
            self._task = None


async def _load_recognizer(settings: Settings, lifecycle: Lifecycle) -> Recognizer | None:
    """None for DEPLOY_ASR_MODEL=off. On the CPU, so no part of it waits for the GPU."""
    if settings.asr_model == OFF:
        return None
    opening = partial(open_recognizer, settings, stage=lifecycle.stage, check=lifecycle.check_start)
    try:
        recognizer, _ = await asyncio.to_thread(opening)
    except UnusableCheckpoint as error:
        raise UnusableCheckpoint(f"{error}; {HOW_TO_DOWNLOAD}", param=error.param) from error
    return recognizer


async def _start_engine(settings: Settings, prepared: Prepared, lifecycle: Lifecycle) -> Engine:
    if prepared.engine is not None:
        try:
            with lifecycle.stage("warm-up"):
                await warm_up(prepared.engine)
        except ChorusError as error:
            logger.warning("the engine did not survive the GPU's snapshot, and is loaded again: %s", error)
            await prepared.engine.aclose()
            prepared.engine = None
        else:
            return prepared.engine
    prepared.lifecycle = lifecycle
    return await _load_engine(settings, prepared)


async def _load_engine(settings: Settings, prepared: Prepared) -> Engine:
    """From the weights in memory, where there are any; from the volume otherwise."""
    weights, prepared.weights = prepared.weights, None
    stage = prepared.lifecycle.stage
    try:
        engine = await asyncio.to_thread(build_engine, settings, weights=weights, stage=stage)
        with stage("warm-up"):
            await warm_up(engine)
    except UnusableCheckpoint as error:
        raise UnusableCheckpoint(f"{error}; {HOW_TO_DOWNLOAD}", param=error.param) from error
    except ChorusError:
        raise
    except Exception as error:
        raise EngineFailure(f"the engine could not be loaded: {error!r}") from error
    return engine
