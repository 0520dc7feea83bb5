"""`chorus normalize`."""

import sys
from collections.abc import Callable
from typing import TextIO

import click
import msgspec

from app.errors import UnsupportedLanguage, quoted
from app.settings import Settings, load_settings
from app.text.languages import LANGUAGES, match_language
from app.text.markup import Markup


@click.command()
@click.argument("text", required=False)
@click.option("-f", "--file", "source", type=click.File(encoding="utf-8"), help="Read the text from a file.")
@click.option("--language", default="en", show_default=True, help="The language of the text.")
@click.option("--voice", help="A voice that CHORUS_LEXICON has words for.")
@click.option(
    "--markup",
    type=click.Choice([markup.value for markup in Markup]),
    default=Markup.AUTO.value,
    show_default=True,
    help="How marks in the text are read.",
)
@click.option("--json", "as_json", is_flag=True, help="Print an object as POST /normalize answers it.")
def normalize(
    text: str | None, source: TextIO | None, language: str, voice: str | None, markup: str, as_json: bool
) -> None:
    """Show what is said for TEXT, a file, or what comes in on standard input, and which rule did what."""
    from app.cli.say import read_text
    from app.speech.spoken_form import spoken_form
    from app.text.lexicon_file import LexiconFile

    if text not in (None, "-") and source is not None:
        raise click.UsageError("give the text or --file, not both")
    written = read_text(source or sys.stdin) if text is None or text == "-" else text
    settings = load_settings()
    code = match_language(language, tuple(LANGUAGES)) or language.strip().lower()
    find_unspoken = _find_unspoken(settings, code)
    if code not in LANGUAGES and find_unspoken is None:
        raise UnsupportedLanguage(f"{quoted(language)} is none of {', '.join(LANGUAGES)}", param="language")
    lexicon = LexiconFile(settings.lexicon)
    form = spoken_form(
        written,
        code,
        lambda language: lexicon.lexicons_for(language, voice),
        markup=Markup(markup),
        find_unspoken=find_unspoken or (lambda said, language: ""),
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(form)).decode())
        return
    for segment in form.segments:
        click.echo(segment.spoken)
        for change in segment.changes:
            click.echo(f"    {change.kind}: {change.written!r} -> {change.spoken!r}")
    for warning in form.warnings:
        click.echo(f"warning: {warning}", err=True)


def _find_unspoken(settings: Settings, language: str) -> Callable[[str, str], str] | None:
    """Return the engine's test for characters that it cannot pronounce; None where the engine is unknown."""
    from app.engine.factory import choose_engine
    from app.engine.xtts.checkpoint.files import folder_of, is_installed
    from app.weights.names import is_folder

    name, _ = choose_engine(settings)
    if name == "embedded":
        from app.engine import embedded

        return (lambda said, language: embedded.find_unspoken(said)) if language == "en" else None
    if not is_folder(settings.model) and not is_installed(settings.model, settings.data):
        return None
    from app.engine.xtts.text.pronounceable import find_unspoken, read_words

    words = read_words(folder_of(settings.model, settings.data) / "vocab.json")
    return lambda said, language: find_unspoken(said, language, words)
