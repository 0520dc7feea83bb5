"""`python -m tests.chaos`, which `make chaos` runs."""

import argparse
import asyncio
import contextlib
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.program import Program
from tests.chaos.server import ROOT
from tests.chaos.table import as_text

LIMIT_S = 360.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="attacks and scenarios whose name has this in it")
    parser.add_argument("--tree", type=Path, default=ROOT, help="another checkout of the project, to compare with")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds after which it is cut off")
    arguments = parser.parse_args()
    began_at_s = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began_at_s:4.0f} s  {line}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="chorus-chaos-") as folder:
        program = Program(Path(folder), arguments.tree.resolve(), say, arguments.only)
        is_whole = asyncio.run(_within_limit(program, arguments.limit))
    print(as_text(program.outcome))
    took_s = time.monotonic() - began_at_s
    print(f"{'all' if is_whole else 'CUT OFF'} after {took_s:.0f} s")
    return 0 if is_whole and program.outcome.is_good else 1


async def _within_limit(program: Program, limit_s: float) -> bool:
    """True when the program came to its end. SIGTERM ends it, with its processes, as its time limit does."""
    running = asyncio.ensure_future(program.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait((running,), timeout=limit_s)
        if running.done():
            running.result()
            return True
        running.cancel()
        await running
    return False


if __name__ == "__main__":
    sys.exit(main())
