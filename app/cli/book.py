"""`chorus book`."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from app.books.acx import find_faults
from app.books.assembly import Finished
from app.books.audio_file import BookFormat
from app.books.book import Book
from app.books.cast import Cast, read_cast
from app.books.choosing import Numbered, choose_chapters, count_chars
from app.books.make import BookOptions, job_folder
from app.books.speaking import Progress
from app.books.timing import CaptionFormat
from app.cli.book_files import Target
from app.cli.book_progress import duration
from app.cli.book_run import MAX_RETRIES, Wishes, make_book, read_source
from app.observability.log import configure_logging
from app.pools import switch_threads_often
from app.settings import load_settings
from app.speech.request import MAX_SEED, MAX_SPEED, MIN_SPEED

WORDS_PER_MINUTE = 150
PAUSED = 130


@click.command()
@click.argument("source", metavar="FILE")
@click.option("-o", "--output", help="File to write, its ending gives the format; a folder gets a file a chapter.")
@click.option("--format", "format_name", type=click.Choice([each.value for each in BookFormat]),
              help="Where the ending does not say; of a folder mp3 by default.")  # fmt: skip
@click.option("--voice", help="A voice from `chorus voices`; the first one by default.")
@click.option("--cast", "cast_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="TOML file of names in the book and their voices.")  # fmt: skip
@click.option("--language", default="", help="The book's own by default, or English where it names none.")
@click.option("--chapters", "wanted", help="Numbers from --list, such as 3-7 or 1,4,9-.")
@click.option("--speed", type=click.FloatRange(MIN_SPEED, MAX_SPEED), default=1.0, show_default=True)
@click.option("--seed", type=click.IntRange(0, MAX_SEED), default=0, show_default=True,
              help="Another seed is another reading.")  # fmt: skip
@click.option("--lexicon", type=click.Path(exists=True, dir_okay=False),
              help="TOML file of words and how they are said (CHORUS_LEXICON).")  # fmt: skip
@click.option(
    "--server", metavar="URL", help="A running server speaks the book; its key is the first of CHORUS_API_KEYS."
)
@click.option("--preview", is_flag=True, help="Only the first minute of each chapter; the whole book reuses it.")
@click.option("--captions", type=click.Choice([each.value for each in CaptionFormat]),
              help="Also write which text is heard when, beside each file.")  # fmt: skip
@click.option("--check", type=click.Choice(["report", "retry"]),
              help="Compare each segment with its text; retry reads failed ones again. Needs `make asr`.")  # fmt: skip
@click.option("--report", type=click.Path(dir_okay=False),
              help="JSON file: each segment's times, loudness and doubts.")  # fmt: skip
@click.option("--keep/--clean", "keeps", default=True, show_default=True,
              help="Keep the segments for changes, or remove them when the file is written and read back.")  # fmt: skip
@click.option("--list", "is_listing", is_flag=True, help="List the chapters and stop.")
@click.option("--acx", is_flag=True, help="Check the levels that audiobook shops ask for; exit status 1 if one fails.")
def book(
    source: str,
    output: str | None,
    format_name: str | None,
    voice: str | None,
    cast_file: Path | None,
    language: str,
    wanted: str | None,
    speed: float,
    seed: int,
    lexicon: str | None,
    server: str | None,
    preview: bool,
    captions: str | None,
    check: str | None,
    report: str | None,
    keeps: bool,
    is_listing: bool,
    acx: bool,
) -> None:
    """Make an audiobook of FILE: .epub, .docx, .txt, .md or .html, a folder of such files, or standard input (`-`).

    Ctrl-C pauses, and the same command goes on. After a change of the text only the changed sentences are spoken again.
    """
    if output is None and not is_listing:
        raise click.UsageError("give --output, or --list to see the chapters")
    configure_logging("error", "text")
    switch_threads_often()
    settings = load_settings(max_text_chars=sys.maxsize, lexicon=lexicon)
    found = asyncio.run(read_source(source))
    for warning in found.warnings:
        click.echo(f"warning: {warning}", err=True)
    chapters = choose_chapters(found, wanted, field="--chapters")
    if output is None or is_listing:
        _list(found, chapters)
        return
    if server is not None and not server.startswith(("http://", "https://")):
        raise click.UsageError(f"--server {server}: write an address such as http://127.0.0.1:8000")
    if server is not None and lexicon is not None:
        raise click.UsageError("--lexicon: the server reads its own, so leave one of --lexicon and --server out")
    cast = Cast() if cast_file is None else read_cast(cast_file)
    if cast.narrator is not None and voice is not None:
        raise click.UsageError(f"--voice {voice}: {cast_file} names the narrator already; leave one of them out")
    target = Target(output, format_name)
    options = BookOptions(source=source, voice=voice, language=language, speed=speed, seed=seed, is_preview=preview)
    wishes = Wishes(
        target=target,
        captions=None if captions is None else CaptionFormat(captions),
        report=None if report is None else Path(report),
        max_retries={None: None, "report": 0, "retry": MAX_RETRIES}[check],
        keeps=keeps,
        server=server,
    )
    wishes.check()
    progress = Progress(num_chars=count_chars(chapters, is_preview=preview))
    try:
        finished = asyncio.run(make_book(settings, found, chapters, options, cast, wishes, progress))
    except KeyboardInterrupt:
        share = min(99, 100 * progress.done_chars // progress.num_chars)
        click.echo(f"paused at {share} %: the same command goes on", err=True)
        sys.exit(PAUSED)
    for warning in progress.warnings:
        click.echo(f"warning: {warning}", err=True)
    _report(target, finished)
    if progress.num_doubtful:
        click.echo(f"doubtful segments: {progress.num_doubtful}; --report FILE names them", err=True)
    if keeps:
        folder = job_folder(settings.data, target.path)
        click.echo(f"the segments stay in {folder}, for changes; --clean removes them", err=True)
    if acx and not _passes_acx(finished):
        sys.exit(1)


def _list(book: Book, chapters: Sequence[Numbered]) -> None:
    click.echo(f"{book.title}{f', {book.author}' if book.author else ''}")
    for number, chapter in chapters:
        words = chapter.num_words
        click.echo(f"{number:>5}  {duration(60 * words / WORDS_PER_MINUTE):>10}  {words:>7} words  {chapter.title}")
    total = sum(chapter.num_words for _, chapter in chapters)
    click.echo(f"{'':>5}  {duration(60 * total / WORDS_PER_MINUTE):>10}  {total:>7} words  in all")


def _report(target: Target, finished: Finished) -> None:
    loudness = finished.loudness
    seconds = sum(chapter.seconds for chapter in finished.chapters)
    click.echo(
        f"{target.path}: {duration(seconds)} in {len(finished.chapters)} chapters, "
        f"{loudness.integrated_lufs:.1f} LUFS, true peak {loudness.true_peak_dbtp:.1f} dBTP "
        f"(gain {finished.gain_db:+.1f} dB)",
        err=True,
    )


def _passes_acx(finished: Finished) -> bool:
    passes = True
    for chapter in finished.chapters:
        faults = find_faults(chapter)
        passes = passes and not faults
        levels = f"RMS {chapter.rms_dbfs:.1f} dB, peak {chapter.peak_dbfs:.1f} dB, noise {chapter.noise_dbfs:.1f} dB"
        click.echo(f"{'FAILS' if faults else 'passes'}  {chapter.title}: {'; '.join(faults) or levels}")
    click.echo("ACX also asks for MP3 files at 44.1 kHz and 192 kbit/s, one a chapter: convert these before you upload")
    return passes
