"""`python -m tests.bench.cold`: how long a container needs from nothing to its first sentence, stage by stage.

A full-size checkpoint with random weights, on the CPU, each start in a process of its own; the files are in the page
cache, which a cold machine's are not. Beside it the TTS package's own loader. Medians of three.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "cold.jsonl"
RUNS = 3

IMPORT = "import app.server.app"

STARTS = {
    "without a snapshot": False,
    "as in a snapshot": True,
}
START = """
import asyncio, json, sys
from app.engine.factory import build_engine, load_weights
from app.settings import Settings
from app.lifecycle import Lifecycle
from app.speech.warm_up import warm_up
lifecycle = Lifecycle()
settings = Settings(engine="xtts", model=sys.argv[1], device="cpu")
weights = load_weights(settings, stage=lifecycle.stage) if sys.argv[2] == "True" else None
before = dict(lifecycle.stages_s)
after = Lifecycle()
async def main():
    engine = await asyncio.to_thread(build_engine, settings, weights=weights, stage=after.stage)
    with after.stage("warm-up"):
        await warm_up(engine)
    await engine.aclose()
asyncio.run(main())
print(json.dumps([before, after.stages_s]))
"""
REFERENCE = """
import json, logging, sys, time, warnings
warnings.simplefilter("ignore")
began = time.perf_counter()
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.models.xtts import Xtts
imported = time.perf_counter()
config = XttsConfig()
config.load_json(f"{sys.argv[1]}/config.json")
model = Xtts(config)
model.load_checkpoint(config, checkpoint_dir=sys.argv[1], eval=True)
print(json.dumps([{}, {"import": imported - began, "weights": time.perf_counter() - imported}]))
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        environ = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            "PYTHONPYCACHEPREFIX": f"{folder}/bytecode",  # the image ships its bytecode
        }
        published, converted = make_checkpoints(Path(folder))
        imports = [timed_import(environ) for _ in range(RUNS + 1)][1:]  # the first one compiles
        rows: dict[str, list[dict[str, float]]] = {}
        for name, in_memory in STARTS.items():
            run(environ, START, str(converted), str(in_memory))
            rows[name] = median([run(environ, START, str(converted), str(in_memory)) for _ in range(RUNS)])
        run(environ, REFERENCE, str(published))
        rows["the TTS package"] = median([run(environ, REFERENCE, str(published)) for _ in range(RUNS)])
    figures: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "load_before": os.getloadavg()[0],
        "import_app_main_s": statistics.median(imports),
        "starts": rows,
    }
    stages = ("import", "weights", "device", "warm-up")
    print(f"import app.server.app, without torch: {figures['import_app_main_s']:.2f} s\n")
    print("| start |", " | ".join(stages), "| together |")
    print("|", " | ".join(["---"] * (len(stages) + 2)), "|")
    for name, (before, after) in rows.items():
        if before:
            print_row(f"{name}: made once", before, stages)
            name = f"{name}: restored"
        print_row(name, after, stages)
    with RESULTS.open("a") as file:
        file.write(json.dumps(figures) + "\n")


def print_row(name: str, stages_s: dict[str, float], stages: tuple[str, ...]) -> None:
    cells = (f"{stages_s[stage]:.2f} s" if stage in stages_s else "-" for stage in stages)
    print(f"| {name} |", " | ".join(cells), f"| {sum(stages_s.values()):.2f} s |")


def make_checkpoints(folder: Path) -> tuple[Path, Path]:
    """Full size, random weights: as published, and converted."""
    published, converted = folder / "published", folder / "converted"
    subprocess.run([sys.executable, "-m", "tests.support.tiny_xtts", str(published), "--full-size"], check=True)
    convert = (
        "from pathlib import Path; from app.engine.xtts.checkpoint.convert import convert_checkpoint; import sys; "
    )
    convert += "convert_checkpoint(Path(sys.argv[1]), Path(sys.argv[2]), model='bench', revision=None)"
    subprocess.run([sys.executable, "-W", "ignore", "-c", convert, str(published), str(converted)], check=True)
    return published, converted


def timed_import(environ: dict[str, str]) -> float:
    began_at_s = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORT], env=environ, check=True)
    return time.perf_counter() - began_at_s


def run(environ: dict[str, str], code: str, *arguments: str) -> list[dict[str, float]]:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code, *arguments], env=environ, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # fmt: skip
    stages: list[dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return stages


def median(runs: list[list[dict[str, float]]]) -> list[dict[str, float]]:
    return [
        {stage: statistics.median(each[half][stage] for each in runs) for stage in runs[0][half]} for half in (0, 1)
    ]


if __name__ == "__main__":
    main()
