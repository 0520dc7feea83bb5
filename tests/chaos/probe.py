"""Worker: ask `/health/live` twenty times a second, each time on a new connection, and note how long each answer took.

The questions are asked on a fixed schedule: one that is answered late does not delay the next, so a stall of a second
counts as twenty late answers and not as one.
"""

import asyncio
import time

import msgspec

from tests.chaos.target import Target, exchange, head
from tests.chaos.worker import serve_as_worker

INTERVAL_S = 0.05
LIMIT_S = 10.0


class Probe(msgspec.Struct, frozen=True):
    """One question. `lag_s`: how late this process itself was in asking it, which says how busy the machine is."""

    at_s: float
    took_s: float
    status: str
    lag_s: float


async def probe(target: Target, _: list[str], stop: asyncio.Event) -> list[Probe]:
    probes: list[Probe] = []

    async def ask(planned_at_s: float) -> None:
        began_at_s = time.monotonic()
        answer = await exchange(target, [head(target, "GET", "/health/live")], limit_s=LIMIT_S)
        took_s = time.monotonic() - began_at_s
        probes.append(Probe(began_at_s, took_s, answer.status, began_at_s - planned_at_s))

    planned_at_s = time.monotonic()
    async with asyncio.TaskGroup() as asking:
        while not stop.is_set():
            asking.create_task(ask(planned_at_s))
            planned_at_s += INTERVAL_S
            await asyncio.sleep(max(0.0, planned_at_s - time.monotonic()))
    return probes


if __name__ == "__main__":
    serve_as_worker(probe)
