"""Worker: three callers who clone in a loop until they are stopped; what they were answered."""

import asyncio

from tests.chaos.attack import Tally
from tests.chaos.attacks.cloning import clone
from tests.chaos.target import Target
from tests.chaos.worker import serve_as_worker


async def clone_in_loops(target: Target, _: list[str], stop: asyncio.Event) -> dict[str, int]:
    tally = Tally()

    async def one() -> None:
        while True:
            await clone(target, tally)

    callers = [asyncio.create_task(one()) for _ in range(3)]
    await stop.wait()
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    return dict(tally.answers)


if __name__ == "__main__":
    serve_as_worker(clone_in_loops)
