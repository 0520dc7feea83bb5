"""Voices cloned in a loop, from recordings that no cache has seen."""

import asyncio
import itertools

from tests.chaos.attack import BUSY, Attack, Tally
from tests.chaos.recordings import voice, wav
from tests.chaos.target import Target, exchange, post_files

RECORDING_S = 30.0
"""The longest that XTTS uses of a recording."""

_seeds = itertools.count(1)


async def clone(target: Target, tally: Tally) -> None:
    recording = wav(voice(RECORDING_S, seed=next(_seeds)))
    pieces = post_files(target, "/voice-clone", [('; filename="a.wav"', recording)], text="Hi there.")
    tally.take(await exchange(target, pieces, limit_s=60))


async def clone_loop(target: Target, tally: Tally) -> None:
    """Three callers, each of whom clones again as soon as it is answered."""

    async def one() -> None:
        for _ in range(target.times(4, 1)):
            await clone(target, tally)

    await asyncio.gather(*(one() for _ in range(3)))


async def clones_at_once(target: Target, tally: Tally) -> None:
    await asyncio.gather(*(clone(target, tally) for _ in range(target.times(10, 2))))


ATTACKS = (
    Attack(
        name="three callers who clone in a loop are served beside the others",
        sends="12 clones, 3 at a time",
        run=clone_loop,
        expects=BUSY | {"200"},
        limit_s=60,
        engine="xtts",
    ),
    Attack(
        name="clones at once are made or told to come back",
        sends="10 clones",
        run=clones_at_once,
        expects=BUSY | {"200"},
        limit_s=60,
        engine="xtts",
    ),
)
