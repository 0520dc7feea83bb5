"""`chorus doctor`."""

import importlib.metadata
import platform
import sys
from collections.abc import Callable
from functools import partial

import click

from app import __version__
from app.asr.inspection import inspect_recognizer
from app.engine.factory import choose_engine
from app.engine.xtts.checkpoint.files import folder_of, is_installed
from app.engine.xtts.checkpoint.inspection import inspect_checkpoint
from app.engine.xtts.device.driver import find_device
from app.errors import ChorusError, UnusableCheckpoint
from app.http.access.callers import Callers
from app.settings import Settings, load_settings
from app.speech.signing.opening import SELF_MADE, open_signer
from app.text.lexicon_file import LexiconFile
from app.voices.files import prepare_data_directory
from app.weights.files import Finding
from app.weights.names import is_folder

Line = Callable[[str, str], None]
"""Prints a mark and a text."""

PROBLEM = "PROBLEM"
PACKAGES = ("litestar", "uvicorn", "av", "numpy", "onnxruntime", "hibari-tts")
XTTS_PACKAGES = ("torch", "torchaudio", "coqui-tts")
SIGNING_PACKAGES = ("c2pa-python",)
ASR_PACKAGES = ("ctranslate2", "faster-whisper")
NEEDED_FOR = (
    dict.fromkeys(PACKAGES, "every server needs it: `pip install --force-reinstall chorus-tts-server`")
    | dict.fromkeys(XTTS_PACKAGES, "the XTTS engine needs it; the embedded voice does not")
    | dict.fromkeys(
        SIGNING_PACKAGES, "signing files (C2PA) needs it: `make c2pa`, or `pip install 'chorus-tts-server[c2pa]'`"
    )
    | dict.fromkeys(ASR_PACKAGES, "speech to text needs it: `make asr`, or `pip install 'chorus-tts-server[asr]'`")
)


@click.command()
@click.option("--quiet", is_flag=True, help="Print problems only.")
def doctor(quiet: bool) -> None:
    """Check this machine and the models, without loading them; exit 1 when the server could not start."""
    healthy = True

    def line(mark: str, what: str) -> None:
        if mark == PROBLEM or not quiet:
            click.echo(f"{mark:>7}  {what}")

    line("ok", f"Chorus {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    for package, need in NEEDED_FOR.items():
        try:
            line("ok", f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            line("-", f"{package} is not installed ({need})")

    def check(part: Callable[[], None]) -> None:
        nonlocal healthy
        try:
            part()
        except ChorusError as error:
            healthy = False
            line(PROBLEM, error.message)

    def check_all() -> None:
        settings = load_settings()
        line("ok", "settings can be read")
        check(partial(_check_folders, settings, line))
        check(partial(_check_marks, settings, line))
        check(partial(_check_engine, settings, line))
        check(partial(_check_recognizer, settings, line))

    check(check_all)
    if not healthy:
        sys.exit(1)


def _check_folders(settings: Settings, line: Line) -> None:
    prepare_data_directory(settings.data)
    callers = Callers(settings)
    line("ok", f"callers: {len(callers)}, by API key" if callers.needs_key else "callers: everybody, without a key")
    if settings.lexicon:
        line("ok", f"lexicon: {len(LexiconFile(settings.lexicon))} entries")
    line("ok", f"data directory {settings.data.resolve()} can be written")


def _check_marks(settings: Settings, line: Line) -> None:
    """Makes no certificate. Raises InvalidSetting for one that cannot sign."""
    line("ok", f"marks of synthetic speech: {settings.marks.shown}")
    if "c2pa" not in settings.marks.in_force:
        return
    if not settings.c2pa_cert and not settings.c2pa_key and not (settings.data / SELF_MADE).exists():
        line("ok", "files are signed with a self-made certificate, which the first start makes")
        return
    signer = open_signer(settings, keeps=False)
    if signer is not None:
        reason = signer.unsigned_reason
        line("ok" if reason is None else "-", reason or f"files are signed with the certificate of {signer.source}")


def _check_engine(settings: Settings, line: Line) -> None:
    name, reason = choose_engine(settings)
    line("ok", f"engine: {name}, because {reason}")
    if name == "xtts":
        _inspect(settings, line)
    elif settings.engine == "auto" and (is_folder(settings.model) or is_installed(settings.model, settings.data)):
        _inspect_unused(settings, line)


def _check_recognizer(settings: Settings, line: Line) -> None:
    for finding in inspect_recognizer(settings):
        _print(finding, line)


def _inspect(settings: Settings, line: Line) -> None:
    """Raises UnusableCheckpoint for what would end the server's start."""
    if not is_folder(settings.model) and not is_installed(settings.model, settings.data):
        line("-", f"{settings.model} is not downloaded: the server downloads it when it starts")
        return
    folder = folder_of(settings.model, settings.data)
    for finding in inspect_checkpoint(folder, precision=settings.precision, device=find_device(settings.device)):
        _print(finding, line)


def _print(finding: Finding, line: Line) -> None:
    line("-" if finding.is_noteworthy else "ok", finding.text)


def _inspect_unused(settings: Settings, line: Line) -> None:
    """A checkpoint that the server skips, because packages are missing; its faults are no problem."""
    try:
        _inspect(settings, line)
    except UnusableCheckpoint as error:
        line("-", error.message)
