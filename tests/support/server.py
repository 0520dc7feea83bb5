"""A real server on a real socket: uvicorn in a thread, or `chorus serve` in a process."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import uvicorn

from app.asr.base import Recognizer
from app.engine.base import Engine
from app.http.asgi import AsgiApp
from app.server.app import create_app
from app.server.listeners import open_listeners
from app.server.protocols import protocol_options
from app.settings import Settings


class RunningServer:
    """`url`, and the loop on which the app runs."""

    def __init__(
        self, url: str, loop: asyncio.AbstractEventLoop, engine: Engine | None, recognizer: Recognizer | None = None
    ) -> None:
        self.url = url
        self.loop = loop
        self.engine = engine
        self.recognizer = recognizer

    def client(self, **options: float) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=options.get("timeout", 60.0))

    def on_loop(self, function: Callable[[], object]) -> object:
        """Run a function on the app's loop."""

        async def call() -> object:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(10)


@contextlib.contextmanager
def serve(
    settings: Settings,
    make_engine: Callable[[], Engine] | None = None,
    *,
    make_recognizer: Callable[[], Recognizer] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[RunningServer]:
    """uvicorn in a thread. Yields once /health says ok. The limits of callers are counted by `clock`."""
    [listener] = open_listeners("127.0.0.1", 0, port_setting="CHORUS_PORT")
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    started: Future[tuple[uvicorn.Server, RunningServer]] = Future()

    async def run() -> None:
        try:
            engine = make_engine() if make_engine else None
            recognizer = make_recognizer() if make_recognizer else None
            app = create_app(settings, engine, recognizer=recognizer, clock=clock)
            options = protocol_options(settings.client_timeout_s)
            config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", **options)  # type: ignore[arg-type]
            server = uvicorn.Server(config)
        except BaseException as error:
            started.set_exception(error)
            raise
        started.set_result((server, RunningServer(url, asyncio.get_running_loop(), engine, recognizer)))
        await server.serve([listener])

    with ThreadPoolExecutor(1) as pool, listener:
        ending = pool.submit(asyncio.run, run())
        server, running = started.result(30)
        try:
            wait_until_ok(url)
            yield running
        finally:
            server.should_exit = True
            ending.result(60)


@contextlib.asynccontextmanager
async def started(app: AsgiApp) -> AsyncIterator[None]:
    """The app between its start-up and its shutdown, with no server around it."""
    to_app: asyncio.Queue[dict[str, object]] = asyncio.Queue()
    from_app: asyncio.Queue[dict[str, object]] = asyncio.Queue()
    running = asyncio.create_task(
        app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, to_app.get, from_app.put)
    )
    for message in ("startup", "shutdown"):
        await to_app.put({"type": f"lifespan.{message}"})
        assert (await from_app.get())["type"] == f"lifespan.{message}.complete"
        if message == "startup":
            yield
    await running


def wait_until_ok(url: str, exit_status: Callable[[], int | None] = lambda: None) -> None:
    """Ask /health until it answers 200, 3,000 times at most, 50 ms apart.

    `exit_status` is asked once a second; a status other than None ends the wait with an AssertionError.
    """
    transport = httpx.HTTPTransport(retries=5)
    with httpx.Client(transport=transport, timeout=10) as client:
        for attempt in range(3000):
            if attempt % 20 == 0 and (status := exit_status()) is not None:
                raise AssertionError(f"the server ended with {status}")
            with contextlib.suppress(httpx.TransportError):
                if client.get(f"{url}/health").status_code == 200:
                    return
            threading.Event().wait(0.05)
    raise AssertionError("the server never became ok")


@contextlib.contextmanager
def chorus_serve(
    data: Path, *, reached: str = "127.0.0.1", until_ok: bool = True, **environ: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`chorus serve` in a process of its own, on a free port, under the address `reached`."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    own = {"CHORUS_PORT": str(port), "CHORUS_DATA": str(data), "CHORUS_ASR_MODEL": "off"}
    environ = os.environ | own | environ
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    url = f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"
    try:
        if until_ok:
            wait_until_ok(url, process.poll)
        yield url, process
    finally:
        process.kill()
        process.communicate()
