"""The whole program: its phases in their order."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from tests.chaos.attacks import attacks_on
from tests.chaos.embedded_phase import EmbeddedPhase
from tests.chaos.outcome import Outcome, Row
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.scenarios.scenario import Place, play
from tests.chaos.xtts_phase import attack_xtts


class Program:
    """Works in `folder`, which it leaves to its caller to remove. `tree` is the checkout whose server is attacked."""

    def __init__(self, folder: Path, tree: Path, say: Callable[[str], None], only: str = "") -> None:
        self._folder = folder
        self._tree = tree
        self._say = say
        self._only = only
        self.outcome = Outcome()

    async def run(self) -> None:
        """A phase that breaks off is a goal that is missed; the others go on."""
        checkpoint = self._folder / "tiny"
        if attacks := [attack for attack in attacks_on("embedded") if self._only in attack.name]:
            phase = EmbeddedPhase(self.outcome, self._folder, self._tree, self._say)
            await self._bounded("the embedded voice", phase.run(attacks))
        await _write_checkpoint(checkpoint)
        if scenarios := [scenario for scenario in SCENARIOS if self._only in scenario.name]:
            self._say(f"{len(scenarios)} scenarios beside each other, each with a server of its own")
            places = [
                Place(folder=self._folder / f"scenario-{number}", tree=self._tree, checkpoint=checkpoint)
                for number in range(len(scenarios))
            ]
            reports = await asyncio.gather(*map(play, scenarios, places))
            self.outcome.rows += [Row(report) for report in reports]
        if attacks := [attack for attack in attacks_on("xtts") if self._only in attack.name]:
            folder = self._folder / "xtts"
            running = attack_xtts(attacks, self.outcome, folder, self._tree, checkpoint, self._say)
            await self._bounded("the tiny XTTS checkpoint", running)

    async def _bounded(self, name: str, phase: Awaitable[None]) -> None:
        try:
            await phase
        except (OSError, EOFError, RuntimeError, ValueError, KeyError, httpx.HTTPError) as error:
            self.outcome.figure(f"the attacks on {name}", f"broke off: {error!r}"[:300], "come to their end", False)


async def _write_checkpoint(folder: Path) -> None:
    command = [sys.executable, "-m", "tests.support.tiny_xtts", str(folder)]
    writing = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while writing.poll() is None:
            await asyncio.sleep(0.1)
    finally:
        writing.kill()
        writing.wait()
