"""`chorus bench`: its options. The measurements are in app/bench."""

import asyncio
import json
import os
from pathlib import Path

import click
import msgspec

from app.bench.arrivals import Load, Rate, at_once, parse_rates, poisson
from app.bench.command import Results, bench_beside_reference, bench_engine, bench_server, run_facts
from app.bench.streams import SENTENCES
from app.cli.bench_tables import comparison_table, figures_table
from app.observability.log import configure_logging
from app.pools import switch_threads_often
from app.settings import Settings, load_settings
from app.speech.request import MAX_SEED

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


def _numbers(_: click.Context, __: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(part) for part in value.split(","))
    except ValueError:
        numbers = ()
    if not numbers or not all(1 <= number <= 1024 for number in numbers):
        raise click.BadParameter("give numbers from 1 to 1024, such as 1,4,16")
    return numbers


def _rates(_: click.Context, __: click.Parameter, value: str | None) -> tuple[Rate, ...]:
    try:
        return () if value is None else parse_rates(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.option("--streams", callback=_numbers, default="1,4,16,64", show_default=True,
              help="Requests at the same moment.")  # fmt: skip
@click.option("--rate", "--rates", "rates", callback=_rates,
              help="Instead of --streams: requests that arrive at random (Poisson) and wait for no other, such as "
              "2/s, 30/m or 0.5,1,2/s.")  # fmt: skip
@click.option("--duration", type=click.FloatRange(1, 3600), default=30.0, show_default=True,
              help="Seconds in which requests arrive at each rate; all of them are heard to the end.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, MAX_SEED), default=0, show_default=True,
              help="The same seed gives the same arrivals.")  # fmt: skip
@click.option("--sentences", type=click.IntRange(1, 100), default=1, show_default=True,
              help="Sentences of each text: 13 are a minute of speech.")  # fmt: skip
@click.option("--runs", type=click.IntRange(1, 100), default=1, show_default=True,
              help="Repeat each measurement, and show the worst value of each figure.")  # fmt: skip
@click.option("--http", "url", help="Drive a running server instead of an engine in this process.")
@click.option("--compare-reference", is_flag=True, help="Speak the same texts with the TTS package too (XTTS only).")
@click.option(
    "--codes", type=click.IntRange(2, 600), help="Audio codes of each segment, instead of what the model says."
)
@click.option("--texts", type=click.IntRange(1, len(SENTENCES)), default=4, show_default=True,
              help="Texts that the TTS package speaks; larger batches repeat them.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option("--append", type=click.Path(path_type=Path), help="Append the JSON to this file as one line.")
@click.pass_context
def bench(
    context: click.Context,
    streams: tuple[int, ...],
    rates: tuple[Rate, ...],
    duration: float,
    seed: int,
    sentences: int,
    runs: int,
    url: str | None,
    compare_reference: bool,
    codes: int | None,
    texts: int,
    as_json: bool,
    append: Path | None,
) -> None:
    """Measure first audio, throughput and gaps; with --compare-reference, the ratio to the TTS package.

    \b
    first playable  from the moment a request is due until a sample of at least
                    -50 dBFS has arrived: no header, no silence
    C50, C100, C200 share of the admitted streams whose largest gap in playback
                    is at most 50, 100, 200 ms; a failed stream counts as one
                    with a larger gap
    refused         requests that were told to come later (503, 429); they
                    are left out of the figures of audio
    late p99        delay of the load generator itself; a warning says when it
                    is so large that it spoils the figures

    Ctrl-C shows what was measured until then.
    """
    _check_options(context, rates=rates, in_process_only=url is not None and (compare_reference or codes is not None))
    configure_logging("error", "text")
    switch_threads_often()
    settings = load_settings()
    load_before = os.getloadavg()[0]
    if compare_reference:
        device, compared = bench_beside_reference(
            settings, streams, num_texts=texts, num_codes=codes or 100, report=_report
        )
        results = Results()
        table = comparison_table(compared)
        facts = run_facts(device, compared, load_before=load_before, in_process=True)
    else:
        loads = _loads(streams, rates, duration, seed)
        results = _measure(settings, loads, url=url, runs=runs, num_sentences=sentences, codes=codes)
        table = figures_table(results.rows)
        facts = run_facts(
            results.device,
            [row for _, row in results.rows],
            load_before=load_before,
            in_process=not url,
            duration_s=duration if rates else None,
            seed=seed if rates else None,
            sentences=sentences,
            is_interrupted=results.is_interrupted,
            warnings=results.warnings,
            runs=msgspec.to_builtins([each for each in results.runs if each]),
        )
    if append is not None:
        with append.open("a") as file:
            file.write(json.dumps(facts) + "\n")
    if as_json:
        click.echo(json.dumps(facts))
    else:
        click.echo(table)
        memory = "" if url else f", peak memory {facts['peak_memory_mb']:.0f} MB"
        where = f"{facts['machine']}, on {facts['device']}, Python {facts['python']}"
        click.echo(f"\n{where}, load before {load_before:.2f}{memory}")
    for warning in results.warnings:
        _report(f"warning: {warning}")
    if results.is_interrupted:
        _report("interrupted: the last row has the streams that had ended")
        context.exit(INTERRUPTED)


def _measure(
    settings: Settings, loads: list[Load], *, url: str | None, runs: int, num_sentences: int, codes: int | None
) -> Results:
    """Ctrl-C ends it early. Raises KeyboardInterrupt when nothing was measured until then."""
    results = Results()
    running = (
        bench_server(url, settings, loads, results, runs=runs, num_sentences=num_sentences, report=_report)
        if url
        else bench_engine(
            settings, loads, results, runs=runs, num_sentences=num_sentences, exact_codes=codes, report=_report
        )
    )
    try:
        asyncio.run(running)
    except KeyboardInterrupt:
        if not results.rows:
            raise
        results.is_interrupted = True
    return results


def _check_options(context: click.Context, *, rates: tuple[Rate, ...], in_process_only: bool) -> None:
    given = {
        name
        for name in ("streams", "duration", "seed", "sentences", "runs", "compare_reference")
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }
    if in_process_only:
        raise click.UsageError("--compare-reference and --codes drive the engine in this process: leave --http out")
    if rates and given & {"streams", "compare_reference"}:
        raise click.UsageError("--rate goes with neither --streams nor --compare-reference")
    if not rates and given & {"duration", "seed"}:
        raise click.UsageError("--duration and --seed belong to --rate")
    if "compare_reference" in given and given & {"runs", "sentences"}:
        raise click.UsageError("--runs and --sentences do not go with --compare-reference")


def _loads(streams: tuple[int, ...], rates: tuple[Rate, ...], duration_s: float, seed: int) -> list[Load]:
    if not rates:
        return [at_once(number) for number in streams]
    try:
        return [poisson(rate, duration_s=duration_s, seed=seed) for rate in rates]
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _report(line: str) -> None:
    click.echo(line, err=True)
