"""`chorus say`."""

import asyncio
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO, TextIO

import click
import numpy as np

from app.asr.base import Recognizer
from app.audio.formats import MAX_RATE_HZ, MIN_RATE_HZ, AudioFormat, OutputFormat, format_for_suffix, parse_format
from app.audio.output import open_output_encoder
from app.cli.output import is_same, is_seekable, open_output
from app.engine.factory import build_engine
from app.errors import InvalidField, TranscriptionUnavailable
from app.lifecycle import Lifecycle
from app.observability.log import configure_logging
from app.settings import Settings, load_settings
from app.speech.captions import CAPTION_SUFFIXES, write_captions
from app.speech.events import SegmentEnded
from app.speech.receipt import Receipt
from app.speech.request import SpeechRequest
from app.speech.service import SpeechService
from app.speech.signing.opening import open_signer
from app.startup import unchecked, untimed
from app.text.markup import Markup


@click.command()
@click.argument("text", required=False)
@click.option("-f", "--file", "source", type=click.File(encoding="utf-8"), help="Read the text from a file.")
@click.option("-o", "--output", required=True, help="File to write, its ending gives the format; `-` for a pipe.")
@click.option("--captions", help="Also write which text is heard when: a .srt, .vtt or .json file.")
@click.option("--words", is_flag=True, help="Captions of words in place of segments; needs `make asr`.")
@click.option(
    "--format", "format_name", help="wav, pcm, mp3, opus, aac, flac, ulaw or alaw, where the ending does not say."
)
@click.option(
    "--rate",
    type=click.IntRange(MIN_RATE_HZ, MAX_RATE_HZ),
    help="Samples a second; the engine's by default, 8000 for ulaw and alaw.",
)
@click.option("--voice", help="A voice from `chorus voices`; the first one by default.")
@click.option("--language", default="", help="English by default, or the first language of an engine without it.")
@click.option(
    "--markup",
    type=click.Choice([markup.value for markup in Markup]),
    default=Markup.AUTO.value,
    show_default=True,
    help="How marks in the text are read: Markdown and HTML, SSML, or as characters.",
)
@click.option("--speed", type=click.FloatRange(0.5, 2.0), default=1.0, show_default=True)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Same text, voice and seed: same audio.")
def say(
    text: str | None,
    source: TextIO | None,
    output: str,
    captions: str | None,
    words: bool,
    format_name: str | None,
    rate: int | None,
    voice: str | None,
    language: str,
    markup: str,
    speed: float,
    seed: int | None,
) -> None:
    """Speak TEXT, a file, or what comes in on standard input, into a file."""
    if text not in (None, "-") and source is not None:
        raise click.UsageError("give the text or --file, not both")
    said = read_text(source or sys.stdin) if text is None or text == "-" else text
    file_format = OutputFormat(_choose_format(output, format_name), rate)
    suffix = None if captions is None else _choose_captions(captions)
    if words and captions is None:
        raise click.UsageError("--words needs --captions, the file for their times")
    if captions is not None and is_same(captions, output):
        raise click.UsageError("give --output and --captions different names")
    configure_logging("error", "text")
    request = SpeechRequest(
        text=said,
        language=language,
        markup=Markup(markup),
        speaker_id=voice,
        speed=speed,
        seed=seed,
        word_times=words,
    )
    # The limit protects a shared server.
    settings = load_settings(max_text_chars=sys.maxsize)
    # Opened before the first word, so that an unwritable folder is reported before a chapter is spoken.
    with nullcontext() if captions is None else open_output(captions) as captions_file:
        with open_output(output) as file:
            receipt = asyncio.run(_speak(request, settings, file_format, file, is_seekable=is_seekable(output)))
        if captions_file is not None and suffix is not None:
            written = write_captions(suffix, receipt.segments, receipt.words if words else None)
            captions_file.write(written.encode())
    for warning in receipt.warnings:
        click.echo(f"warning: {warning}", err=True)
    where = "" if output == "-" else f"{output}: "
    click.echo(f"{where}{receipt.audio_s:.1f} s of speech in {receipt.total_s:.2f} s", err=True)


def read_text(source: TextIO) -> str:
    """All of a file. Raises InvalidField where it is not UTF-8."""
    try:
        return source.read()
    except UnicodeDecodeError as error:
        raise InvalidField(f"{source.name} is not UTF-8 text ({error.reason} at byte {error.start})") from error


def _choose_format(output: str, format_name: str | None) -> AudioFormat:
    if format_name is not None:
        return parse_format(format_name)
    if output == "-":
        return AudioFormat.WAV
    suffix = Path(output).suffix
    if not suffix:
        raise InvalidField(f"{output} has no ending that gives a format; add one such as .wav, or --format")
    return format_for_suffix(suffix)


def _choose_captions(captions: str) -> str:
    """The ending of a file for captions. Raises InvalidField."""
    suffix = Path(captions).suffix.lower()
    if suffix in CAPTION_SUFFIXES:
        return suffix
    known = ", ".join(CAPTION_SUFFIXES)
    raise InvalidField(f"{captions} has no ending that gives a caption format; known are {known}")


async def _speak(
    request: SpeechRequest, settings: Settings, output: OutputFormat, file: BinaryIO, *, is_seekable: bool
) -> Receipt:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("speaking"), BarColumn(), TextColumn("{task.fields[audio]}"), TimeRemainingColumn())
    lifecycle = Lifecycle()
    lifecycle.is_ready()
    # A folder named `data` where somebody happens to be gets no key.
    signer = await asyncio.to_thread(open_signer, settings, keeps=False) if is_seekable else None
    recognizer = await asyncio.to_thread(open_recognizer, settings) if request.word_times else None
    engine = await asyncio.to_thread(build_engine, settings)
    service = SpeechService(engine, settings, lifecycle, recognizer=recognizer, signer=signer)
    try:
        speech = await service.speak(request)
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("", total=speech.num_segments, audio="")
            provenance = speech.receipt().provenance
            encoder = open_output_encoder(
                output, speech.sample_rate_hz, streaming=not is_seekable, provenance=provenance
            )
            async for event in speech:
                if isinstance(event, SegmentEnded):
                    progress.advance(task)
                elif isinstance(event, np.ndarray):
                    file.write(encoder.encode(event))
                    progress.update(task, audio=f"{speech.num_samples / speech.sample_rate_hz:.0f} s")
            rest = encoder.close()
            if speech.signer is not None and provenance is not None:
                rest = speech.signer.sign(rest, output.format.mime_type, provenance)  # all of a file that is whole
            file.write(rest)
        return speech.receipt()
    finally:
        await service.aclose()
        if recognizer is not None:
            await recognizer.aclose()


def open_recognizer(settings: Settings) -> Recognizer:
    """Raises TranscriptionUnavailable with the command that adds one."""
    from app.asr import factory

    recognizer, reason = factory.open_recognizer(settings, stage=untimed, check=unchecked)
    if recognizer is None:
        raise TranscriptionUnavailable(reason)
    return recognizer
