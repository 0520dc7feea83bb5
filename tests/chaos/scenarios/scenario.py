"""A scenario: an attack that starts the server itself."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from tests.chaos.attack import Report, Tally


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Paths for a scenario: an empty folder, the checkout to start, and the tiny checkpoint."""

    folder: Path
    tree: Path
    checkpoint: Path


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    sends: str
    run: Callable[[Place, Tally], Awaitable[None]]
    expects: frozenset[str]
    limit_s: float = 60.0


async def play(scenario: Scenario, place: Place) -> Report:
    tally = Tally()
    place.folder.mkdir(parents=True)
    began_at_s = time.monotonic()
    try:
        async with asyncio.timeout(scenario.limit_s):
            await scenario.run(place, tally)
    except TimeoutError:
        tally.fault(f"not over after {scenario.limit_s:.0f} s")
    except (OSError, RuntimeError) as error:
        tally.fault(f"{type(error).__name__}: {error}"[:300])
    unexpected = sorted(set(tally.answers) - scenario.expects)
    return Report(
        name=scenario.name,
        sends=scenario.sends,
        began_at_s=began_at_s,
        ended_at_s=time.monotonic(),
        answers=dict(tally.answers),
        details=tally.details,
        faults=[f"answered {answer}" for answer in unexpected] + tally.faults,
    )
