"""`chorus voices`."""

import click

from app.engine.factory import build_engine
from app.observability.log import configure_logging
from app.settings import load_settings


@click.command()
def voices() -> None:
    """List the voices of the engine that would serve."""
    from rich.console import Console
    from rich.table import Table

    configure_logging("error", "text")
    engine = build_engine(load_settings())
    table = Table("id", "name", "languages", "source", title=f"{engine.info.name} engine ({engine.info.model})")
    for speaker in engine.speakers():
        table.add_row(speaker.id, speaker.name, ", ".join(speaker.languages), speaker.source)
    Console().print(table)
