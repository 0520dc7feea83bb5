"""`chorus say -o` on what is no regular file: a FIFO stays a FIFO, and a device a device."""

import asyncio
import os
import stat
import sys

from tests.chaos.attack import Tally
from tests.chaos.scenarios.scenario import Place, Scenario


async def say_into(place: Place, tally: Tally) -> None:
    fifo = place.folder / "fifo"
    os.mkfifo(fifo)
    link, behind = place.folder / "link.wav", place.folder / "behind.wav"
    link.symlink_to(behind)
    targets = [fifo, link]
    if os.geteuid() == 0:
        device = place.folder / "null"
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        targets.append(device)
    kinds = [stat.S_IFMT(path.lstat().st_mode) for path in targets]
    reader = await asyncio.create_subprocess_exec("cat", str(fifo), stdout=asyncio.subprocess.DEVNULL)
    try:
        for path, kind in zip(targets, kinds, strict=True):
            environ = os.environ | {"CHORUS_ENGINE": "embedded", "CHORUS_DATA": str(place.folder / "data")}
            command = (sys.executable, "-m", "app", "say", "Hello.", "--format", "wav", "-o", str(path))
            saying = await asyncio.create_subprocess_exec(
                *command, cwd=place.tree, env=environ, stderr=asyncio.subprocess.DEVNULL
            )
            tally.add(f"exit {await saying.wait()}")
            if stat.S_IFMT(path.lstat().st_mode) != kind:
                tally.fault(f"{path.name} is a regular file afterwards")
    finally:
        if reader.returncode is None:
            reader.kill()
        await reader.wait()


SCENARIO = Scenario(
    name="chorus say -o leaves a FIFO, a link and a device what they are",
    sends="3 commands",
    run=say_into,
    expects=frozenset({"exit 0"}),
)
