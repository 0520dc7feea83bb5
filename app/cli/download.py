"""`chorus download`."""

import click

from app.engine.xtts.checkpoint.download import download_model
from app.observability.log import configure_logging
from app.settings import load_settings


@click.command()
@click.option("--accept-licence", is_flag=True, help="Accept the Coqui Public Model License (CHORUS_ACCEPT_CPML).")
@click.option("--model", help="Id of a model on the hub (CHORUS_MODEL).")
def download(accept_licence: bool, model: str | None) -> None:
    """Fetch the XTTS weights into CHORUS_DATA. May be interrupted and run again: it goes on from where it was."""
    settings = load_settings(accept_cpml=accept_licence or None, model=model)
    configure_logging(settings.log_level, settings.log_format)
    download_model(settings, report=lambda line: click.echo(line, err=True))
