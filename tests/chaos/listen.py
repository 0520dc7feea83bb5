"""Worker: listeners of live streams, who play each answer to its end and then ask for the next.

Four of them read what comes as fast as it comes, and play it at the pace of speech: two over HTTP, one over a WebSocket
and one over HTTP with a long text, which it reads at the pace of speech too.
"""

import asyncio
import json
import time

import httpx
import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.chaos.figures import Gaps
from tests.chaos.target import Target
from tests.chaos.worker import serve_as_worker

BYTES_PER_S = 48_000
TEXT = (
    "The morning was bright and the river ran slowly past the old stone mill. Nobody had opened its door for years. "
    "But today there was smoke above the chimney, and a lamp in the highest window."
)
LONG_TEXT = " ".join(f"This is sentence number {number} of a long text that goes on and on." for number in range(150))
TRY_AGAIN_LATER = 1013
PATIENCE_S = 20.0
"""A listener who hears nothing for this long gives up."""


class Listening(msgspec.Struct, kw_only=True):
    """One stream. `ended`: "whole", "refused" (429 or 503), "left" (we stopped), or what went wrong."""

    kind: str
    began_at_s: float
    first_audio_s: float | None = None
    gaps: list[tuple[float, float]] = []
    longest_silence_s: float = 0.0
    audio_s: float = 0.0
    ended: str = "left"


class Listener:
    """Keeps one stream open at a time, until `stop`."""

    def __init__(self, target: Target, kind: str, seed: int) -> None:
        self._target = target
        self._kind = kind
        self._seed = seed
        self.heard: list[Listening] = []

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._seed += 1
            listening = Listening(kind=self._kind, began_at_s=time.monotonic())
            self.heard.append(listening)
            gaps = Gaps()
            try:
                await self._stream(listening, gaps, stop)
            except TimeoutError:
                listening.ended = "stalled"
                gaps.cut_off(time.monotonic())
            except ConnectionClosed as error:
                is_busy = error.rcvd is not None and error.rcvd.code == TRY_AGAIN_LATER
                listening.ended = "refused" if is_busy else f"broken: {error!r}"[:120]
            except (httpx.HTTPError, OSError, WebSocketException) as error:
                listening.ended = f"broken: {error!r}"[:120]
            listening.gaps, listening.longest_silence_s = gaps.gaps, gaps.longest_silence_s
            played_at_s = listening.began_at_s + (listening.first_audio_s or 0.0) + listening.audio_s
            pause_s = min(max(0.2, played_at_s - time.monotonic()), 15.0)
            with_stop = asyncio.create_task(stop.wait())
            await asyncio.wait((with_stop,), timeout=pause_s)
            with_stop.cancel()

    async def _stream(self, listening: Listening, gaps: Gaps, stop: asyncio.Event) -> None:
        match self._kind:
            case "socket":
                await self._over_socket(listening, gaps, stop)
            case _:
                await self._over_http(listening, gaps, stop)

    async def _over_http(self, listening: Listening, gaps: Gaps, stop: asyncio.Event) -> None:
        is_long = self._kind == "long"
        body = {"text": LONG_TEXT if is_long else TEXT, "stream": True, "format": "pcm", "seed": self._seed}
        async with (
            httpx.AsyncClient(base_url=self._target.url, timeout=PATIENCE_S) as client,
            client.stream("POST", "/tts", json=body) as answer,
        ):
            if answer.status_code != 200:
                listening.ended = "refused" if answer.status_code in (429, 503) else str(answer.status_code)
                return
            async for piece in answer.aiter_raw():
                self._note(listening, gaps, len(piece))
                ahead_s = listening.audio_s - (time.monotonic() - listening.began_at_s)
                if is_long and ahead_s > 1:
                    await asyncio.sleep(min(1.0, ahead_s - 1))
                if stop.is_set():
                    return
        listening.ended = "whole"

    async def _over_socket(self, listening: Listening, gaps: Gaps, stop: asyncio.Event) -> None:
        async with connect(f"ws://{self._target.host}/ws/tts", open_timeout=PATIENCE_S) as socket:
            await socket.send(json.dumps({"type": "start", "seed": self._seed}))
            for word in TEXT.split(" "):
                await socket.send(json.dumps({"type": "text", "text": f"{word} "}))
            await socket.send(json.dumps({"type": "end"}))
            while not stop.is_set():
                message = await asyncio.wait_for(socket.recv(), PATIENCE_S)
                if isinstance(message, bytes):
                    self._note(listening, gaps, len(message))
                    continue
                said = json.loads(message)
                if said["type"] in ("done", "error", "end"):
                    code = said.get("error", {}).get("code", "")
                    is_busy = code in ("queue_full", "unavailable", "too_many_concurrent_requests")
                    listening.ended = "whole" if said["type"] != "error" else "refused" if is_busy else code
                    return

    def _note(self, listening: Listening, gaps: Gaps, num_bytes: int) -> None:
        now_s = time.monotonic()
        if listening.first_audio_s is None:
            listening.first_audio_s = now_s - listening.began_at_s
        listening.audio_s += num_bytes / BYTES_PER_S
        gaps.arrived(now_s, num_bytes / BYTES_PER_S)


async def listen(target: Target, _: list[str], stop: asyncio.Event) -> list[Listening]:
    listeners = [
        Listener(target, kind, 1000 * number) for number, kind in enumerate(("http", "http", "socket", "long"))
    ]
    await asyncio.gather(*(listener.run(stop) for listener in listeners))
    return [listening for listener in listeners for listening in listener.heard]


if __name__ == "__main__":
    serve_as_worker(listen)
