"""`chorus transcribe`."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import click

from app.asr.base import Recognizer
from app.cli.output import open_output
from app.errors import ChorusError, InvalidField, TranscriptionUnavailable, UnreadableAudio
from app.lifecycle import Lifecycle
from app.observability.log import configure_logging
from app.settings import Settings, load_settings
from app.transcription.files import transcribe_files
from app.transcription.formats import FILE_SUFFIXES, writer_for
from app.transcription.request import TranscriptionOptions
from app.transcription.service import TranscriptionService
from app.transcription.transcript import Transcript

MAX_RECORDING_S = 86_400.0
"""The setting protects a shared server."""
MAX_WAIT_S = 1e9

Writer = Callable[[Transcript], str]


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, allow_dash=True), metavar="FILE...")
@click.option("-o", "--output", help="File to write, its ending gives the format; of several FILEs the folder.")
@click.option("--format", "format_name", type=click.Choice([suffix[1:] for suffix in FILE_SUFFIXES]),
              help="Where the ending does not say: txt by default.")  # fmt: skip
@click.option("--language", default="", help="A code such as de, or the English name; detected by default.")
@click.option("--translate", is_flag=True, help="Into English.")
@click.option("--prompt", default="", help="Text before the recording: the spelling of names, style.")
@click.option("--words", is_flag=True, help="Times of words: in .json, and a caption for each in .srt and .vtt.")
def transcribe(
    files: tuple[Path, ...],
    output: str | None,
    format_name: str | None,
    language: str,
    translate: bool,
    prompt: str,
    words: bool,
) -> None:
    """Turn recordings into text: FILEs, or what comes in on standard input.

    Several files share the work of the model. A file that cannot be read is reported; the others are transcribed, and
    the exit status is 1.
    """
    from app.asr.factory import build_recognizer
    from app.asr.installation import choose_model

    files = files or (Path("-"),)
    targets, write = choose_targets(files, output, format_name, words=words)
    configure_logging("error", "text")
    settings = load_settings(max_recording_s=MAX_RECORDING_S, request_timeout_s=MAX_WAIT_S)
    choice = choose_model(settings)
    if choice.kind == "none":
        raise TranscriptionUnavailable(choice.reason)
    options = TranscriptionOptions(
        task="translate" if translate else "transcribe", language=language, prompt=prompt, words=words
    )

    async def run() -> bool:
        recognizer = await asyncio.to_thread(build_recognizer, settings, choice)
        return await transcribe_to_files(recognizer, settings, files, targets, options, write)

    if not asyncio.run(run()):
        sys.exit(1)


async def transcribe_to_files(
    recognizer: Recognizer,
    settings: Settings,
    files: Sequence[Path],
    targets: Sequence[str],
    options: TranscriptionOptions,
    write: Writer,
) -> bool:
    """Write the text of each file to its target as soon as it is there; closes the recogniser. False if one failed."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    share = TextColumn("{task.percentage:.0f} %")
    columns = (TextColumn("{task.description}"), BarColumn(), share, TimeRemainingColumn())
    lifecycle = Lifecycle()
    lifecycle.is_ready()
    service = TranscriptionService(recognizer, settings, lifecycle)
    is_complete = True
    try:
        inputs = [_standard_input() if str(path) == "-" else path for path in files]
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            bars = [progress.add_task(path.name, total=None, visible=False) for path in files]

            def show(index: int, done_s: float, total_s: float) -> None:
                progress.update(bars[index], completed=done_s, total=total_s, visible=True)

            async for outcome in transcribe_files(service, inputs, options, on_progress=show):
                progress.update(bars[outcome.index], visible=False)
                target = targets[outcome.index]
                if isinstance(outcome.result, ChorusError):
                    is_complete = False
                    click.echo(f"Error: {outcome.result.message}", err=True)
                    continue
                _write(target, write(outcome.result), title=str(files[outcome.index]) if len(files) > 1 else None)
                receipt = outcome.result.receipt
                where = "" if target == "-" else f"{target}: "
                click.echo(f"{where}{receipt.duration_s:.1f} s of audio in {receipt.total_s:.2f} s", err=True)
    finally:
        await recognizer.aclose()
    return is_complete


def _standard_input() -> BinaryIO:
    """A reader of its own: Python aborts at its end if a thread still reads from `sys.stdin`.

    Raises UnreadableAudio for a closed one.
    """
    try:
        return open(0, "rb", buffering=0, closefd=False)
    except OSError as error:
        raise UnreadableAudio(f"standard input cannot be read: {error.strerror}", param="file") from error


def _write(target: str, text: str, *, title: str | None) -> None:
    """`title`: a line above the text on standard output, which several files share."""
    heading = f"==> {title} <==\n" if title is not None and target == "-" else ""
    with open_output(target) as file:
        file.write((heading + text).encode())


def choose_targets(
    files: Sequence[Path], output: str | None, format_name: str | None, *, words: bool
) -> tuple[list[str], Writer]:
    """The output of each file, `-` for standard output, and the writer of them all. Raises InvalidField."""
    suffix = f".{format_name}" if format_name is not None else None
    if output is None or output == "-":
        return ["-"] * len(files), _writer(suffix or ".txt", words=words)
    if len(files) == 1 and not Path(output).is_dir():
        return [output], _writer(suffix or Path(output).suffix, words=words, output=output)
    if not Path(output).is_dir():
        raise InvalidField(f"{output} is no folder, which --output must name for several files")
    chosen = suffix or ".txt"
    targets = [str(Path(output, ("recording" if str(path) == "-" else path.stem) + chosen)) for path in files]
    if twice := {target for target in targets if targets.count(target) > 1}:
        raise InvalidField(f"two of the files would be written to {min(twice)}: rename one, or give it alone")
    return targets, _writer(chosen, words=words)


def _writer(suffix: str, *, words: bool, output: str = "") -> Writer:
    write = writer_for(suffix, words=words)
    if write is None:
        known = ", ".join(FILE_SUFFIXES)
        raise InvalidField(f"{output} has no ending that gives a format; known are {known}, or add --format")
    return write
