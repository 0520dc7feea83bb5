"""`python -m tests.bench.performance [FOLDER]`: all figures of docs/performance.md's table, one JSON line each.

Runs `chorus bench` for the embedded voice, and with FOLDER (an XTTS checkpoint that is converted) for XTTS in int8 and
in float32: requests at the same moment, one text of a minute, and requests that arrive at random. Each line has the
command, the machine's load before it, and the worst of the runs. About half an hour on two idle cores.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

SENTENCE_CODES = "100"
"""Random weights seldom end a segment: 100 codes are 4.6 s."""


class Measurement(NamedTuple):
    name: str
    environment: dict[str, str]
    options: str


def measurements(folder: str | None, *, runs: int) -> Iterator[Measurement]:
    embedded = {"CHORUS_ENGINE": "embedded"}
    yield Measurement("embedded", embedded, f"--streams 1,4,16,64 --runs {runs}")
    yield Measurement("embedded", embedded, f"--rates 1,4,16/s --duration 15 --runs {runs}")
    if folder is None:
        return
    for precision in ("int8", "float32"):
        xtts = {"CHORUS_ENGINE": "xtts", "CHORUS_MODEL": folder, "CHORUS_PRECISION": precision}
        codes = f"--codes {SENTENCE_CODES} --runs {runs}"
        yield Measurement(precision, xtts, f"--streams 1,4,16 {codes}")
        yield Measurement(precision, xtts, f"--streams 1 --sentences 13 {codes}")
        yield Measurement(precision, xtts, f"--rates 6,12,24/m --duration 60 {codes}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", help="XTTS checkpoint")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    for name, environment, arguments in measurements(options.folder, runs=options.runs):
        command = [sys.executable, "-m", "app", "bench", "--json", *arguments.split()]
        answer = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
        if answer.returncode:
            sys.exit(f"{shlex.join(command)}\n{answer.stderr}")
        shown = " ".join([*(f"{key}={value}" for key, value in environment.items()), "chorus bench", arguments])
        print(json.dumps({"name": name, "command": shown, **json.loads(answer.stdout)}), flush=True)


if __name__ == "__main__":
    main()
