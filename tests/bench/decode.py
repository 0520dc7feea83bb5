"""`python -m tests.bench.decode FOLDER`: a step of the decoder by rows, beside what the memory bus allows.

The floor of a step is what it must read, over the bandwidth of a large copy on the same device: every weight of the
body once, and of each row the keys and values of the positions it has written. FOLDER holds a checkpoint, such as
`python -m tests.support.tiny_xtts FOLDER --full-size` writes. Runs where XTTS runs: on a GPU with graphs and float16,
on a CPU without.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from app.engine.xtts.build import PROFILES
from app.engine.xtts.checkpoint.load import Checkpoint, load_checkpoint
from app.engine.xtts.checkpoint.precision import bring_to_precision
from app.engine.xtts.device.driver import find_device
from app.engine.xtts.device.torch_setup import set_up
from app.engine.xtts.model.decoder import Decoder
from app.engine.xtts.model.prompt import NUM_CONDITIONING_LATENTS
from app.engine.xtts.runner.batch import Batch
from app.engine.xtts.voice.speakers import VoiceConditioning
from tests.support.xtts import seeded, sequence_of

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results" / "decode.jsonl"
STEPS, RUNS = 20, 5
COPY_BYTES = {"cpu": 1 << 28, "cuda": 1 << 32}


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def copy_bytes_per_s(device: torch.device) -> float:
    """Bytes read and written by a large copy, each second: the median of ten."""
    source = torch.randint(0, 100, (COPY_BYTES[device.type],), dtype=torch.int8, device=device)
    target = torch.empty_like(source)
    times: list[float] = []
    for _ in range(11):
        synchronize(device)
        began_at_s = time.perf_counter()
        target.copy_(source)
        synchronize(device)
        times.append(time.perf_counter() - began_at_s)
    return 2 * source.nbytes / statistics.median(times[1:])


def bytes_of_step(decoder: Decoder, rows: int, positions: int) -> int:
    """Bytes that one step reads: the matrices, and the keys and values at the positions that the rows have written."""
    matrices = sum(parameter.nbytes for parameter in decoder.gpt.parameters()) + decoder.mel_head.weight.nbytes
    if decoder.is_int8:  # packed matrices are no parameters
        channels = decoder.mel_embedding.embedding_dim
        matrices += len(decoder.gpt.layers) * 12 * channels**2
    cache = decoder.new_cache(slots=1, positions=positions, device=torch.device("meta"))
    return matrices + rows * cache.num_bytes * positions // cache.positions


def step_times(
    checkpoint: Checkpoint,
    device: torch.device,
    rows: int,
    positions: int,
    *,
    clocks: Sequence[Callable[[], float]] = (time.perf_counter,),
    runs: int = RUNS,
    **options: Any,
) -> list[float]:
    """Seconds of a step by each clock: the median of several runs of steps that are read one late, as in the engine."""
    decoder = checkpoint.networks.decoder
    batch = Batch(decoder, slots=rows, max_codes=STEPS * (runs + 1) + 1, device=device, **options)
    channels = decoder.mel_embedding.embedding_dim
    text = torch.full((positions - NUM_CONDITIONING_LATENTS - 3,), 5)
    latents = torch.randn(NUM_CONDITIONING_LATENTS, channels, generator=torch.Generator().manual_seed(0))
    voice = VoiceConditioning(latents, torch.zeros(checkpoint.config.model_args.d_vector_dim, 1))
    for _ in range(rows):
        batch.join([sequence_of(checkpoint, text, voice, seeded(1))])
    times: list[list[float]] = []
    late = PROFILES[device.type].lookahead_steps
    for _ in range(runs + 1):
        synchronize(device)
        began_at_s = [clock() for clock in clocks]
        arrivals = []
        for _ in range(STEPS):
            arrivals.append(batch.step())
            if len(arrivals) > late:
                arrivals.pop(0).wait()
        for arrival in arrivals:
            arrival.wait()
        synchronize(device)
        times.append([(clock() - began) / STEPS for clock, began in zip(clocks, began_at_s, strict=True)])
    return [statistics.median(each) for each in zip(*times[1:], strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", default="1,4,16,32,64,128")
    parser.add_argument("--positions", type=int, default=300, help="cache positions that every row has written")
    parser.add_argument("--precision", choices=("auto", "float32", "float16", "int8"), default="auto")
    parser.add_argument("--eager", action="store_true", help="without CUDA graphs")
    parser.add_argument("--append", action="store_true", help=f"add a line to {RESULTS.relative_to(ROOT)}")
    arguments = parser.parse_args()
    device = torch.device(find_device("auto"))
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {os.cpu_count()} cores"
    print(f"{name}, torch {torch.__version__}, load before {os.getloadavg()[0]:.2f}", file=sys.stderr)
    set_up(device)
    checkpoint = load_checkpoint(arguments.folder).to(device)
    decoder = checkpoint.networks.decoder
    choice = bring_to_precision(checkpoint, arguments.precision, device)
    use_graphs = PROFILES[device.type].use_graphs and not arguments.eager
    bandwidth = copy_bytes_per_s(device)
    print(f"a large copy moves {bandwidth / 1e9:.0f} GB/s")
    print("| rows | a step | it must read | at | of the copy |\n| --- | --- | --- | --- | --- |")
    rows_of_table: list[dict[str, float]] = []
    for rows in map(int, arguments.rows.split(",")):
        (seconds,) = step_times(
            checkpoint,
            device,
            rows,
            arguments.positions,
            use_graphs=use_graphs,
        )
        must_read = bytes_of_step(decoder, rows, arguments.positions)
        achieved = must_read / seconds
        rows_of_table.append({"rows": rows, "step_s": seconds, "bytes": must_read, "bytes_per_s": achieved})
        print(
            f"| {rows} | {seconds * 1e3:.2f} ms | {must_read / 1e9:.2f} GB | {achieved / 1e9:.0f} GB/s "
            f"| {achieved / bandwidth:.0%} |",
            flush=True,
        )
    if arguments.append:
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
        entry = {
            "commit": commit.stdout.strip(),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "device": name,
            "torch": torch.__version__,
            "dtype": choice.name,
            "graphs": use_graphs,
            "positions": arguments.positions,
            "copy_bytes_per_s": bandwidth,
            "rows": rows_of_table,
        }
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a") as file:
            file.write(json.dumps(entry) + "\n")


if __name__ == "__main__":
    main()
