"""One run of `chorus bench`: an engine of this process, a running server, or the engine beside the TTS package."""

import asyncio
import json
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
from app.bench.load import SENTENCES, Figures, OpenStream, engine_streams, http_streams, measure
from app.engine.base import Engine
from app.engine.factory import build_engine, choose_engine
from app.engine.xtts.checkpoint.files import folder_of
from app.engine.xtts.device.driver import find_device
from app.errors import EngineUnavailable, InvalidField
from app.settings import Settings

if TYPE_CHECKING:  # imports torch
    from app.bench.compare import Comparison

XTTS_CODE_S = 1024 / 22050
"""seconds of audio in one audio code"""
HTTP_TIMEOUT_S = 600
Report = Callable[[str], None]


async def bench_engine(
    settings: Settings, streams: Sequence[int], *, exact_codes: int | None, report: Report
) -> tuple[str, list[Figures]]:
    """Measure the engine of `settings` with each number of streams: (name of the device, figures).

    Segments end after `exact_codes` audio codes, or where the model ends them. Raises EngineUnavailable.
    """
    engine = await asyncio.to_thread(_build, settings, max(streams), exact_codes)
    info = engine.info
    try:
        report(f"{info.name} engine, {info.model} on {info.device}, {info.max_slots} slots")
        code_s = XTTS_CODE_S if info.name == "xtts" else None
        figures = await _measure_each(
            engine_streams(engine), streams, sample_rate_hz=info.sample_rate_hz, code_s=code_s, report=report
        )
        return info.device, figures
    finally:
        await engine.aclose()


async def bench_server(
    url: str, settings: Settings, streams: Sequence[int], *, report: Report
) -> tuple[str, list[Figures]]:
    """Measure the server at `url` with each number of streams: (name of its device, figures). Raises InvalidField."""
    limits = httpx.Limits(max_connections=max(streams))
    headers = {"Authorization": f"Bearer {settings.api_keys.values[0]}"} if settings.api_keys else {}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=HTTP_TIMEOUT_S, limits=limits) as client:
        try:
            health = (await client.get("/health")).json()
            report(f"{url}: {health['engine']} engine on {health['device']}")
            code_s = XTTS_CODE_S if health["engine"] == "xtts" else None
            figures = await _measure_each(
                http_streams(client), streams, sample_rate_hz=24_000, code_s=code_s, report=report
            )
            return health["device"], figures
        except (httpx.HTTPError, KeyError, json.JSONDecodeError) as error:
            raise InvalidField(f"{url} cannot be measured: {error or type(error).__name__}") from error


async def _measure_each(
    open_stream: OpenStream, streams: Sequence[int], *, sample_rate_hz: int, code_s: float | None, report: Report
) -> list[Figures]:
    await measure(open_stream, 1, sample_rate_hz=sample_rate_hz, code_s=None)  # warm-up
    figures: list[Figures] = []
    for number in streams:
        report(f"{number} streams")
        figures.append(await measure(open_stream, number, sample_rate_hz=sample_rate_hz, code_s=code_s))
    return figures


def _build(settings: Settings, max_queue: int, exact_codes: int | None) -> Engine:
    settings = msgspec.structs.replace(settings, max_queue=max(settings.max_queue, max_queue))
    if exact_codes is not None:
        _require_xtts(settings, "--codes")
    return build_engine(settings, exact_codes=exact_codes)


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
    device: str, rows: "Sequence[Figures | Comparison]", *, load_before: float, in_process: bool
) -> dict[str, Any]:
    """The run as JSON: figures, machine, versions. `peak_memory_mb` is None for a server elsewhere."""
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "chorus": __version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "device": device,
        "python": platform.python_version(),
        "load_before": round(load_before, 2),
        "peak_memory_mb": peak_mb if in_process else None,
        "rows": msgspec.to_builtins(rows),
    }
