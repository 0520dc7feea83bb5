"""`chorus doctor`."""

import importlib.metadata
import platform
import sys
from collections.abc import Callable

import click

from app import __version__
from app.engine.factory import choose_engine
from app.engine.xtts.checkpoint.files import folder_of, is_folder, is_installed
from app.engine.xtts.checkpoint.inspection import inspect_checkpoint
from app.engine.xtts.device.driver import find_device
from app.errors import ChorusError, UnusableCheckpoint
from app.http.access.callers import Callers
from app.settings import Settings, load_settings
from app.text.lexicon_file import LexiconFile
from app.voices.files import prepare_data_directory

PROBLEM = "PROBLEM"
PACKAGES = ("litestar", "uvicorn", "av", "numpy", "onnxruntime", "hibari-tts", "torch", "torchaudio", "coqui-tts")


@click.command()
@click.option("--quiet", is_flag=True, help="Print problems only.")
def doctor(quiet: bool) -> None:
    """Check this machine and the checkpoint, without loading it; exit 1 when the server could not start."""
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
        if settings.lexicon:
            line("ok", f"lexicon: {len(LexiconFile(settings.lexicon))} entries")
        line("ok", f"data directory {settings.data.resolve()} can be written")
        name, reason = choose_engine(settings)
        line("ok", f"engine: {name}, because {reason}")
        if name == "xtts":
            _inspect(settings, line)
        elif settings.engine == "auto" and (is_folder(settings.model) or is_installed(settings.model, settings.data)):
            _inspect_unused(settings, line)
    except ChorusError as error:
        healthy = False
        line(PROBLEM, error.message)
    if not healthy:
        sys.exit(1)


def _inspect(settings: Settings, line: Callable[[str, str], None]) -> None:
    """Raises UnusableCheckpoint for what would end the server's start."""
    if not is_folder(settings.model) and not is_installed(settings.model, settings.data):
        line("-", f"{settings.model} is not downloaded: the server downloads it when it starts")
        return
    folder = folder_of(settings.model, settings.data)
    for finding in inspect_checkpoint(folder, precision=settings.precision, device=find_device(settings.device)):
        line("-" if finding.is_noteworthy else "ok", finding.text)


def _inspect_unused(settings: Settings, line: Callable[[str, str], None]) -> None:
    """A checkpoint that the server skips, because packages are missing; its faults are no problem."""
    try:
        _inspect(settings, line)
    except UnusableCheckpoint as error:
        line("-", error.message)
