"""`python -m tests.bench.live_transcription`: how soon `WS /ws/transcribe` has a word, and the text after the last one.

The embedded voice speaks sentences, which are sent as fast as they are spoken, to a server with the model of `make
asr`. The truth of a word's end is the time that `POST /transcribe` gives for the whole recording; the end of speech is
the last sample above -40 dBFS. A word counts as read with the first text that has as many words as were spoken by then.
"""

import asyncio
import io
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import soundfile
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect

from app.bench.figures import percentile
from tests.support.server import chorus_serve

RATE_HZ = 24_000
PIECE_S, TAIL_S = 0.04, 1.5
SENTENCES = (
    "The morning was bright and the river ran slowly past the old stone mill.",
    "Nobody had opened its door for years, but today there was smoke above the chimney.",
    "A long road runs from the harbour to the hills.",
    "Please turn on the light in the kitchen.",
    "What will the weather be like tomorrow afternoon?",
    "Set a timer for ten minutes and play some quiet music.",
    "The fox went home before the rain began.",
    "Travellers have told stories about this house for ages.",
)


class Recording:
    def __init__(self, client: httpx.Client, text: str) -> None:
        wav = client.post("/tts", json={"text": text, "seed": 1}).raise_for_status().content
        samples, rate_hz = soundfile.read(io.BytesIO(wav), dtype="int16")
        assert rate_hz == RATE_HZ
        self.samples: NDArray[np.int16] = samples
        self.end_s = float(np.flatnonzero(np.abs(samples) > 328)[-1]) / RATE_HZ
        answer = client.post("/transcribe", files={"file": ("speech.wav", wav)}).raise_for_status().json()
        self.word_ends_s: list[float] = [word["end_s"] for word in answer["words"]]


async def listen(socket: ClientConnection, heard: list[tuple[float, dict[str, Any]]]) -> None:
    async for message in socket:
        heard.append((time.perf_counter(), json.loads(message)))


async def measure(url: str, recording: Recording) -> tuple[list[float], float]:
    """Seconds from the end of each word to a text with it, and from the end of speech to the final text."""
    padded = np.concatenate([recording.samples, np.zeros(round(TAIL_S * RATE_HZ), np.int16)])
    piece = round(PIECE_S * RATE_HZ)
    async with connect(f"{url.replace('http', 'ws')}/ws/transcribe") as socket:
        await socket.send(json.dumps({"type": "start", "sample_rate_hz": RATE_HZ, "language": "en"}))
        heard: list[tuple[float, dict[str, Any]]] = []
        listening = asyncio.create_task(listen(socket, heard))
        began_at_s = time.perf_counter()
        for at in range(0, len(padded), piece):
            # A piece leaves when its last sample has been spoken.
            await asyncio.sleep(max(0.0, began_at_s + (at + piece) / RATE_HZ - time.perf_counter()))
            await socket.send(padded[at : at + piece].tobytes())
        await socket.send('{"type": "end"}')
        await listening
    texts = [(at_s - began_at_s, message) for at_s, message in heard if message["type"] in ("partial", "final")]
    waits = []
    for number, end_s in enumerate(recording.word_ends_s, start=1):
        with_word = [at_s for at_s, message in texts if len(message["text"].split()) >= number]
        if with_word:
            waits.append(with_word[0] - end_s)
    final_s = [at_s for at_s, message in texts if message["type"] == "final"][-1]
    return waits, final_s - recording.end_s


def main() -> None:
    print(f"load before: {psutil.getloadavg()[0]:.2f} on {psutil.cpu_count()} cores", file=sys.stderr)
    words: list[float] = []
    finals: list[float] = []
    with (
        tempfile.TemporaryDirectory() as data,
        chorus_serve(Path(data), CHORUS_LOG_LEVEL="error", CHORUS_ASR_MODEL="embedded") as (url, _),
    ):
        with httpx.Client(base_url=url, timeout=120) as client:
            recordings = [Recording(client, sentence) for sentence in SENTENCES]
        asyncio.run(measure(url, recordings[0]))  # warms up
        for recording in recordings:
            waits, final_s = asyncio.run(measure(url, recording))
            words += waits
            finals.append(final_s)
    for name, waits in (("word to partial text", words), ("end of speech to final text", finals)):
        print(
            f"| {name} | median {statistics.median(waits):.2f} s | p95 {percentile(sorted(waits), 0.95):.2f} s "
            f"| max {max(waits):.2f} s | {len(waits)} |"
        )


if __name__ == "__main__":
    main()
