"""`chorus voices`."""

import click

from app.engine.base import Speaker
from app.engine.listing import read_engine_voices
from app.observability.log import configure_logging
from app.settings import Settings, load_settings
from app.voices.manifest import VoiceModel
from app.voices.names import VoiceNames
from app.voices.store import VoiceStore
from app.voices.tombstones import FOLDER


@click.command()
@click.option("--deleted", is_flag=True, help="List the saved voices that were deleted, with their consent.")
def voices(deleted: bool) -> None:
    """List the voices of the engine that would serve, and the saved ones that it can speak with."""
    configure_logging("warning" if deleted else "error", "text")
    settings = load_settings()
    if deleted:
        _show_deleted(settings)
    else:
        _show(settings)


def _show(settings: Settings) -> None:
    from rich.console import Console
    from rich.table import Table

    known = read_engine_voices(settings)
    store = VoiceStore(settings.data, VoiceModel(known.model, known.identity), max_voices=settings.max_voices)
    saved = [
        Speaker(id=voice.id, name=voice.name, languages=known.languages, source="saved", aliases=voice.aliases)
        for voice in store.list()
    ]
    table = Table("id", "name", "aliases", "languages", "source", title=f"{known.engine} engine ({known.model})")
    for speaker in VoiceNames(settings.voice_aliases).shown((*known.speakers, *saved)):
        table.add_row(
            speaker.id, speaker.name, ", ".join(speaker.aliases), ", ".join(speaker.languages), speaker.source
        )
    Console().print(table)


def _show_deleted(settings: Settings) -> None:
    """Each record as lines of text: a digest must not be broken, and a statement may be long."""
    tombstones = VoiceStore(settings.data, VoiceModel(""), max_voices=0).list_deleted()
    for voice in tombstones:
        click.echo(f"{voice.id}  {_plain(voice.name)}")
        click.echo(f"  deleted     {voice.deleted_at:%Y-%m-%d %H:%M:%S} UTC by {voice.deleted_by or '-'}")
        click.echo(f"  saved       {voice.created_at:%Y-%m-%d %H:%M:%S} UTC with {_plain(voice.model)}")
        if voice.imported_at is not None:
            by = voice.imported_by or "-"
            click.echo(f"  imported    {voice.imported_at:%Y-%m-%d %H:%M:%S} UTC by {by}")
        click.echo(f"  consent     {_plain(voice.consent or 'none was kept with this voice')}")
        click.echo(f"  sent by     {voice.sent_by or '-'}")
        if voice.stated_at is not None:
            click.echo(f"  stated      {voice.stated_at:%Y-%m-%d %H:%M:%S} UTC")
        for recording in voice.recordings:
            click.echo(f"  recording   {recording}")
    click.echo(f"{len(tombstones)} deleted voices; the records are the files of {settings.data / FOLDER}", err=True)


def _plain(text: str) -> str:
    """`text` without characters that a terminal obeys."""
    return "".join(char if char.isprintable() else " " for char in text)
