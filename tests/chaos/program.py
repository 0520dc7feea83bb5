"""The whole program: the phases in their order, and the figures that they end in."""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import msgspec

from tests.chaos.assault import ALONE, TOGETHER
from tests.chaos.attack import Attack, Report
from tests.chaos.attacks import attacks_on
from tests.chaos.beside import Noticed, noticed, read_listenings, read_probes
from tests.chaos.decode_steps import SHORT_TEXT, long_text, pace_beside_clones, steps_to_first_audio
from tests.chaos.figures import Figure
from tests.chaos.listen import LONG_TEXT, Listening
from tests.chaos.probe import Probe
from tests.chaos.recordings import voice, wav
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.scenarios.scenario import Place, play
from tests.chaos.server import Server, running
from tests.chaos.worker import Worker

IDLE_S, UNDISTURBED_S = 4.0, 12.0
ALONE_S, TOGETHER_S = 110.0, 35.0
MEMORY_GROWTH = 1.2
ATTACKER_NICENESS = 10


class Row(msgspec.Struct, frozen=True):
    """An attack, and what the others noticed of it."""

    report: Report
    beside: Noticed | None = None


class Outcome(msgspec.Struct, kw_only=True):
    """Everything that is printed."""

    rows: list[Row] = []
    figures: list[Figure] = []
    notes: list[str] = []

    @property
    def is_good(self) -> bool:
        return all(row.report.verdict == "ok" for row in self.rows) and all(figure.is_met for figure in self.figures)


Say = Callable[[str], None]


class Program:
    """Works in `folder`, which it leaves to its caller to remove. `tree` is the checkout whose server is attacked."""

    def __init__(self, folder: Path, tree: Path, say: Say, only: str = "") -> None:
        self._folder = folder
        self._tree = tree
        self._say = say
        self._only = only
        self.outcome = Outcome()

    async def run(self) -> None:
        checkpoint = self._folder / "tiny"
        await self._attack_embedded()
        writing = subprocess.Popen(
            [sys.executable, "-m", "tests.support.tiny_xtts", str(checkpoint)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while writing.poll() is None:
                await asyncio.sleep(0.1)
        finally:
            writing.kill()
            writing.wait()
        await self._play_scenarios(checkpoint)
        await self._attack_xtts(checkpoint)

    async def _attack_embedded(self) -> None:
        attacks = [attack for attack in attacks_on("embedded") if self._only in attack.name]
        deadly: set[str] = set()
        rest = attacks
        round_number = 0
        probes: list[Probe] = []
        listenings: list[Listening] = []
        reports: list[Report] = []
        end_s = time.monotonic() + ALONE_S
        # One after the other. A server that an attack ends is started again for the rest.
        while rest and time.monotonic() < end_s:
            round_number += 1
            async with self._embedded(round_number) as server:
                await warm_up(server)
                self._say(f"{len(rest)} attacks on the embedded voice, one after the other")
                with_probe, with_listeners = (
                    Worker("tests.chaos.probe", server.target),
                    Worker("tests.chaos.listen", server.target),
                )
                assault = self._assault(server, ALONE, end_s - time.monotonic(), rest)
                done = msgspec.convert(await assault.result(ALONE_S + 90), list[Report])
                probes += read_probes(await with_probe.stop())
                listenings += read_listenings(await with_listeners.stop())
                reports += done
                if not server.is_alive and done:
                    deadly.add(done[-1].name)
                if not done:
                    break
                rest = rest[len(done) :]
        for report in reports:
            beside = noticed(probes, listenings, report.began_at_s, report.ended_at_s)
            self.outcome.rows.append(Row(report, beside))
        if rest:
            self.outcome.notes.append(f"not tried for lack of time: {', '.join(attack.name for attack in rest)}")
        await self._together([attack for attack in attacks if attack.name not in deadly])

    async def _together(self, attacks: list[Attack]) -> None:
        async with self._embedded(0) as server:
            await warm_up(server)
            await server.settle(10)
            memory_before = await server.settled_memory_bytes(3)
            probe = Worker("tests.chaos.probe", server.target)
            idle_from_s = time.monotonic() + 0.5
            self._say("nobody asks for anything")
            await asyncio.sleep(IDLE_S)
            idle_to_s = time.monotonic()
            listeners = Worker("tests.chaos.listen", server.target)
            self._say("four listeners, undisturbed")
            await asyncio.sleep(UNDISTURBED_S)
            undisturbed_to_s = time.monotonic()
            self._say(f"{len(attacks)} attacks on the embedded voice, all together")
            result = await self._assault(server, TOGETHER, TOGETHER_S, attacks).result(TOGETHER_S + 90)
            together_to_s = time.monotonic()
            load = os.getloadavg()[0]
            reports = msgspec.convert(result, list[Report])
            probes, listenings = read_probes(await probe.stop()), read_listenings(await listeners.stop())
            idle = noticed(probes, listenings, idle_from_s, idle_to_s)
            undisturbed = noticed(probes, listenings, idle_to_s + 1, undisturbed_to_s)
            together = noticed(probes, listenings, undisturbed_to_s, together_to_s)
            self._count_together(reports)
            if not server.is_alive:
                self._figure("the server lives", "it has ended", "it goes on", False)
                return
            left = await server.settle(15)
            memory_after = await server.settled_memory_bytes()
            errors = {name: value for name, value in (await server.metrics()).items() if 'status="500"' in name}
        self._live_figures(idle, undisturbed, together, load)
        grown = memory_after / memory_before
        self._figure(
            "memory afterwards",
            f"{memory_after / 1e6:.0f} MB, before {memory_before / 1e6:.0f} MB: {grown:.2f} times",
            f"at most {MEMORY_GROWTH} times",
            grown <= MEMORY_GROWTH,
        )
        self._figure("slots and places held afterwards", ", ".join(left) or "none", "none", not left)
        self._figure("answers of 500", str(round(sum(errors.values()))), "none", not errors)

    def _count_together(self, reports: Sequence[Report]) -> None:
        rounds = sum(report.rounds for report in reports)
        failed = {report.name: report.verdict for report in reports if report.verdict != "ok"}
        self.outcome.notes.append(f"all together: {rounds} rounds of {len(reports)} attacks")
        for name, verdict in failed.items():
            # Time limits of single attacks are not meant for a machine that carries out all of them at once.
            self.outcome.notes.append(f"all together: {name}: {verdict}")

    def _live_figures(self, idle: Noticed, undisturbed: Noticed, together: Noticed, load: float) -> None:
        def live(one: Noticed) -> str:
            return f"p99 {one.live_p99_ms:.0f} ms, max {one.live_max_ms:.0f} ms"

        self._figure(
            "/health/live, all attacks together",
            f"{live(together)}, {together.live_lost} lost (idle: {live(idle)}; listeners only: {live(undisturbed)}; "
            f"load {load:.1f} on {os.cpu_count()} cores, the probe itself late by p99 {together.lag_p99_ms:.0f} ms)",
            "p99 100 ms, max 500 ms",
            together.live_p99_ms <= 100 and together.live_max_ms <= 500 and not together.live_lost,
        )
        self._figure(
            "longest gap that a listener heard",
            f"{together.gap_s:.2f} s in {together.streams} streams (undisturbed: {undisturbed.gap_s:.2f} s in "
            f"{undisturbed.streams}); first audio p50 {together.first_audio_p50_s:.2f} s, max "
            f"{together.first_audio_max_s:.2f} s (undisturbed: {undisturbed.first_audio_p50_s:.2f} s, "
            f"{undisturbed.first_audio_max_s:.2f} s); {together.refused} told to come back",
            "1 s",
            together.gap_s <= 1.0,
        )
        self._figure("streams that broke off", ", ".join(together.broken) or "none", "none", not together.broken)

    async def _play_scenarios(self, checkpoint: Path) -> None:
        for number, scenario in enumerate(SCENARIOS):
            if self._only in scenario.name:
                self._say(scenario.name)
                place = Place(folder=self._folder / f"scenario-{number}", tree=self._tree, checkpoint=checkpoint)
                self.outcome.rows.append(Row(await play(scenario, place)))

    async def _attack_xtts(self, checkpoint: Path) -> None:
        attacks = [attack for attack in attacks_on("xtts") if self._only in attack.name]
        if not attacks:
            return
        folder = self._folder / "xtts"
        async with running(folder, engine="xtts", tree=self._tree, CHORUS_MODEL=str(checkpoint)) as server:
            await warm_up(server)
            if "chorus_decode_steps_total" in await server.metrics():
                await self._step_figures(server)
            self._say(f"{len(attacks)} attacks on the tiny XTTS checkpoint, one after the other")
            result = await self._assault(server, ALONE, 60, attacks).result(120)
            self.outcome.rows += [Row(report) for report in msgspec.convert(result, list[Report])]
            left = await server.settle(20)
            errors = {name: value for name, value in (await server.metrics()).items() if 'status="500"' in name}
        self._figure("slots and places held afterwards, XTTS", ", ".join(left) or "none", "none", not left)
        self._figure("answers of 500, XTTS", str(round(sum(errors.values()))), "none", not errors)

    async def _step_figures(self, server: Server) -> None:
        self._say("steps until the first audio, alone and beside a text of 100 segments")
        alone = await steps_to_first_audio(server, SHORT_TEXT)
        self._figure(
            "decode steps until the first samples of a stream",
            f"{min(alone)} ({alone})",
            "at most 12",
            min(alone) <= 12,
        )
        async with long_text(server):
            beside = await steps_to_first_audio(server, SHORT_TEXT)
        ratio = statistics.median(beside) / statistics.median(alone)
        self._figure(
            "decode steps until the first samples, beside a text of 100 segments",
            f"{statistics.median(beside):.0f} ({beside}), alone {statistics.median(alone):.0f}: {ratio:.2f} times",
            "at most 1.5 times",
            ratio <= 1.5,
        )
        self._say("decode steps beside three callers who clone in a loop")
        pace = await pace_beside_clones(server, 6.0)
        self._figure(
            "decode steps a second beside three callers who clone in a loop",
            f"{pace.beside_clones:.1f}, alone {pace.alone:.1f}: {pace.share:.0%}",
            "at least 40 %",
            pace.share >= 0.4,
        )

    def _assault(self, server: Server, mode: str, seconds: float, attacks: Sequence[Attack]) -> Worker:
        names = [attack.name for attack in attacks]
        return Worker("tests.chaos.assault", server.target, mode, str(seconds), *names, niceness=ATTACKER_NICENESS)

    def _embedded(self, number: int):
        return running(self._folder / f"embedded-{number}", tree=self._tree)

    def _figure(self, name: str, measured: str, goal: str, is_met: bool) -> None:
        self.outcome.figures.append(Figure(name=name, measured=measured, goal=goal, is_met=is_met))


async def warm_up(server: Server) -> None:
    """Use every part once, so that memory and times of first use are not taken for an attack's."""
    files = [("reference_audio", ("a.wav", wav(voice(5.0))))] * 4
    async with httpx.AsyncClient(base_url=server.target.url, timeout=60) as client:
        is_tiny = server.target.engine == "xtts"
        texts = ["Hello there."] * 8 + ([] if is_tiny else [LONG_TEXT[:3000]] * 2)
        await asyncio.gather(
            *(client.post("/tts", json={"text": text, "stream": number % 2 == 0}) for number, text in enumerate(texts)),
            *(client.post("/voices/check", files=files) for _ in range(4)),
            *(client.get(path) for path in ("/docs", "/docs/openapi.json", "/", "/speakers", "/metrics")),
        )
