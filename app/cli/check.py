"""`chorus check`."""

import asyncio
import sys
from pathlib import Path
from typing import TextIO

import click
import msgspec

from app.asr.base import Recognizer
from app.asr.verdict import Fault
from app.cli.say import read_text
from app.errors import TranscriptionUnavailable
from app.lifecycle import Lifecycle
from app.observability.log import configure_logging
from app.settings import Settings, load_settings
from app.transcription.alignment import AlignmentService, RecordingAlignment
from app.transcription.files import read_recording
from app.transcription.service import TranscriptionService

MAX_RECORDING_S = 86_400.0
"""The setting protects a shared server."""
MAX_WAIT_S = 1e9


@click.command()
@click.argument("recording", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--text", help="What the recording should say; `-` reads it from standard input.")
@click.option("-f", "--text-file", "source", type=click.File(encoding="utf-8"), help="Read the text from a file.")
@click.option("--language", default="", help="A code such as de, or the English name; detected by default.")
@click.option("--json", "as_json", is_flag=True, help="Print an object as POST /v1/audio/alignments answers it.")
def check(recording: Path, text: str | None, source: TextIO | None, language: str, as_json: bool) -> None:
    """Compare a recording with the text that it should say.

    Prints for each sentence whether it is said as it is written, and what is missing, repeated or too much. The exit
    status is 1 where a sentence failed.
    """
    from app.asr.factory import build_recognizer
    from app.asr.installation import choose_model

    if (text is None) == (source is None):
        raise click.UsageError("give the text that the recording should say, with --text or with --text-file")
    written = read_text(source or sys.stdin) if text is None or text == "-" else text
    configure_logging("error", "text")
    settings = load_settings(max_recording_s=MAX_RECORDING_S, request_timeout_s=MAX_WAIT_S)
    choice = choose_model(settings)
    if choice.kind == "none":
        raise TranscriptionUnavailable(choice.reason)

    async def run() -> RecordingAlignment:
        recognizer = await asyncio.to_thread(build_recognizer, settings, choice)
        return await check_recording(recognizer, settings, recording, written, language)

    checked = asyncio.run(run())
    click.echo(msgspec.json.format(msgspec.json.encode(checked)).decode() if as_json else report(checked))
    if checked.verdict == "failed":
        sys.exit(1)


async def check_recording(
    recognizer: Recognizer, settings: Settings, recording: Path, text: str, language: str
) -> RecordingAlignment:
    """Align a file with `text`; closes the recogniser. Raises UnreadableAudio and what AlignmentService raises."""
    lifecycle = Lifecycle()
    lifecycle.is_ready()
    try:
        service = AlignmentService(TranscriptionService(recognizer, settings, lifecycle))
        service.check(language)
        samples = await read_recording(recording, settings.max_recording_s)
        return await service.align(samples, text, language)
    finally:
        await recognizer.aclose()


def report(checked: RecordingAlignment) -> str:
    """Lines for people: each sentence, and below it what is wrong."""
    lines: list[str] = []
    for sentence in checked.sentences:
        reason = f" ({sentence.reason})" if sentence.reason else ""
        lines.append(f"{sentence.verdict:12} {sentence.start_s:8.2f} s  {sentence.text}{reason}")
        lines += [f"    {_shown(fault)}" for fault in sentence.faults]
    return "\n".join(lines)


def _shown(fault: Fault) -> str:
    where = f"{fault.start_s:.2f} to {fault.end_s:.2f} s"
    return f"{fault.kind.replace('_', ' ')}, {where}" + (f": {fault.text}" if fault.text else "")
