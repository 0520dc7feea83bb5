"""`python -m tests.bench.live`: how soon a WebSocket is heard, beside `POST /tts` in the same run; and fifty at once.

Both sides are connected already, and both are given the same first sentence: the request in its body, the socket word
by word as a language model would, with the first word of the next sentence.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil
from websockets.asyncio.client import ClientConnection, connect

from app.bench.figures import percentile
from app.bench.listener import Listener
from app.bench.streams import http_streams
from tests.support.server import chorus_serve

SENTENCE = "A long road runs from the harbour to the hills, and travellers have told stories about it for ages."
RUNS = 40
NUM_SOCKETS = 50


async def request_s(client: httpx.AsyncClient) -> float:
    """Seconds from `POST /tts` to the first audio of its stream."""
    listener = Listener()
    await listener.listen(http_streams(client)(SENTENCE, 1), sample_rate_hz=24_000)
    assert listener.first_playable_s is not None
    return listener.first_playable_s


async def socket_s(socket: ClientConnection) -> float:
    """Seconds from the first word to the first audio."""
    began_at_s = time.perf_counter()
    for word in f"{SENTENCE} And then".split(" "):
        await socket.send(json.dumps({"type": "text", "text": f"{word} "}))
    while not isinstance(await socket.recv(), bytes):
        pass
    first_s = time.perf_counter() - began_at_s
    await socket.send('{"type": "cancel"}')
    while (heard := await socket.recv()) is not None:
        if isinstance(heard, str) and json.loads(heard)["type"] == "cancelled":
            break
    return first_s


async def started(url: str, seed: int) -> ClientConnection:
    socket = await connect(f"{url.replace('http', 'ws')}/ws/tts")
    await socket.send(json.dumps({"type": "start", "seed": seed}))
    await socket.recv()
    return socket


async def first_audio(url: str) -> dict[str, float]:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        socket = await started(url, 1)
        await request_s(client)
        await socket_s(socket)
        requests, sockets = [], []
        for _ in range(RUNS):
            requests.append(await request_s(client))
            sockets.append(await socket_s(socket))
        await socket.close()
    request, live = statistics.median(requests), statistics.median(sockets)
    return {"/tts_ms": request * 1000, "socket_ms": live * 1000, "ratio": live / request}


async def crowd(url: str) -> dict[str, float]:
    sockets = [await started(url, number) for number in range(NUM_SOCKETS)]
    first = sorted(await asyncio.gather(*map(socket_s, sockets)))
    for socket in sockets:
        await socket.close()
    return {"p50_ms": statistics.median(first) * 1000, "p95_ms": percentile(first, 0.95) * 1000}


def main() -> None:
    print(f"load before: {psutil.getloadavg()[0]:.2f} on {psutil.cpu_count()} cores", file=sys.stderr)
    with tempfile.TemporaryDirectory() as data, chorus_serve(Path(data), CHORUS_LOG_LEVEL="error") as (url, _):
        for name, figures in {
            "first audio": asyncio.run(first_audio(url)),
            f"{NUM_SOCKETS} sockets at once": asyncio.run(crowd(url)),
        }.items():
            for key, value in figures.items():
                print(f"| {name} | {key} | {value:.4g} |")


if __name__ == "__main__":
    main()
