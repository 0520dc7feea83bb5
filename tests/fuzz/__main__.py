"""Send damaged recordings to a server of its own, and count the answers. Ends with 1 where one is above 4xx."""

import sys
import tempfile
import time
from pathlib import Path

import click

from app.settings import Settings
from tests.fuzz.sending import send_damaged
from tests.support.server import serve

TIMEOUT_S = 60.0


@click.command()
@click.option("--num", default=2000, show_default=True, help="Files.")
@click.option("--seed", default=0, show_default=True)
def main(num: int, seed: int) -> None:
    with tempfile.TemporaryDirectory() as data, serve(Settings(data=Path(data))) as server:
        began_at_s = time.perf_counter()
        with server.client(timeout=TIMEOUT_S) as client:
            statuses, failures = send_damaged(client, num, seed)
            assert client.get("/health/live").status_code == 200
    counts = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
    print(f"{num} damaged files in {time.perf_counter() - began_at_s:.0f} s: {counts}")
    print("\n".join(failures))
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
