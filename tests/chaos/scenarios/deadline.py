"""CHORUS_REQUEST_TIMEOUT_S: a whole answer that cannot be ready in time is told so, in time."""

import time

from tests.chaos.attack import Tally
from tests.chaos.scenarios.scenario import Place, Scenario
from tests.chaos.server import running
from tests.chaos.target import exchange, post_json

TIMEOUT_S = 1.0
TEXT = "This is a sentence of a long text that goes on and on. " * 360


async def ask_for_too_much(place: Place, tally: Tally) -> None:
    async with running(place.folder, tree=place.tree, CHORUS_REQUEST_TIMEOUT_S=str(TIMEOUT_S)) as server:
        for _ in range(3):
            began_at_s = time.monotonic()
            answer = tally.take(await exchange(server.target, post_json(server.target, "/tts", text=TEXT), limit_s=20))
            took_s = time.monotonic() - began_at_s
            if answer.status == "200" and took_s > TIMEOUT_S + 2:
                tally.fault(f"200 after {took_s:.1f} s")
            elif took_s > TIMEOUT_S + 2:
                tally.fault(f"told after {took_s:.1f} s")
        if left := await server.settle(10):
            tally.fault(f"still held: {left}")


SCENARIO = Scenario(
    name="an answer that is late is told in time",
    sends="3 texts of 20,000 characters at a time limit of 1 s",
    run=ask_for_too_much,
    expects=frozenset({"504", "200"}),
)
