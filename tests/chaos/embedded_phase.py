"""The attacks on the embedded voice: each alone, then all together."""

import asyncio
import itertools
import os
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack
from pathlib import Path

import msgspec

from tests.chaos.assault import ALONE, TOGETHER
from tests.chaos.attack import Attack, Report
from tests.chaos.beside import Noticed, noticed, read_listenings, read_probes
from tests.chaos.listen import Listening
from tests.chaos.outcome import Outcome, Row
from tests.chaos.probe import Probe
from tests.chaos.server import Server, running, warm_up
from tests.chaos.worker import Worker, assault_on

IDLE_S, UNDISTURBED_S = 3.0, 8.0
ALONE_S, TOGETHER_S = 160.0, 25.0
SLACK_S = 90.0
"""How much longer than its time a worker may take: its last attack has a time limit of its own."""
MEMORY_GROWTH = 1.2
LIVE_P99_MS, LIVE_MAX_MS, GAP_S = 100.0, 500.0, 1.0


class EmbeddedPhase:
    """Works in `folder`. `tree` is the checkout whose server is attacked."""

    def __init__(self, outcome: Outcome, folder: Path, tree: Path, say: Callable[[str], None]) -> None:
        self._outcome = outcome
        self._folder = folder
        self._tree = tree
        self._say = say
        self._num_servers = 0

    async def run(self, attacks: Sequence[Attack]) -> None:
        deadly = await self._one_by_one(attacks)
        await self._together([attack for attack in attacks if attack.name not in deadly])

    async def _one_by_one(self, attacks: Sequence[Attack]) -> set[str]:
        """A server that an attack ends is started again for the rest. The names of such attacks."""
        deadly: set[str] = set()
        rest = list(attacks)
        end_s = time.monotonic() + ALONE_S
        while rest and time.monotonic() < end_s:
            async with self._server() as server:
                await warm_up(server)
                self._say(f"{len(rest)} attacks on the embedded voice, one after the other")
                done = await self._try(server, rest, end_s - time.monotonic())
                if done and not server.is_alive:
                    deadly.add(done[-1].name)
            rest = rest[len(done) :]
            if not done:
                break
        if rest:
            self._outcome.figure("attacks not tried", ", ".join(attack.name for attack in rest), "none", False)
        return deadly

    async def _try(self, server: Server, attacks: Sequence[Attack], seconds: float) -> list[Report]:
        """The attacks in turn, beside probe and listeners."""
        with ExitStack() as workers:
            probe = workers.enter_context(Worker("tests.chaos.probe", server.target))
            listeners = workers.enter_context(Worker("tests.chaos.listen", server.target))
            assault = workers.enter_context(assault_on(server.target, ALONE, seconds, attacks))
            reports = msgspec.convert(await assault.result(seconds + SLACK_S), list[Report])
            probes, listenings = read_probes(await probe.stop()), read_listenings(await listeners.stop())
        for report in reports:
            beside = noticed(probes, listenings, report.began_at_s, report.ended_at_s)
            self._outcome.rows.append(Row(report, beside))
        return reports

    async def _together(self, attacks: Sequence[Attack]) -> None:
        async with self._server() as server:
            await warm_up(server)
            await server.settle(10)
            memory_before = await server.settled_memory_bytes(3)
            with ExitStack() as workers:
                probe = workers.enter_context(Worker("tests.chaos.probe", server.target))
                await asyncio.sleep(0.5)
                self._say("nobody asks for anything")
                spans = [time.monotonic()]
                await asyncio.sleep(IDLE_S)
                listeners = workers.enter_context(Worker("tests.chaos.listen", server.target))
                self._say("four listeners, undisturbed")
                spans.append(time.monotonic())
                await asyncio.sleep(UNDISTURBED_S)
                self._say(f"{len(attacks)} attacks on the embedded voice, all together")
                spans.append(time.monotonic())
                assault = workers.enter_context(assault_on(server.target, TOGETHER, TOGETHER_S, attacks))
                reports = msgspec.convert(await assault.result(TOGETHER_S + SLACK_S), list[Report])
                spans.append(time.monotonic())
                load = os.getloadavg()[0]
                probes, listenings = read_probes(await probe.stop()), read_listenings(await listeners.stop())
            self._note(reports)
            if not server.is_alive:
                self._outcome.figure("the server after all attacks together", "it has ended", "it goes on", False)
                return
            held = await server.settle(15)
            memory_after = await server.settled_memory_bytes()
            counters = await server.metrics()
        self._live_figures(probes, listenings, spans, load)
        self._memory_figure(memory_before, memory_after)
        self._outcome.figures_at_the_end("embedded", list(held), counters)

    def _note(self, reports: Sequence[Report]) -> None:
        """Verdicts are notes here: time limits of single attacks are not meant for all of them at once."""
        rounds = sum(report.rounds for report in reports)
        self._outcome.notes.append(f"all together: {rounds} whole rounds of {len(reports)} attacks")
        for report in reports:
            if report.verdict != "ok":
                self._outcome.notes.append(f"all together: {report.name}: {report.verdict}")

    def _live_figures(
        self, probes: Sequence[Probe], listenings: Sequence[Listening], spans: Sequence[float], load: float
    ) -> None:
        idle, undisturbed, together = (noticed(probes, listenings, *span) for span in itertools.pairwise(spans))
        figure = self._outcome.figure
        figure(
            "/health/live, all attacks together",
            f"{_live(together)}, {together.live_lost} lost (idle: {_live(idle)}; listeners only: {_live(undisturbed)}; "
            f"load {load:.1f} on {os.cpu_count()} cores, the probe itself late by p99 {together.lag_p99_ms:.0f} ms)",
            f"p99 {LIVE_P99_MS:.0f} ms, max {LIVE_MAX_MS:.0f} ms",
            together.live_p99_ms <= LIVE_P99_MS and together.live_max_ms <= LIVE_MAX_MS and not together.live_lost,
        )
        figure(
            "longest gap that a listener heard",
            f"{_heard(together)} (undisturbed: {_heard(undisturbed)}); {together.refused} told to come back",
            f"at most {GAP_S:.0f} s",
            together.gap_s <= GAP_S,
        )
        figure("streams that broke off", ", ".join(together.broken) or "none", "none", not together.broken)

    def _memory_figure(self, before: int, after: int) -> None:
        self._outcome.figure(
            "memory afterwards",
            f"{after / 1e6:.0f} MB, before {before / 1e6:.0f} MB: {after / before:.2f} times",
            f"at most {MEMORY_GROWTH} times",
            after <= MEMORY_GROWTH * before,
        )

    def _server(self) -> AbstractAsyncContextManager[Server]:
        self._num_servers += 1
        return running(self._folder / f"embedded-{self._num_servers}", tree=self._tree)


def _live(one: Noticed) -> str:
    return f"p99 {one.live_p99_ms:.0f} ms, max {one.live_max_ms:.0f} ms"


def _heard(one: Noticed) -> str:
    return (
        f"{one.gap_s:.2f} s in {one.streams} streams, first audio p50 {one.first_audio_p50_s:.2f} s, "
        f"max {one.first_audio_max_s:.2f} s"
    )
