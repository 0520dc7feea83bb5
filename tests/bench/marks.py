"""Cost of marks: python -m tests.bench.marks [--pairs 40]

Two servers with the embedded voice run side by side, one with CHORUS_MARKS=off and one with metadata and, where
c2pa-python is installed, signatures. Each pair asks both, in turn first. Prints medians of the time to the first bytes
of a stream and to the end of a whole answer of about 10 s, and of the difference inside a pair. Then files of 10 s are
signed without a server, alone and beside the file of a book. `--pairs 0` leaves out the servers.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import numpy as np

from app.audio.encoders import wav_header
from app.audio.formats import AudioFormat, OutputFormat
from app.audio.output import encode_whole
from app.audio.provenance import new_provenance
from app.settings import Settings
from app.speech.signing.opening import open_signer
from tests.support.server import chorus_serve

SENTENCE = "A long road runs from the harbour to the hills, and travellers have told stories about it for ages. "
SHORT, TEN_SECONDS = SENTENCE, SENTENCE * 2
FORMATS = ("wav", "mp3", "flac", "opus", "pcm", "aac")
RATE_HZ = 24_000
NUM_SIGNED = 50
BOOK_BYTES = 250_000_000


def first_bytes_s(client: httpx.Client, audio_format: str) -> float:
    body = {"text": SHORT, "stream": True, "format": audio_format, "seed": 1}
    began_at_s = time.perf_counter()
    with client.stream("POST", "/tts", json=body) as answer:
        answer.raise_for_status()
        next(answer.iter_raw())
        return time.perf_counter() - began_at_s


def whole_s(client: httpx.Client, audio_format: str) -> float:
    began_at_s = time.perf_counter()
    client.post("/tts", json={"text": TEN_SECONDS, "format": audio_format, "seed": 1}).raise_for_status()
    return time.perf_counter() - began_at_s


def compare(pairs: int, bare: httpx.Client, marked: httpx.Client, measure: Callable[[httpx.Client], float]) -> str:
    times: dict[httpx.Client, list[float]] = {bare: [], marked: []}
    for number in range(pairs + 2):
        for client in (bare, marked) if number % 2 else (marked, bare):
            times[client].append(1000 * measure(client))
    off, on = (each[2:] for each in (times[bare], times[marked]))
    differences = [each - other for each, other in zip(on, off, strict=True)]
    return f"off {median(off):.1f} ms, on {median(on):.1f} ms, difference {median(differences):+.2f} ms"


def measure_servers(pairs: int) -> None:
    environ = {"CHORUS_ENGINE": "embedded", "CHORUS_LOG_LEVEL": "error"}
    with (
        tempfile.TemporaryDirectory() as first,
        tempfile.TemporaryDirectory() as second,
        chorus_serve(Path(first), CHORUS_MARKS="off", **environ) as (bare_url, _),
        chorus_serve(Path(second), CHORUS_MARKS="auto", **environ) as (marked_url, _),
        httpx.Client(base_url=bare_url, timeout=60) as bare,
        httpx.Client(base_url=marked_url, timeout=60) as marked,
    ):
        print(f"marks of the second server: {marked.get('/health').json()['marks']}; {pairs} pairs")
        for audio_format in FORMATS:
            told = compare(pairs, bare, marked, lambda client, name=audio_format: first_bytes_s(client, name))
            print(f"first bytes of a {audio_format} stream: {told}")
        for audio_format in ("wav", "mp3", "flac"):
            told = compare(pairs // 2, bare, marked, lambda client, name=audio_format: whole_s(client, name))
            print(f"whole {audio_format} answer of 10 s: {told}")


def measure_signing() -> None:
    samples: Any = (0.3 * np.sin(np.arange(10 * RATE_HZ) / 10)).astype(np.float32)
    mark = new_provenance(is_cloned=True, now=datetime.now(UTC), request_id="0123456789abcdef")
    with tempfile.TemporaryDirectory() as data:
        signer = open_signer(Settings(data=Path(data)))
        if signer is None:
            print("signing is skipped: c2pa-python is not installed (make c2pa)")
            return
        for name in ("wav", "mp3", "flac"):
            audio_format = AudioFormat(name)
            file = encode_whole(samples, OutputFormat(audio_format), RATE_HZ, mark)
            times: list[float] = []
            for _ in range(NUM_SIGNED):
                began_at_s = time.perf_counter()
                signed = signer.sign(file, audio_format.mime_type, mark)
                times.append(1000 * (time.perf_counter() - began_at_s))
            size = f"{len(signed) - len(file)} bytes more"
            print(f"signing 10 s of {name}: median {median(times):.2f} ms, slowest {max(times):.2f} ms, {size}")


def measure_signing_beside_a_book() -> None:
    """WAV answers of 10 s that are signed one after the other while a WAV file of 250 MB is."""
    mark = new_provenance(is_cloned=False, now=datetime.now(UTC))
    answer = wav_header(10 * RATE_HZ, RATE_HZ) + os.urandom(2 * 10 * RATE_HZ)
    times: list[float] = []
    with tempfile.TemporaryDirectory() as data, tempfile.TemporaryFile(dir=data) as book, ThreadPoolExecutor(1) as pool:
        signer = open_signer(Settings(data=Path(data)))
        if signer is None:
            return
        book.write(wav_header(BOOK_BYTES // 2, RATE_HZ) + os.urandom(BOOK_BYTES))
        with tempfile.TemporaryFile(dir=data) as signed:
            book_began_at_s = time.perf_counter()
            signing = pool.submit(signer.sign_file, book, signed, "audio/wav", mark)
            time.sleep(0.3)  # it is under way
            while not signing.done():
                began_at_s = time.perf_counter()
                signer.sign(answer, "audio/wav", mark)
                times.append(1000 * (time.perf_counter() - began_at_s))
                time.sleep(0.05)
            book_s = time.perf_counter() - book_began_at_s
    told = f"median {median(times):.1f} ms, slowest {max(times):.1f} ms" if times else "none"
    print(f"{len(times)} answers signed in {book_s:.1f} s beside the file of a book: {told}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=40)
    options = parser.parse_args()
    print(f"load before: {os.getloadavg()[0]:.1f}")
    if options.pairs:
        measure_servers(options.pairs)
    measure_signing()
    measure_signing_beside_a_book()


if __name__ == "__main__":
    main()
