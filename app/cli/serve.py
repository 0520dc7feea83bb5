"""`chorus serve`: the app under uvicorn, with a shutdown that keeps its promises."""

import logging
import socket
import sys

import click
import uvicorn

from app.errors import AddressUnavailable, ChorusError
from app.log import configure_logging
from app.server.draining import DrainingServer
from app.server.protocols import protocol_options
from app.settings import Settings, load_settings
from app.speech.lifecycle import Lifecycle
from app.speech.storage import prepare_data_directory


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
