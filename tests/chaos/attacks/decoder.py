"""The process that decodes uploads, killed while it works."""

import asyncio
import contextlib
import signal

import psutil

from tests.chaos.attack import BUSY, REFUSALS, Attack, Tally
from tests.chaos.attacks.uploads import check
from tests.chaos.recordings import long_mp3, voice, wav
from tests.chaos.target import Target


async def kill_decoders(target: Target, tally: Tally) -> None:
    """Three uploads at once, and kill -9 for every child of the server, twice. Then an upload must work."""
    server = psutil.Process(target.pid)
    for _ in range(2):
        uploads = [asyncio.create_task(check(target, tally, long_mp3(30))) for _ in range(3)]
        await asyncio.sleep(0.1)
        children = server.children(recursive=True)
        if not children:
            tally.fault("the server decodes in its own process")
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.send_signal(signal.SIGKILL)
        await asyncio.gather(*uploads)
    again = Tally()
    if (answer := await check(target, again, wav(voice(3.0)))).status != "200":
        tally.fault(f"the next upload is answered with {answer.status}")


ATTACKS = (
    Attack(
        name="a decoder that is killed costs no more than its upload",
        sends="6 uploads, and kill -9 for each child of the server",
        run=kill_decoders,
        expects=REFUSALS | BUSY | {"200"},
        limit_s=30,
    ),
)
