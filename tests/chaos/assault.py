"""Worker: carry out attacks, one after the other or all together, and report each."""

import asyncio
import random
import time
from collections import Counter

import psutil

from tests.chaos.attack import Attack, Report, carry_out
from tests.chaos.attacks import by_name
from tests.chaos.target import Target
from tests.chaos.worker import serve_as_worker

TOGETHER = "together"
ALONE = "alone"
PAUSE_S = 0.2
TOGETHER_PAUSE_S = 2.0
"""Between two rounds of one attack. Forty attackers without a pause measure how many requests one core parses."""


async def assault(target: Target, arguments: list[str], stop: asyncio.Event) -> list[Report]:
    """`arguments`: "alone" or "together", the seconds that it may take at most, and the names of attacks."""
    mode, seconds, *names = arguments
    end_s = time.monotonic() + float(seconds)
    attacks = [by_name(name) for name in names]
    if mode == ALONE:
        return await _one_by_one(attacks, target, end_s)
    return await asyncio.gather(*(_again_and_again(attack, target, end_s, stop) for attack in attacks))


async def _one_by_one(attacks: list[Attack], target: Target, end_s: float) -> list[Report]:
    """Up to the attack that ends the server, whose report says so."""
    reports: list[Report] = []
    for attack in attacks:
        if time.monotonic() > end_s:
            break
        report = await carry_out(attack, target)
        reports.append(report)
        await asyncio.sleep(PAUSE_S)
        if not is_alive(target.pid):
            report.faults.insert(0, "THE SERVER ENDED")
            break
    return reports


async def _again_and_again(attack: Attack, target: Target, end_s: float, stop: asyncio.Event) -> Report:
    """Rounds until the time is over, added up in one report. A round that is cut off by that is not counted."""
    await asyncio.sleep(TOGETHER_PAUSE_S * random.random())
    began_at_s = time.monotonic()
    answers: Counter[str] = Counter()
    faults: list[str] = []
    rounds = 0
    while not stop.is_set() and time.monotonic() < end_s and is_alive(target.pid):
        try:
            async with asyncio.timeout(max(0.0, end_s - time.monotonic())):
                report = await carry_out(attack, target)
        except TimeoutError:
            break
        answers.update(report.answers)
        faults += [fault for fault in report.faults if fault not in faults]
        rounds += 1
        await asyncio.sleep(TOGETHER_PAUSE_S)
    return Report(
        name=attack.name,
        sends=attack.sends,
        began_at_s=began_at_s,
        ended_at_s=time.monotonic(),
        answers=dict(answers),
        faults=faults,
        rounds=rounds,
    )


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


if __name__ == "__main__":
    serve_as_worker(assault)
