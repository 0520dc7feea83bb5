"""`chorus serve`: the app under uvicorn, with a shutdown that keeps its promises."""

import asyncio
import contextvars
import importlib.util
import logging
import socket
import sys
from functools import partial
from types import FrameType
from typing import Any

import click
import uvicorn

from app.errors import AddressUnavailable, ChorusError
from app.log import configure_logging
from app.settings import Settings, load_settings
from app.speech.lifecycle import Lifecycle
from app.speech.storage import prepare_data_directory

MAX_WEBSOCKET_MESSAGE_BYTES = 1024 * 1024


class DrainingServer(uvicorn.Server):
    """On the first SIGTERM or SIGINT: finish what is in flight, answer 503 to the rest, exit 0. On the second: stop.

    uvicorn alone closes its listening socket first, and new callers get a refused connection instead of an answer.
    """

    def __init__(self, config: uvicorn.Config, lifecycle: Lifecycle, drain_timeout_s: float) -> None:
        super().__init__(config)
        self._lifecycle = lifecycle
        self._drain_timeout_s = drain_timeout_s
        self._draining: asyncio.Task[None] | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._draining is None:
            # A signal interrupts whatever runs: the shutdown is no part of that request.
            self._draining = asyncio.get_event_loop().create_task(self._drain(), context=contextvars.Context())
        else:
            self.force_exit = self.should_exit = True

    async def _drain(self) -> None:
        logging.getLogger(__name__).info("shutting down: %d requests in flight", self._lifecycle.num_in_flight)
        if not await self._lifecycle.drain(self._drain_timeout_s):
            logging.getLogger(__name__).warning("%d requests are cut off", self._lifecycle.num_in_flight)
        self.should_exit = True


@click.command()
@click.option("--host", help="Address to listen on (CHORUS_HOST).")
@click.option("--port", type=int, help="Port to listen on (CHORUS_PORT).")
def serve(host: str | None, port: int | None) -> None:
    """Start the server."""
    from app.engine.factory import choose_engine
    from app.main import create_app

    settings = load_settings(host=host, port=port)
    configure_logging(settings.log_level, settings.log_format)
    # What cannot work is told before a port is opened.
    prepare_data_directory(settings.data)
    choose_engine(settings)
    failures: list[ChorusError] = []

    def stop(error: ChorusError) -> None:
        failures.append(error)
        server.should_exit = True

    lifecycle = Lifecycle()
    app = create_app(settings, lifecycle=lifecycle, on_failure=stop)
    listener = _listen(settings.host, settings.port)
    config = uvicorn.Config(
        app,  # pyright: ignore[reportArgumentType] - uvicorn's ASGI types and ours name the same dictionaries
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        **protocol_options(settings.client_timeout_s),
        timeout_graceful_shutdown=5,
        # Longer than any Retry-After: who waits as told must not find the connection closed under the next try.
        timeout_keep_alive=75,
    )
    server = DrainingServer(config, lifecycle, settings.drain_timeout_s)
    _greet(settings, listener.getsockname()[1])
    server.run([listener])
    if failures or not server.started:
        sys.exit(1)


def protocol_options(client_timeout_s: float) -> dict[str, Any]:  # Any: uvicorn's own values
    """How uvicorn reads requests and sockets, with bounds for what strangers send."""
    return {
        "http": _http_protocol(client_timeout_s),
        "ws": "websockets-sansio",  # stops reading while the app does not take what came
        "ws_max_size": MAX_WEBSOCKET_MESSAGE_BYTES,
        # One read unpacks all it holds before anybody can stop it, and audio does not get smaller.
        "ws_per_message_deflate": False,
    }


def _http_protocol(head_timeout_s: float) -> Any:  # Any: uvicorn asks for a class, and calls it
    """With bounds for the head; where httptools is not made for, h11, which has a bound of its own."""
    if importlib.util.find_spec("httptools") is None:
        return "h11"
    from app.cli.head_limits import BoundedHeadProtocol

    return partial(BoundedHeadProtocol, head_timeout_s=head_timeout_s)


def _listen(host: str, port: int) -> socket.socket:
    """The open port, or AddressUnavailable: told before the engine is loaded."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise AddressUnavailable(
            f"cannot listen on {host} port {port}: {str(error.strerror).lower()}; another goes in CHORUS_PORT",
            param="CHORUS_PORT",
        ) from error
    # asyncio's own loop does not set it on such a socket (uvloop does), and every small answer would wait 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _greet(settings: Settings, port: int) -> None:
    host = settings.host
    shown_host = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - only shown
    url = f"http://[{shown_host}]:{port}" if ":" in shown_host else f"http://{shown_host}:{port}"
    if settings.log_format == "json":  # who reads it is a program
        logging.getLogger(__name__).info("starting on %s", url)
        return
    example = """-H 'Content-Type: application/json' -d '{"text": "Hello there."}' -o hello.wav"""
    if settings.api_keys or settings.api_keys_file:
        example = f"-H 'Authorization: Bearer KEY' {example}"
    click.echo(f"Chorus is starting. Open {url}, or hear it speak:\n\n  curl {url}/tts {example}\n", err=True)
