"""`chorus provenance`."""

from pathlib import Path

import click
import msgspec

from app.errors import UnreadableAudio


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="Print an object as POST /provenance answers it.")
def provenance(file: Path, as_json: bool) -> None:
    """Show which marks of synthetic speech FILE carries, from which server and request, and whether it was changed.

    Marks can be removed, so a file without them may be synthetic too.
    """
    from app.audio.found_marks import find_marks

    try:
        with file.open("rb") as opened:
            found = find_marks(opened, name=str(file))
    except OSError as error:
        raise UnreadableAudio(f"{file} cannot be read: {error.strerror}", param="file") from error
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    click.echo(found.summary)
    for mark in found.marks:
        click.echo(f"    {mark.kind}, {mark.place}: {mark.digital_source_type or 'no digital source type'}")
        if mark.signature is not None:
            signed = mark.signature
            click.echo(f"        {', '.join([signed.status, *filter(None, [signed.signer]), *signed.faults])}")
