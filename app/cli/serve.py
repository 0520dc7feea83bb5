"""`chorus serve`: the app under uvicorn."""

import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click
import uvicorn

from app.errors import ChorusError
from app.lifecycle import Lifecycle
from app.observability.log import configure_logging
from app.pools import switch_threads_often
from app.server.draining import DrainingServer
from app.server.listeners import open_listeners, shown_authority
from app.server.protocols import protocol_options
from app.settings import Settings, load_settings
from app.voices.files import prepare_data_directory


@click.command()
@click.option("--host", help="Addresses to listen on, separated by commas (CHORUS_HOST).")
@click.option("--port", type=int, help="Port to listen on (CHORUS_PORT).")
def serve(host: str | None, port: int | None) -> None:
    """Start the server."""
    from app.asr.installation import choose_model
    from app.engine.factory import choose_engine
    from app.server.app import create_app

    switch_threads_often()
    settings = load_settings(host=host, port=port)
    configure_logging(settings.log_level, settings.log_format)
    # Faults of the settings are reported before a port is opened.
    prepare_data_directory(settings.data)
    choose_engine(settings)
    choose_model(settings)
    failures: list[ChorusError] = []

    def stop(error: ChorusError) -> None:
        failures.append(error)
        server.should_exit = True

    lifecycle = Lifecycle()
    app = create_app(settings, lifecycle=lifecycle, on_failure=stop)
    listeners = open_listeners(settings.host, settings.port, port_setting="CHORUS_PORT")
    config = uvicorn.Config(
        app,  # pyright: ignore[reportArgumentType] - uvicorn's ASGI types and ours name the same dictionaries
        lifespan="on",
        # uvloop accepts one connection in each turn of the loop (docs/decisions/server.md, 128).
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        **protocol_options(settings.client_timeout_s),
        # DrainingServer has waited before; this is for answers that are cut off.
        timeout_graceful_shutdown=1,
        # Longer than any Retry-After, so that a client that waits as told finds its connection open.
        timeout_keep_alive=75,
    )
    server = DrainingServer(config, lifecycle, settings.drain_timeout_s)
    _greet(settings, [f"http://{shown_authority(listener)}" for listener in listeners])
    server.run(listeners)
    _leave_at_once(1 if failures or not server.started or server.num_cut else 0)


def _greet(settings: Settings, urls: Sequence[str]) -> None:
    if settings.log_format == "json":  # read by a program
        logging.getLogger(__name__).info("starting on %s", ", ".join(urls))
        return
    example = """-H 'Content-Type: application/json' -d '{"text": "Hello there."}' -o hello.wav"""
    if settings.api_keys or settings.api_keys_file:
        example = f"-H 'Authorization: Bearer KEY' {example}"
    click.echo(
        f"Chorus is starting. Open {' or '.join(urls)}, or hear it speak:\n\n  curl {urls[0]}/tts {example}\n", err=True
    )


def _leave_at_once(status: int) -> NoReturn:
    """End the process without the interpreter's own end, which can crash and would change the status.

    The thread that loads the engine cannot be interrupted, and would be stopped in the middle of native code. Its files
    are complete under their final name or not there (app/engine/xtts/checkpoint/download.py). And msgspec 0.22 frees
    types twice when modules are cleared, after requests of many kinds (msgspec's issue 717). All that the server holds
    is closed before.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
