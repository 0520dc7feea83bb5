"""`python -m tests.bench.speaking_while_listening [--runs 3]`: gaps of live streams while recordings are transcribed.

A server with the embedded voice and the model of `make asr` gets eight recordings of 30 s at once. Until the last of
them has its text, a stream of a minute begins each second, if the one before has arrived, and is played from its first
piece on. Each run does the same for ten seconds without recordings first.
"""

import argparse
import asyncio
import io
import statistics
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np
import psutil
import soundfile

from app.bench.listener import Listener
from app.bench.streams import SENTENCES, http_streams, text_of
from tests.support.server import chorus_serve

RATE_HZ = 24_000
NUM_RECORDINGS, RECORDING_S = 8, 30
STREAM_SENTENCES = 13
ALONE_S, EVERY_S = 10.0, 1.0


def recordings_of(client: httpx.Client) -> list[bytes]:
    """Parts of one speech, each a second later than the one before."""
    wav = client.post("/tts", json={"text": " ".join(SENTENCES * 2), "seed": 1}).raise_for_status().content
    samples, rate_hz = soundfile.read(io.BytesIO(wav), dtype="int16")
    assert len(samples) > (RECORDING_S + NUM_RECORDINGS) * rate_hz
    recordings = []
    for number in range(NUM_RECORDINGS):
        file = io.BytesIO()
        part = samples[number * rate_hz : (number + RECORDING_S) * rate_hz]
        soundfile.write(file, np.ascontiguousarray(part), rate_hz, format="WAV")
        recordings.append(file.getvalue())
    return recordings


async def transcribe(client: httpx.AsyncClient, recordings: list[bytes]) -> None:
    answers = await asyncio.gather(*(client.post("/transcribe", files={"file": ("a.wav", wav)}) for wav in recordings))
    assert all(answer.raise_for_status().json()["text"] for answer in answers)


async def listen_until(work: "asyncio.Task[None]", client: httpx.AsyncClient) -> list[Listener]:
    listeners: list[Listener] = []
    while not work.done():
        next_at_s = time.perf_counter() + EVERY_S
        listeners.append(Listener())
        text = text_of(len(listeners), num_sentences=STREAM_SENTENCES)
        await listeners[-1].listen(http_streams(client)(text, len(listeners)), sample_rate_hz=RATE_HZ)
        await asyncio.sleep(next_at_s - time.perf_counter())
    return listeners


async def measure(url: str, recordings: list[bytes]) -> str:
    limits = httpx.Limits(max_connections=NUM_RECORDINGS + 1)
    async with httpx.AsyncClient(base_url=url, timeout=300, limits=limits) as client:
        began_at_s = time.perf_counter()
        working = asyncio.create_task(transcribe(client, recordings) if recordings else asyncio.sleep(ALONE_S))
        working.add_done_callback(lambda _: ended_at_s.append(time.perf_counter()))
        ended_at_s: list[float] = []
        listeners = await listen_until(working, client)
        await working
    first_s = [listener.first_playable_s or 0.0 for listener in listeners]
    return (
        f"{ended_at_s[0] - began_at_s:.1f} s | {len(listeners)} streams "
        f"| first audio median {statistics.median(first_s):.3f} s, max {max(first_s):.3f} s "
        f"| {sum(listener.num_underruns for listener in listeners)} gaps, "
        f"largest {max(listener.largest_underrun_s for listener in listeners):.3f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    environ = {"CHORUS_LOG_LEVEL": "error", "CHORUS_ASR_MODEL": "embedded", "CHORUS_ENGINE": "embedded"}
    with tempfile.TemporaryDirectory() as data, chorus_serve(Path(data), **environ) as (url, _):
        with httpx.Client(base_url=url, timeout=300) as client:
            recordings = recordings_of(client)
        asyncio.run(measure(url, recordings[:1]))  # warms up
        for _ in range(options.runs):
            for name, sent in (("alone", []), (f"beside {NUM_RECORDINGS} recordings of {RECORDING_S} s", recordings)):
                print(f"| {name} | {asyncio.run(measure(url, sent))} | load {psutil.getloadavg()[0]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
