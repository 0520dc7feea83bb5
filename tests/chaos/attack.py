"""An attack: a name, a bounded coroutine, and the answers that a sound server gives to it."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec
import psutil
from websockets.exceptions import WebSocketException

from tests.chaos.target import Answer, Target

MAX_ERROR_BYTES = 8192
"""An answer that refuses is no longer than this, whatever was sent."""


class Tally:
    """Answers of a server, counted by status, and its faults, in sentences."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.faults: list[str] = []
        self.details: list[str] = []
        """measured values for the table, which are no answers"""

    def add(self, answer: str) -> None:
        self.answers[answer] += 1

    def take(self, answer: Answer) -> Answer:
        """Count an answer, and look at what every answer must keep to."""
        self.add(answer.status)
        if answer.status[:1] in "45" and answer.num_bytes > MAX_ERROR_BYTES:
            self.fault(f"{answer.status} with a body of {answer.num_bytes} bytes")
        if answer.status == "503" and "retry-after" not in answer.headers:
            self.fault("503 without Retry-After")
        return answer

    def fault(self, says: str) -> None:
        if says not in self.faults:
            self.faults.append(says)


class Attack(msgspec.Struct, frozen=True, kw_only=True):
    """`run` sends at most what `sends` says, and is cut off after `limit_s`.

    `expects`: every answer must be one of these; a fault that `run` finds counts too.
    `engine`: the server that it is meant for. `transcribes`: it needs a recogniser.
    """

    name: str
    sends: str
    run: Callable[[Target, Tally], Awaitable[None]]
    expects: frozenset[str]
    limit_s: float = 15.0
    engine: str = "embedded"
    transcribes: bool = False


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Result of an attack. Moments are on the monotonic clock, which all processes of a machine share."""

    name: str
    sends: str = ""
    began_at_s: float = 0.0
    ended_at_s: float = 0.0
    answers: dict[str, int] = {}
    details: list[str] = []
    faults: list[str] = []
    rounds: int = 1

    @property
    def verdict(self) -> str:
        return "; ".join(self.faults) or "ok"


async def carry_out(attack: Attack, target: Target) -> Report:
    """One round. An attack that its own time limit ends is a fault: the server held it longer than it may."""
    tally = Tally()
    began_at_s = time.monotonic()
    try:
        async with asyncio.timeout(attack.limit_s * target.patience):
            await attack.run(target, tally)
    except TimeoutError:
        tally.fault(f"not over after {attack.limit_s * target.patience:.0f} s")
    except (OSError, EOFError, WebSocketException, psutil.Error, ValueError, LookupError) as error:
        tally.fault(f"{type(error).__name__}: {error}"[:200])
    unexpected = sorted(set(tally.answers) - attack.expects)
    faults = [f"answered {answer}" for answer in unexpected] + tally.faults
    return Report(
        name=attack.name,
        sends=attack.sends,
        began_at_s=began_at_s,
        ended_at_s=time.monotonic(),
        answers=dict(tally.answers),
        faults=faults,
    )


REFUSALS = frozenset({"400", "403", "404", "405", "408", "411", "413", "414", "415", "417", "421", "422", "429", "431"})
"""Answers that tell a caller what to change."""
BUSY = frozenset({"429", "503"})
"""Answers that tell a caller to come back later."""
