"""A server in a process of its own, watched from outside: its memory, its counters, its log, its end."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import psutil

from tests.chaos.listen import LONG_TEXT
from tests.chaos.recordings import voice, wav
from tests.chaos.target import MIB, Target, exchange, head
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
START_LIMIT_S = 90.0
CLIENT_TIMEOUT_S = 3.0
_SAMPLE = re.compile(r"^(chorus_\w+)(\{[^}]*\})? (\S+)$", re.MULTILINE)


class Server:
    def __init__(self, process: subprocess.Popen[bytes], target: Target) -> None:
        self.process = process
        self.target = target

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def memory_bytes(self) -> int:
        """Resident memory of the server and of every process below it."""
        total = 0
        with contextlib.suppress(psutil.NoSuchProcess):
            server = psutil.Process(self.target.pid)
            for process in (server, *server.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    total += process.memory_info().rss
        return total

    async def metrics(self) -> dict[str, float]:
        """The server's own series by name, with labels as they are printed: `chorus_status{status="ok"}`."""
        answer = await exchange(self.target, [head(self.target, "GET", "/metrics")], keep_bytes=MIB)
        return {name + labels: float(value) for name, labels, value in _SAMPLE.findall(answer.body.decode())}

    async def busy(self) -> dict[str, float]:
        """The gauges that must be 0 when nobody asks for anything, where they are not."""
        names = (
            "chorus_slots_busy",
            "chorus_requests_admitted",
            "chorus_requests_in_flight",
            "chorus_sockets_open",
            "chorus_transcriptions_admitted",
        )
        gauges = await self.metrics()
        return {name: gauges[name] for name in names if gauges.get(name)}

    async def settle(self, limit_s: float) -> dict[str, float]:
        """Wait until nothing is under way any more; what still is after `limit_s`."""
        end_s = time.monotonic() + limit_s
        while (busy := await self.busy()) and time.monotonic() < end_s:
            await asyncio.sleep(0.25)
        return busy

    async def settled_memory_bytes(self, limit_s: float = 6.0) -> int:
        """Memory once it has stopped falling: the least of what is seen within `limit_s`."""
        end_s = time.monotonic() + limit_s
        least = self.memory_bytes()
        while time.monotonic() < end_s:
            await asyncio.sleep(0.5)
            least = min(least, self.memory_bytes())
        return least

    async def ended(self, limit_s: float) -> int | None:
        """Its exit status; None where it goes on for longer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while self.process.poll() is None:
                    await asyncio.sleep(0.05)
        return self.process.returncode


@contextlib.asynccontextmanager
async def running(
    folder: Path,
    *,
    engine: str = "embedded",
    tree: Path = ROOT,
    wrapper: Sequence[str] = (),
    is_short: bool = False,
    patience: float = 1.0,
    wait: bool = True,
    client_timeout_s: float = CLIENT_TIMEOUT_S,
    **settings: str,
) -> AsyncIterator[Server]:
    """`chorus serve` with its data and its log in `folder`. It and its children are killed at the end of the block.

    `tree` is the checkout whose server is started. `wrapper` is a command that executes the rest of its arguments.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port, wyoming_port = free_port(), free_port()
    log = folder / "server.log"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CHORUS_")}
    environ |= {
        "CHORUS_ENGINE": engine,
        "CHORUS_PORT": str(port),
        "CHORUS_WYOMING_PORT": str(wyoming_port),
        "CHORUS_DATA": str(folder / "data"),
        "CHORUS_CLIENT_TIMEOUT_S": str(client_timeout_s),
        "CHORUS_LOG_FORMAT": "json",
    } | settings
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*wrapper, sys.executable, "-m", "app", "serve"],
            cwd=tree,
            env=environ,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
    target = Target(
        port=port,
        wyoming_port=wyoming_port,
        pid=process.pid,
        engine=engine,
        client_timeout_s=client_timeout_s,
        log=str(log),
        is_short=is_short,
        patience=patience,
    )
    try:
        if wait:
            await _until_ready(target.url, process, log)
        yield Server(process, target)
    finally:
        kill_tree(process)


async def _until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    async with httpx.AsyncClient(timeout=5) as client:
        async with asyncio.timeout(START_LIMIT_S):
            while True:
                if process.poll() is not None:
                    raise RuntimeError(f"the server ended: {log.read_text(errors='replace')[-2000:]}")
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get(f"{url}/health")).status_code == 200:
                        return
                await asyncio.sleep(0.1)


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Kill a process of ours, and the processes below it that it leaves behind."""
    children: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.send_signal(signal.SIGKILL)


async def warm_up(server: Server) -> None:
    """Use every part once, so that memory and times of first use are not taken for an attack's."""
    files = [("reference_audio", ("a.wav", wav(voice(5.0))))] * 4
    texts = ["Hello there."] * 8
    if server.target.engine == "embedded":
        texts += [LONG_TEXT[:3000]] * 2
    async with httpx.AsyncClient(base_url=server.target.url, timeout=120) as client:
        speech = (await client.post("/tts", json={"text": "Hello there."})).content
        await asyncio.gather(
            *(client.post("/tts", json={"text": text, "stream": number % 2 == 0}) for number, text in enumerate(texts)),
            *(client.post("/voices/check", files=files) for _ in range(4)),
            *(client.get(path) for path in ("/docs", "/docs/openapi.json", "/", "/speakers", "/metrics")),
        )
        await asyncio.gather(*(client.post("/transcribe", content=speech) for _ in range(4)))
