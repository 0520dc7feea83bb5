"""SIGTERM while a client reads a whole answer at 0.8 MB/s: every byte must arrive, and the process end with 0."""

import asyncio
import signal
import time

from tests.chaos.attack import Tally
from tests.chaos.scenarios.scenario import Place, Scenario
from tests.chaos.server import running
from tests.chaos.target import connected, post_json, read_head

BYTES_PER_S = 800_000
DRAIN_TIMEOUT_S = 30
TEXT = "This is a sentence of a long text that goes on and on. " * 70


async def read_slowly(place: Place, tally: Tally) -> None:
    async with running(place.folder, tree=place.tree, CHORUS_DRAIN_TIMEOUT_S=str(DRAIN_TIMEOUT_S)) as server:
        async with connected(server.target, receive_buffer=65_536) as (reader, writer):
            for piece in post_json(server.target, "/tts", text=TEXT, seed=1):
                writer.write(piece)
            status, headers = await read_head(reader)
            tally.add(status)
            server.process.send_signal(signal.SIGTERM)
            began_at_s = time.monotonic()
            num_bytes = 0
            while piece := await reader.read(65_536):
                num_bytes += len(piece)
                await asyncio.sleep(max(0.0, began_at_s + num_bytes / BYTES_PER_S - time.monotonic()))
        took_s = time.monotonic() - began_at_s
        expected = int(headers["content-length"])
        tally.details.append(f"{num_bytes / 1e6:.1f} of {expected / 1e6:.1f} MB in {took_s:.0f} s")
        if num_bytes != expected:
            tally.fault(f"{num_bytes} of {expected} bytes arrived")
        if took_s > DRAIN_TIMEOUT_S:
            tally.fault(f"it took {took_s:.0f} s")
        if (status := await server.ended(5)) != 0:
            tally.fault(f"exit status {status}")


SCENARIO = Scenario(
    name="SIGTERM lets a slow reader read to the end",
    sends="1 answer of 10 MB, read at 0.8 MB/s",
    run=read_slowly,
    expects=frozenset({"200"}),
    limit_s=60,
)
