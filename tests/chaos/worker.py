"""Programs that run beside the server, each in a process of its own, and hand back JSON when they are told to stop."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Self

import msgspec

from tests.chaos.attack import Attack
from tests.chaos.target import Target

ATTACKER_NICENESS = 10


class Worker:
    """`python -m <module>`, started now. Its input's end tells it to stop; it then prints its result and ends."""

    def __init__(self, module: str, target: Target, *arguments: str, niceness: int = 0) -> None:
        command = [sys.executable, "-m", module, msgspec.json.encode(target).decode(), *arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if niceness:
            os.setpriority(os.PRIO_PROCESS, self._process.pid, os.nice(0) + niceness)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    async def stop(self) -> Any:
        """Tell it to stop; its result."""
        assert self._process.stdin
        self._process.stdin.close()
        return await self.result()

    async def result(self, limit_s: float = 60.0) -> Any:
        """Wait until it ends by itself; its result."""
        assert self._process.stdout
        async with asyncio.timeout(limit_s):
            return json.loads(await asyncio.to_thread(self._process.stdout.read))

    def kill(self) -> None:
        """End the process. May be called twice."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()


def assault_on(target: Target, mode: str, seconds: float, attacks: Sequence[Attack]) -> Worker:
    """A worker that carries out `attacks`, with the machine's time only where others leave it."""
    names = [attack.name for attack in attacks]
    return Worker("tests.chaos.assault", target, mode, str(seconds), *names, niceness=ATTACKER_NICENESS)


def serve_as_worker(work: Callable[[Target, list[str], asyncio.Event], Awaitable[Any]]) -> None:
    """The main function of a worker: run `work` until it ends, and print its result as JSON.

    The event is set when the parent closes our input, or has died.
    """
    target = msgspec.json.decode(sys.argv[1], type=Target)

    async def run() -> Any:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), stop.set)
        try:
            return await work(target, sys.argv[2:], stop)
        finally:
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())

    print(msgspec.json.encode(asyncio.run(run())).decode())
