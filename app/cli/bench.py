"""`chorus bench`: how fast this machine speaks, to how many listeners, and beside the reference."""

import asyncio
import json
import os
import platform
import resource
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import httpx
import msgspec

from app import __version__
from app.cli.load import SENTENCES, Figures, as_markdown, engine_streams, http_streams, measure
from app.engine.base import Engine
from app.engine.factory import build_engine, choose_engine
from app.engine.xtts.hardware.driver import find_device
from app.engine.xtts.models import folder_of
from app.errors import EngineUnavailable, InvalidField
from app.observability.log import configure_logging
from app.settings import Settings, load_settings

XTTS_CODE_S = 1024 / 22050


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
    settings = load_settings()
    load_before = os.getloadavg()[0]
    if compare_reference:
        device, rows = _compare(settings, streams, texts, codes or 100)
        table = _comparison_table(rows)
    else:
        running = _bench_server(url, settings, streams) if url else _bench_engine(settings, streams, codes)
        device, rows = asyncio.run(running)
        table = _figures_table(rows)
    peak_mb = (
        None if url else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    )
    result: dict[str, Any] = {  # Any: JSON
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "chorus": __version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "device": device,
        "python": platform.python_version(),
        "load_before": round(load_before, 2),
        "peak_memory_mb": peak_mb,
        "rows": msgspec.to_builtins(rows),
    }
    if append is not None:
        with append.open("a") as file:
            file.write(json.dumps(result) + "\n")
    if as_json:
        click.echo(json.dumps(result))
        return
    click.echo(table)
    memory = "" if peak_mb is None else f", peak memory {peak_mb:.0f} MB"
    click.echo(f"\n{result['machine']}, on {device}, Python {result['python']}, load before {load_before:.2f}{memory}")


def _tell(line: str) -> None:
    click.echo(line, err=True)


async def _bench_engine(settings: Settings, streams: tuple[int, ...], codes: int | None) -> tuple[str, list[Figures]]:
    """The device's name, and a row for each number of streams; so too below."""
    engine = await asyncio.to_thread(_build, settings, max(streams), codes)
    try:
        is_xtts = engine.info.name == "xtts"
        _tell(f"{engine.info.name} engine, {engine.info.model} on {engine.info.device}, {engine.info.max_slots} slots")
        open_stream = engine_streams(engine)
        rows: list[Figures] = []
        await measure(
            open_stream, 1, sample_rate_hz=engine.info.sample_rate_hz, code_s=None
        )  # the first is never the fastest
        for number in streams:
            _tell(f"{number} streams")
            code_s = XTTS_CODE_S if is_xtts else None
            rows.append(await measure(open_stream, number, sample_rate_hz=engine.info.sample_rate_hz, code_s=code_s))
        return engine.info.device, rows
    finally:
        await engine.aclose()


def _build(settings: Settings, max_queue: int, codes: int | None) -> Engine:
    settings = msgspec.structs.replace(settings, max_queue=max(settings.max_queue, max_queue))
    if codes is not None:
        _require_xtts(settings, "--codes")
    return build_engine(settings, exact_codes=codes)


async def _bench_server(url: str, settings: Settings, streams: tuple[int, ...]) -> tuple[str, list[Figures]]:
    limits = httpx.Limits(max_connections=max(streams))
    headers = {"Authorization": f"Bearer {settings.api_keys.values[0]}"} if settings.api_keys else {}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=600, limits=limits) as client:
        try:
            health = (await client.get("/health")).json()
            _tell(f"{url}: {health['engine']} engine on {health['device']}")
            code_s = XTTS_CODE_S if health["engine"] == "xtts" else None
            open_stream = http_streams(client)
            await measure(open_stream, 1, sample_rate_hz=24_000, code_s=None)
            rows: list[Figures] = []
            for number in streams:
                _tell(f"{number} streams")
                rows.append(await measure(open_stream, number, sample_rate_hz=24_000, code_s=code_s))
            return health["device"], rows
        except (httpx.HTTPError, KeyError, json.JSONDecodeError) as error:
            raise InvalidField(f"{url} cannot be measured: {error or type(error).__name__}") from error


def _compare(settings: Settings, batches: tuple[int, ...], num_texts: int, num_codes: int) -> tuple[str, list[Any]]:
    """Any: app.engine.xtts.compare.Comparison, which is imported here because it imports torch."""
    _require_xtts(settings, "--compare-reference")
    from app.engine.xtts.compare import compare
    from app.engine.xtts.engine import device_name

    device = find_device(settings.device)
    rows = compare(
        folder_of(settings.model, settings.data),
        SENTENCES[:num_texts],
        device=device,
        precision=settings.precision,
        batches=batches,
        num_codes=num_codes,
        report=_tell,
    )
    return device_name(device), list(rows)


def _require_xtts(settings: Settings, option: str) -> None:
    name, reason = choose_engine(settings)
    if name != "xtts":
        raise EngineUnavailable(f"{option} needs the XTTS engine, and the engine would be {name}: {reason}")


def _figures_table(rows: list[Figures]) -> str:
    columns = ("streams", "first audio p50", "p95", "real-time factor", "audio s/s", "codes/s", "underruns")
    return as_markdown(
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


def _comparison_table(rows: list[Any]) -> str:
    columns = ("sequences", "codes each", "TTS package", "Chorus", "ratio", "text to latents", "ratio")
    columns += ("first audio", "same codes")
    return as_markdown(
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
