"""`chorus bench`: options and tables. The measurements are in app/bench."""

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.bench.command import bench_beside_reference, bench_engine, bench_server, run_facts
from app.bench.load import SENTENCES, Figures
from app.observability.log import configure_logging
from app.pools import switch_threads_often
from app.settings import load_settings

if TYPE_CHECKING:  # imports torch
    from app.bench.compare import Comparison


def _numbers(_: click.Context, __: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(part) for part in value.split(","))
    except ValueError:
        numbers = ()
    if not numbers or not all(1 <= number <= 1024 for number in numbers):
        raise click.BadParameter("give numbers from 1 to 1024, such as 1,4,16")
    return numbers


@click.command()
@click.option("--streams", callback=_numbers, default="1,4,16,64", show_default=True, help="Listeners at a time.")
@click.option("--http", "url", help="Drive a running server instead of an engine in this process.")
@click.option("--compare-reference", is_flag=True, help="Speak the same texts with the TTS package too (XTTS only).")
@click.option(
    "--codes", type=click.IntRange(2, 600), help="Audio codes of each segment, instead of what the model says."
)
@click.option("--texts", type=click.IntRange(1, len(SENTENCES)), default=4, show_default=True,
              help="Texts that the TTS package speaks; larger batches repeat them.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option("--append", type=click.Path(path_type=Path), help="Append the JSON to this file as one line.")
def bench(
    streams: tuple[int, ...],
    url: str | None,
    compare_reference: bool,
    codes: int | None,
    texts: int,
    as_json: bool,
    append: Path | None,
) -> None:
    """Measure first audio, throughput and gaps; with --compare-reference, the ratio to the TTS package."""
    if url and (compare_reference or codes):
        raise click.UsageError("--compare-reference and --codes drive the engine in this process: leave --http out")
    configure_logging("error", "text")
    switch_threads_often()
    settings = load_settings()
    load_before = os.getloadavg()[0]
    if compare_reference:
        device, compared = bench_beside_reference(
            settings, streams, num_texts=texts, num_codes=codes or 100, report=_report
        )
        rows, table = compared, _comparison_table(compared)
    else:
        running = (
            bench_server(url, settings, streams, report=_report)
            if url
            else bench_engine(settings, streams, exact_codes=codes, report=_report)
        )
        device, measured = asyncio.run(running)
        rows, table = measured, _figures_table(measured)
    facts = run_facts(device, rows, load_before=load_before, in_process=not url)
    if append is not None:
        with append.open("a") as file:
            file.write(json.dumps(facts) + "\n")
    if as_json:
        click.echo(json.dumps(facts))
        return
    click.echo(table)
    memory = "" if url else f", peak memory {facts['peak_memory_mb']:.0f} MB"
    click.echo(f"\n{facts['machine']}, on {device}, Python {facts['python']}, load before {load_before:.2f}{memory}")


def _report(line: str) -> None:
    click.echo(line, err=True)


def _figures_table(rows: list[Figures]) -> str:
    columns = ("streams", "first audio p50", "p95", "real-time factor", "audio s/s", "codes/s", "underruns")
    return _markdown(
        columns,
        [
            (
                str(row.streams),
                f"{row.first_audio_p50_s:.3f} s",
                f"{row.first_audio_p95_s:.3f} s",
                f"{row.real_time_factor:.2f}",
                f"{row.audio_s_per_s:.2f}",
                "-" if row.codes_per_s is None else f"{row.codes_per_s:.0f}",
                str(row.underruns),
            )
            for row in rows
        ],
    )


def _comparison_table(rows: "list[Comparison]") -> str:
    columns = ("sequences", "codes each", "TTS package", "Chorus", "ratio", "text to latents", "ratio")
    columns += ("first audio", "same codes")
    return _markdown(
        columns,
        [
            (
                str(row.sequences),
                str(row.codes),
                f"{row.reference_s:.1f} s",
                f"{row.whole_s:.1f} s",
                f"{row.whole_ratio:.2f}x",
                f"{row.reference_decode_s:.1f} s, {row.decode_s:.1f} s",
                f"{row.decode_ratio:.2f}x",
                f"{row.reference_first_audio_s:.3f} s, {row.first_audio_s:.3f} s",
                f"{row.equal_sequences} of {row.sequences}",
            )
            for row in rows
        ],
    )


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
