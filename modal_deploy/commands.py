"""The commands of `modal run`: probe, load test and cost, printed as tables."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Coroutine
from functools import partial

from rich.console import Console
from rich.table import Table

from modal_deploy.cost import CHARS_PER_S, FACTORS, GPU_PER_S, Rate, cost_table
from modal_deploy.deployment import API_KEYS, Deployment
from modal_deploy.load import Result, run_load, run_transcriptions, summarise
from modal_deploy.probe import open_client, probe


def first_key() -> str | None:
    return os.environ.get(API_KEYS, "").split(",")[0].strip() or None


def run_smoke(url: str) -> None:
    """Probe the server and exit with status 1 unless every check succeeds."""
    console = Console()
    console.print(f"probing {url}; the first answer may wait for a container")
    failed = 0
    with open_client(url, first_key()) as client:
        for check in probe(client):
            failed += not check.passed
            mark = "[green]ok    [/green]" if check.passed else "[red]FAILED[/red]"
            console.print(f"{mark} {check.seconds:7.2f} s  {check.name}: ", end="")
            console.print(check.detail, markup=False, highlight=False)
    if failed:
        sys.exit(f"{failed} of the checks failed")


def run_load_test(url: str, *, requests: int, recordings: int = 0) -> None:
    """Print what callers at once got: `requests` of speech, then `recordings` to transcribe.

    Exits with status 1 if one of them got no speech or no text.
    """
    console = Console()
    speaking = partial(run_load, url, first_key(), requests=requests, report=console.print)
    has_failures = _run_load(console, speaking, "requests", requests)
    if recordings:
        transcribing = partial(run_transcriptions, url, first_key(), recordings=recordings, report=console.print)
        has_failures |= _run_load(console, transcribing, "recordings", recordings)
    if has_failures:
        sys.exit("some requests got no speech or no text")


def _run_load(console: Console, run: Callable[[], Coroutine[None, None, list[Result]]], what: str, number: int) -> bool:
    """True if one of them failed."""
    began_at_unix_s = time.time()
    results = asyncio.run(run())
    summary = summarise(results, began_at_unix_s=began_at_unix_s)
    table = Table("", "median", "95 %", "worst", title=f"{number} {what} at once")
    for name, *values in summary.rows:
        table.add_row(name, *(f"{value:.2f}" for value in values))
    console.print(table)
    elapsed_s = time.time() - began_at_unix_s
    audio_s = sum(result.audio_s for result in results)
    console.print("statuses:", ", ".join(f"{count} x {status}" for status, count in sorted(summary.statuses.items())))
    console.print(f"containers seen: {summary.containers}, of which {summary.cold_starts} started during the test")
    console.print(f"{audio_s:.0f} s of audio in {elapsed_s:.1f} s: {audio_s / elapsed_s:.2f} s each second")
    return summary.has_failures


def print_cost(deployment: Deployment, *, real_time_factor: float, asr_real_time_factor: float = 0.0) -> None:
    if deployment.gpu not in GPU_PER_S:
        sys.exit(f"no price is known here for {deployment.gpu}; known are {', '.join(GPU_PER_S)}")
    rate = Rate(gpu=deployment.gpu, cores=deployment.cpu, memory_gib=deployment.memory_mb / 1024)
    console = Console()
    for title, per_unit, factor in (
        ("dollars for a million characters of speech", rate.per_million_chars, real_time_factor),
        ("dollars for an hour of recordings transcribed", rate.per_hour_transcribed, asr_real_time_factor),
    ):
        header, *rows = cost_table(per_unit, (factor,) if factor else FACTORS)
        table = Table(*header, title=title)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    console.print(
        f"{deployment.gpu}, {deployment.cpu:g} cores, {rate.memory_gib:g} GiB: ${rate.per_s * 3600:.2f} an hour, "
        f"${rate.per_month:.0f} a month for a container kept warm (DEPLOY_MIN_CONTAINERS={deployment.min_containers})"
    )
    console.print(f"{CHARS_PER_S:g} characters are a second of English speech. Prices change: check yours.")
