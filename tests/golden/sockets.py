"""Conversations of the corpus: `WS /ws/tts`, and Wyoming with the package's own client."""

import asyncio
import contextlib
import json
from typing import Any

from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect
from wyoming.audio import AudioChunk
from wyoming.client import AsyncTcpClient
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize

from tests.golden.answers import digest, lasting
from tests.golden.requests import TEXTS
from tests.golden.servers import Server

SCRIPTS: dict[str, list[dict[str, Any]]] = {
    "one text": [{"type": "start", "seed": 1}, {"type": "text", "text": TEXTS["two"]}, {"type": "end"}],
    "pieces": [
        {"type": "start", "seed": 2},
        *({"type": "text", "text": word + " "} for word in TEXTS["two"].split()),
        {"type": "flush"},
        {"type": "text", "text": TEXTS["short"]},
        {"type": "end"},
    ],
    "no start": [{"type": "text", "text": "hi"}],
    "unknown speaker": [{"type": "start", "speaker_id": "nobody"}],
    "nothing to speak": [{"type": "start", "seed": 3}, {"type": "text", "text": "😀."}, {"type": "end"}],
}


def conversation(server: Server, script: list[dict[str, Any]]) -> dict[str, Any]:
    """The messages in order without pieces of audio, the hash of all audio, and the close code."""
    audio, messages = b"", []
    with connect(f"ws://127.0.0.1:{server.port}/ws/tts") as socket:
        for message in script:
            socket.send(json.dumps(message))
        with contextlib.suppress(ConnectionClosedError):  # a refusal closes with 1008; the code is compared below
            for heard in socket:
                if isinstance(heard, bytes):
                    audio += heard
                else:
                    messages.append(lasting(json.loads(heard)))
    kept = {"messages": messages, "samples": len(audio) // 2, "close": socket.close_code}
    # Segments of one conversation share XTTS's batch in an order that timing decides, and a product over other rows
    # rounds otherwise: the last bit of a sample may differ.
    return kept if server.name == "xtts" else kept | {"sha": digest(audio)}


async def wyoming(server: Server, text: str) -> dict[str, Any]:
    """Events of one text and its number of samples. Wyoming takes no seed, so the samples differ at each run."""
    async with AsyncTcpClient("127.0.0.1", server.wyoming_port) as client:
        await client.write_event(Synthesize(text).event())
        audio, kinds = b"", []
        while (event := await asyncio.wait_for(client.read_event(), 60)) is not None:
            if AudioChunk.is_type(event.type):
                audio += AudioChunk.from_event(event).audio
                continue
            kinds.append(event.type)
            if event.type in ("audio-stop", "error"):
                break
    return {"events": kinds} if server.name == "xtts" else {"events": kinds, "samples": len(audio) // 2}


async def wyoming_info(server: Server) -> dict[str, Any]:
    async with AsyncTcpClient("127.0.0.1", server.wyoming_port) as client:
        await client.write_event(Describe().event())
        event = await asyncio.wait_for(client.read_event(), 60)
    assert event is not None
    voices = [voice for program in Info.from_event(event).tts for voice in program.voices]
    return {"voices": [(voice.name, voice.languages) for voice in voices]}
