"""Attacks that need a server of their own, because they end it, starve it of disk or set it up otherwise."""

from tests.chaos.scenarios import deadline, disk, drain, say, starting
from tests.chaos.scenarios.scenario import Scenario

SCENARIOS: tuple[Scenario, ...] = (
    drain.SCENARIO,
    deadline.SCENARIO,
    starting.SCENARIO,
    say.SCENARIO,
    disk.SCENARIO,
)
