"""One run of `chorus bench`: an engine of this process, a running server, or the engine beside the TTS package."""

import asyncio
import contextlib
import json
import math
import os
import platform
import resource
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import msgspec

from app import __version__
from app.bench.arrivals import Load
from app.bench.figures import Figures, worst_of
from app.bench.load import MAX_LATE_S, measure
from app.bench.streams import SENTENCES, OpenStream, http_streams, service_streams
from app.engine.factory import build_engine, choose_engine
from app.engine.xtts.checkpoint.files import folder_of
from app.engine.xtts.device.driver import find_device
from app.errors import EngineUnavailable, InvalidField, Unavailable
from app.lifecycle import Lifecycle
from app.settings import Settings
from app.speech.service import SpeechService

if TYPE_CHECKING:  # imports torch
    from app.bench.compare import Comparison

XTTS_CODE_S = 1024 / 22050
"""seconds of audio in one audio code"""
HTTP_TIMEOUT_S = 600
Report = Callable[[str], None]


class Results:
    """Figures of a run, added as they are measured, so an interrupted run has some too."""

    def __init__(self) -> None:
        self.device = ""
        self.names: list[str] = []
        """of the loads that were begun"""
        self.runs: list[list[Figures]] = []
        """of each of them, one for each run"""
        self.is_interrupted = False

    @property
    def rows(self) -> list[tuple[str, Figures]]:
        """Name of each load that was measured, and the worst of its runs."""
        return [(name, worst_of(runs)) for name, runs in zip(self.names, self.runs, strict=True) if runs]

    @property
    def warnings(self) -> list[str]:
        """Requests without audio, and loads whose figures the load generator itself has spoilt."""
        warnings: list[str] = []
        for name, row in self.rows:
            if row.problem is not None:
                warnings.append(f"{name}: {row.refused} requests refused, {row.failed} failed, such as: {row.problem}")
            if row.late_p99_s is not None and row.late_p99_s > MAX_LATE_S:
                warnings.append(
                    f"{name}: requests began up to {row.late_p99_s * 1000:.0f} ms late (p99; "
                    f"{MAX_LATE_S * 1000:.0f} ms are harmless): the load generator or its machine is too busy, and the "
                    "figures show that too. "
                    "Lower the rate, or measure with --http from another machine"
                )
        return warnings


async def bench_engine(
    settings: Settings,
    loads: Sequence[Load],
    results: Results,
    *,
    runs: int,
    num_sentences: int,
    exact_codes: int | None,
    report: Report,
) -> None:
    """Measure the engine of `settings` behind its speech service, with each load.

    Requests that all arrive at the same moment get a queue that takes them; others meet the queue of the settings.
    Segments end after `exact_codes` audio codes, or where the model ends them. Raises EngineUnavailable.
    """
    if exact_codes is not None:
        _require_xtts(settings, "--codes")
    max_queue = max([settings.max_queue, *(len(load.arrivals_s) for load in loads if load.rate_per_s is None)])
    max_live_wait_s = settings.max_live_wait_s if any(load.rate_per_s for load in loads) else math.inf
    settings = msgspec.structs.replace(settings, max_queue=max_queue, max_live_wait_s=max_live_wait_s)
    engine = await asyncio.to_thread(build_engine, settings, exact_codes=exact_codes)
    lifecycle = Lifecycle()
    lifecycle.is_ready()
    service = SpeechService(engine, settings, lifecycle)
    info = engine.info
    results.device = info.device
    try:
        report(f"{info.name} engine, {info.model} on {info.device}, {info.max_slots} slots")
        code_s = XTTS_CODE_S if info.name == "xtts" else None
        await _measure_each(
            service_streams(service),
            loads,
            results,
            runs=runs,
            num_sentences=num_sentences,
            sample_rate_hz=info.sample_rate_hz,
            code_s=code_s,
            report=report,
        )
    finally:
        await service.aclose()


async def bench_server(
    url: str,
    settings: Settings,
    loads: Sequence[Load],
    results: Results,
    *,
    runs: int,
    num_sentences: int,
    report: Report,
) -> None:
    """Measure the server at `url` with each load. Raises InvalidField where it does not answer as a server does."""
    # A bound on connections would let requests wait inside the client, unseen.
    limits = httpx.Limits(max_connections=None)
    headers = {"Authorization": f"Bearer {settings.api_keys.values[0]}"} if settings.api_keys else {}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=HTTP_TIMEOUT_S, limits=limits) as client:
        try:
            health = (await client.get("/health")).json()
            results.device = health["device"]
            report(f"{url}: {health['engine']} engine on {results.device}")
            code_s = XTTS_CODE_S if health["engine"] == "xtts" else None
            await _measure_each(
                http_streams(client),
                loads,
                results,
                runs=runs,
                num_sentences=num_sentences,
                sample_rate_hz=24_000,
                code_s=code_s,
                report=report,
            )
        except (httpx.HTTPError, httpx.InvalidURL, KeyError, json.JSONDecodeError) as error:
            raise InvalidField(f"{url} cannot be measured: {error or type(error).__name__}") from error


async def _measure_each(
    open_stream: OpenStream,
    loads: Sequence[Load],
    results: Results,
    *,
    runs: int,
    num_sentences: int,
    sample_rate_hz: int,
    code_s: float | None,
    report: Report,
) -> None:
    with contextlib.suppress(Unavailable):  # a full server is worth measuring
        async for _ in open_stream(SENTENCES[0], 0):  # warms up
            pass
    for load in loads:
        results.names.append(load.name)
        results.runs.append([])
        for run in range(1, runs + 1):
            what = "streams at once" if load.rate_per_s is None else f"for {len(load.arrivals_s)} streams"
            report(f"{load.name} {what}" + (f", run {run} of {runs}" if runs > 1 else ""))
            await measure(
                open_stream,
                load,
                sample_rate_hz=sample_rate_hz,
                code_s=code_s,
                num_sentences=num_sentences,
                record=results.runs[-1].append,
            )


def bench_beside_reference(
    settings: Settings, batches: Sequence[int], *, num_texts: int, num_codes: int, report: Report
) -> "tuple[str, list[Comparison]]":
    """Speak the same texts with the engine and with the TTS package: (name of the device, figures of each batch).

    Raises EngineUnavailable where the settings choose another engine than XTTS.
    """
    _require_xtts(settings, "--compare-reference")
    from app.bench.compare import compare
    from app.engine.xtts.engine import device_name

    device = find_device(settings.device)
    rows = compare(
        folder_of(settings.model, settings.data),
        SENTENCES[:num_texts],
        device=device,
        precision=settings.precision,
        batches=batches,
        num_codes=num_codes,
        report=report,
    )
    return device_name(device), list(rows)


def _require_xtts(settings: Settings, option: str) -> None:
    name, reason = choose_engine(settings)
    if name != "xtts":
        raise EngineUnavailable(f"{option} needs the XTTS engine, and the engine would be {name}: {reason}")


def run_facts(
    device: str, rows: "Sequence[Figures | Comparison]", *, load_before: float, in_process: bool, **more: object
) -> dict[str, Any]:
    """The run as JSON: figures, machine, versions, `more`. `peak_memory_mb` is None for a server elsewhere."""
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "chorus": __version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "device": device,
        "python": platform.python_version(),
        "load_before": round(load_before, 2),
        "peak_memory_mb": peak_mb if in_process else None,
        **more,
        "rows": msgspec.to_builtins(rows),
    }
