"""The attacks on the tiny XTTS checkpoint, and the figures in decode steps."""

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from tests.chaos.assault import ALONE
from tests.chaos.attack import Attack, Report
from tests.chaos.decode_steps import SHORT_TEXT, pace_beside_clones, steps_alone, steps_beside_a_long_text
from tests.chaos.outcome import Outcome, Row
from tests.chaos.server import Server, running, warm_up
from tests.chaos.worker import assault_on

ATTACKS_S = 60.0
SETTLE_S = 20.0
MAX_FIRST_AUDIO_STEPS = 12
MAX_STEPS_RATIO = 1.5
MIN_PACE_SHARE = 0.4


async def attack_xtts(
    attacks: Sequence[Attack], outcome: Outcome, folder: Path, tree: Path, checkpoint: Path, say: Callable[[str], None]
) -> None:
    async with running(folder, engine="xtts", tree=tree, CHORUS_MODEL=str(checkpoint)) as server:
        await warm_up(server)
        say("decode steps until the first audio")
        await _first_audio(server, outcome)
        say("decode steps beside three callers who clone in a loop")
        await _pace(server, outcome)
        say(f"{len(attacks)} attacks on the tiny XTTS checkpoint, one after the other")
        with assault_on(server.target, ALONE, ATTACKS_S, attacks) as assault:
            reports = msgspec.convert(await assault.result(2 * ATTACKS_S), list[Report])
        outcome.rows += [Row(report) for report in reports]
        held = await server.settle(SETTLE_S)
        outcome.figures_at_the_end("XTTS", list(held), await server.metrics())


async def _first_audio(server: Server, outcome: Outcome) -> None:
    alone = await steps_alone(server, SHORT_TEXT)
    outcome.figure(
        "decode steps until the first samples of a stream",
        f"{min(alone)} ({alone})",
        f"at most {MAX_FIRST_AUDIO_STEPS}",
        min(alone) <= MAX_FIRST_AUDIO_STEPS,
    )
    beside = await steps_beside_a_long_text(server, SHORT_TEXT)
    ratio = statistics.median(beside) / statistics.median(alone)
    outcome.figure(
        "decode steps until the first samples, beside a text of 100 segments",
        f"{statistics.median(beside):.0f} ({beside}), alone {statistics.median(alone):.0f}: {ratio:.2f} times",
        f"at most {MAX_STEPS_RATIO} times",
        ratio <= MAX_STEPS_RATIO,
    )


async def _pace(server: Server, outcome: Outcome) -> None:
    pace = await pace_beside_clones(server, seconds=6.0)
    outcome.figure(
        "decode steps a second beside three callers who clone in a loop",
        f"{pace.beside_clones:.1f}, alone {pace.alone:.1f}: {pace.share:.0%}",
        f"at least {MIN_PACE_SHARE:.0%}",
        pace.share >= MIN_PACE_SHARE,
    )
