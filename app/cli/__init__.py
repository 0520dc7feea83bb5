"""The `chorus` command. Heavy imports wait inside the modules."""

import logging
import sys

import click

from app import __version__
from app.cli.bench import bench
from app.cli.book import book
from app.cli.check import check
from app.cli.doctor import doctor
from app.cli.download import download
from app.cli.normalize import normalize
from app.cli.provenance import provenance
from app.cli.say import say
from app.cli.serve import serve
from app.cli.transcribe import transcribe
from app.cli.voices import voices
from app.errors import ChorusError


class Commands(click.Group):
    """Turns errors of ours into one line and exit status 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ChorusError as error:
            logging.getLogger(__name__).debug("failed", exc_info=error)
            raise click.ClickException(error.message) from error
        except BrokenPipeError:
            sys.stderr.close()  # a closed pipe is worth no trace
            sys.exit(1)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="chorus")
def main() -> None:
    """Chorus turns text into speech and speech into text, over HTTP or from the command line.

    Settings come from CHORUS_* variables; docs/settings.md lists them.
    """


for command in (serve, say, book, transcribe, check, normalize, voices, provenance, download, bench, doctor):
    main.add_command(command)
