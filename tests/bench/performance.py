"""`python -m tests.bench.performance [FOLDER]`: the figures of docs/performance.md for the embedded voice and for XTTS.

Runs `chorus bench` for the embedded voice, and with FOLDER (a checkpoint of XTTS) in int8 and in float32: requests at
the same moment, one text of a minute, and requests that arrive at random. Prints one line of JSON for each, with the
command, the machine's load before it and the worst of the runs, and at the end a table of all of them in Markdown.

25 minutes on two idle cores; `--quick` takes 6, with one run of fewer and shorter requests. A measurement that takes
longer than `--limit` seconds is interrupted and shows the streams that had ended.
"""

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from app.bench.figures import Figures
from app.cli.bench_tables import figures_table

INTERRUPTED = 130
"""Exit status of `chorus bench` after an interrupt, when it has printed what was measured."""
END_S = 60
"""after an interrupt"""


class Measurement(NamedTuple):
    name: str
    environment: dict[str, str]
    options: str


class Sizes(NamedTuple):
    """codes   of a sentence: random weights seldom end one; 100 codes are 4.6 s"""

    runs: int
    duration_s: int
    codes: int
    sentences: int
    embedded_streams: str
    embedded_rates: str
    xtts_streams: str
    xtts_rates: str


WHOLE = Sizes(3, 15, 100, 13, "1,4,16,64", "1,4,16/s", "1,4,16", "6,12,24/m")
QUICK = Sizes(1, 5, 40, 4, "1,16", "1,8/s", "1,4", "12/m")


def measurements(folder: str | None, sizes: Sizes) -> Iterator[Measurement]:
    embedded = {"CHORUS_ENGINE": "embedded"}
    runs = f"--runs {sizes.runs}"
    yield Measurement("embedded", embedded, f"--streams {sizes.embedded_streams} {runs}")
    yield Measurement("embedded", embedded, f"--rates {sizes.embedded_rates} --duration {sizes.duration_s} {runs}")
    if folder is None:
        return
    for precision in ("int8", "float32"):
        xtts = {"CHORUS_ENGINE": "xtts", "CHORUS_MODEL": folder, "CHORUS_PRECISION": precision}
        codes = f"--codes {sizes.codes} {runs}"
        yield Measurement(precision, xtts, f"--streams {sizes.xtts_streams} {codes}")
        yield Measurement(precision, xtts, f"--streams 1 --sentences {sizes.sentences} {codes}")
        rates = f"--rates {sizes.xtts_rates} --duration {4 * sizes.duration_s}"
        yield Measurement(precision, xtts, f"{rates} {codes}")


def measure(measurement: Measurement, *, limit_s: float) -> dict[str, Any]:
    """Output of `chorus bench --json`. Exits where it fails."""
    command = [sys.executable, "-m", "app", "bench", "--json", *measurement.options.split()]
    with subprocess.Popen(
        command, env=os.environ | measurement.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            answer, messages = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            answer, messages = process.communicate(timeout=END_S)
    if process.returncode not in (0, INTERRUPTED) or not answer:
        sys.exit(f"{shlex.join(command)}\n{messages}")
    return json.loads(answer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", help="checkpoint of XTTS")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter requests, once")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds for each measurement")
    options = parser.parse_args()
    tables: list[str] = []
    for measurement in measurements(options.folder, QUICK if options.quick else WHOLE):
        answer = measure(measurement, limit_s=options.limit)
        settings = " ".join(f"{key}={value}" for key, value in measurement.environment.items())
        shown = f"{settings} chorus bench {measurement.options}"
        print(json.dumps({"name": measurement.name, "command": shown, **answer}), flush=True)
        rows = msgspec.convert(answer["rows"], list[Figures])
        note = ", interrupted" if answer["is_interrupted"] else ""
        table = figures_table([(_load_name(row), row) for row in rows])
        tables.append(f"{measurement.name}: `{measurement.options}`, load {answer['load_before']}{note}\n\n{table}\n")
    print("\n" + "\n".join(tables))


def _load_name(row: Figures) -> str:
    return str(row.streams) if row.rate_per_s is None else f"{row.rate_per_s * 60:g}/m"


if __name__ == "__main__":
    main()
