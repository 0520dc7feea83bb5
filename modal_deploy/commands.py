"""The commands of `modal run`: probe, load test and cost, printed as tables."""

import asyncio
import os
import sys
import time

from rich.console import Console
from rich.table import Table

from modal_deploy.cost import CHARS_PER_S, FACTORS, GPU_PER_S, Rate, cost_table
from modal_deploy.deployment import API_KEYS, Deployment
from modal_deploy.load import run_load, summarise
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


def run_load_test(url: str, *, requests: int) -> None:
    """Print what `requests` callers at once got, and exit with status 1 if one of them got no speech."""
    console = Console()
    began_at_unix_s = time.time()
    results = asyncio.run(run_load(url, first_key(), requests=requests, report=console.print))
    summary = summarise(results, began_at_unix_s=began_at_unix_s)
    table = Table("", "median", "95 %", "worst", title=f"{requests} requests at once")
    for name, *values in summary.rows:
        table.add_row(name, *(f"{value:.2f}" for value in values))
    console.print(table)
    elapsed_s = time.time() - began_at_unix_s
    audio_s = sum(result.audio_s for result in results)
    console.print("statuses:", ", ".join(f"{count} x {status}" for status, count in sorted(summary.statuses.items())))
    console.print(f"containers seen: {summary.containers}, of which {summary.cold_starts} started during the test")
    console.print(f"{audio_s:.0f} s of audio in {elapsed_s:.1f} s: {audio_s / elapsed_s:.2f} s each second")
    if summary.has_failures:
        sys.exit("some requests got no speech")


def print_cost(deployment: Deployment, *, real_time_factor: float) -> None:
    if deployment.gpu not in GPU_PER_S:
        sys.exit(f"no price is known here for {deployment.gpu}; known are {', '.join(GPU_PER_S)}")
    rate = Rate(gpu=deployment.gpu, cores=deployment.cpu, memory_gib=deployment.memory_mb / 1024)
    header, *rows = cost_table(rate, (real_time_factor,) if real_time_factor else FACTORS)
    table = Table(*header, title="dollars for a million characters")
    for row in rows:
        table.add_row(*row)
    console = Console()
    console.print(table)
    console.print(
        f"{deployment.gpu}, {deployment.cpu:g} cores, {rate.memory_gib:g} GiB: ${rate.per_s * 3600:.2f} an hour, "
        f"${rate.per_month:.0f} a month for a container kept warm (DEPLOY_MIN_CONTAINERS={deployment.min_containers})"
    )
    console.print(f"{CHARS_PER_S:g} characters are a second of English speech. Prices change: check yours.")
