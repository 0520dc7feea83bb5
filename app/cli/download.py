"""`chorus download`."""

import click

from app.asr.download import download_for
from app.engine.xtts.checkpoint.download import download_model
from app.observability.log import configure_logging
from app.settings import load_settings


@click.command()
@click.option("--accept-licence", is_flag=True, help="Accept the Coqui Public Model License (CHORUS_ACCEPT_CPML).")
@click.option("--asr", "is_asr", is_flag=True, help="Fetch a Whisper model, for speech to text.")
@click.option("--model", help="Id of a model on the hub (CHORUS_MODEL; with --asr CHORUS_ASR_MODEL).")
def download(accept_licence: bool, is_asr: bool, model: str | None) -> None:
    """Fetch weights into CHORUS_DATA: those of XTTS, or with --asr those of Whisper.

    May be interrupted and run again: it goes on from where it was.
    """
    xtts_model, asr_model = (None, model) if is_asr else (model, None)
    settings = load_settings(accept_cpml=accept_licence or None, model=xtts_model, asr_model=asr_model)
    configure_logging(settings.log_level, settings.log_format)

    def report(line: str) -> None:
        click.echo(line, err=True)

    if is_asr:
        download_for(settings, report=report)
    else:
        download_model(settings, report=report)
