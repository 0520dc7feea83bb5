"""`chorus doctor`: what is installed, which engine would run and why, what is missing."""

import importlib.metadata
import platform
import sys

import click

from app import __version__
from app.engine.factory import choose_engine
from app.errors import ChorusError
from app.http.callers import Callers
from app.settings import load_settings
from app.speech.storage import prepare_data_directory

PROBLEM = "PROBLEM"
PACKAGES = ("litestar", "uvicorn", "av", "numpy", "onnxruntime", "hibari-tts", "torch", "torchaudio", "coqui-tts")


@click.command()
@click.option("--quiet", is_flag=True, help="Print problems only.")
def doctor(quiet: bool) -> None:
    """Check this machine; exit 1 when the server could not start."""
    healthy = True

    def line(mark: str, what: str) -> None:
        if mark == PROBLEM or not quiet:
            click.echo(f"{mark:>7}  {what}")

    line("ok", f"Chorus {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    for package in PACKAGES:
        try:
            line("ok", f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            line("-", f"{package} is not installed (the XTTS engine needs it; the embedded voice does not)")
    try:
        settings = load_settings()
        line("ok", "settings can be read")
        prepare_data_directory(settings.data)
        callers = Callers(settings)
        line("ok", f"callers: {len(callers)}, by API key" if callers.needs_key else "callers: everybody, without a key")
        line("ok", f"data directory {settings.data.resolve()} can be written")
        name, reason = choose_engine(settings)
        line("ok", f"engine: {name}, because {reason}")
    except ChorusError as error:
        healthy = False
        line(PROBLEM, error.message)
    if not healthy:
        sys.exit(1)
