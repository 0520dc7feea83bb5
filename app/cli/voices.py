"""`chorus voices`."""

import click

from app.engine.base import Speaker
from app.engine.listing import read_engine_voices
from app.observability.log import configure_logging
from app.settings import load_settings
from app.voices.manifest import VoiceModel
from app.voices.names import VoiceNames
from app.voices.store import VoiceStore


@click.command()
def voices() -> None:
    """List the voices of the engine that would serve, and the saved ones that it can speak with."""
    from rich.console import Console
    from rich.table import Table

    configure_logging("error", "text")
    settings = load_settings()
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
