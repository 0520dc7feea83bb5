"""`python -m tests.bench`: the figures of the README, printed as a table and appended as one JSON line."""

import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import httpx
import numpy as np
import psutil
import soundfile
from hibari import Hibari

from app.engine.embedded import EmbeddedEngine
from tests.bench.measuring import ROOT, first_audio_s, timed
from tests.support.recogniser import transcribe, word_error_rate
from tests.support.server import chorus_serve, wait_until_ok

RESULTS = Path(__file__).parent / "results" / "embedded.jsonl"
CHAPTER = ROOT.parent / "shared" / "data" / "alice_chapter1.txt"
SHORT = (
    "The morning was bright and the river ran slowly past the old stone mill. Nobody had opened its door for years, "
    "but today there was smoke above the chimney and a lamp in the highest window."
)
SENTENCE = "A long road runs from the harbour to the hills, and travellers have told stories about it for ages. "


def alternate(runs: int, **works: Callable[[], object]) -> dict[str, float]:
    """Median seconds of each, run in turn so that a slow moment of the machine meets them all."""
    for work in works.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            times[name].append(timed(work))
    return {name: statistics.median(values) for name, values in times.items()}


def say(client: httpx.Client, text: str, **options: object) -> bytes:
    """One whole answer; refused requests wait as they are told and try again."""
    while True:
        answer = client.post("/tts", json={"text": text, "seed": 1} | options)
        if answer.status_code != 503:
            answer.raise_for_status()
            return answer.content
        time.sleep(float(answer.headers["Retry-After"]))


def short_text(client: httpx.Client, direct: Hibari) -> dict[str, float]:
    times = alternate(15, server=lambda: say(client, SHORT), direct=lambda: direct(SHORT, seed=1))
    return {"server_s": times["server"], "direct_s": times["direct"], "ratio": times["server"] / times["direct"]}


def first_audio(client: httpx.Client, direct: Hibari) -> dict[str, float]:
    text = SENTENCE * 20
    measured = [first_audio_s(client, text) for _ in range(16)][1:]
    direct_s = statistics.median(timed(lambda: direct(SENTENCE, seed=1)) for _ in range(15))
    server_s = statistics.median(measured)
    return {"server_s": server_s, "direct_s": direct_s, "allowed_s": 1.5 * direct_s + 0.020}


def chapter(client: httpx.Client, direct: Hibari) -> dict[str, float]:
    text = CHAPTER.read_text()
    times = alternate(3, server=lambda: say(client, text), direct=lambda: direct(text, seed=1))
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        file.write(say(client, text))
        file.flush()
        samples, rate_hz = soundfile.read(file.name, dtype="float32")
    heard = transcribe(np.asarray(samples), rate_hz)
    spoken_directly = transcribe(direct(text, seed=1), rate_hz)
    audio_s = len(samples) / rate_hz
    return {
        "server_s": times["server"],
        "direct_s": times["direct"],
        "ratio": times["server"] / times["direct"],
        "audio_s": audio_s,
        "words_per_minute": len(text.split()) / audio_s * 60,
        "word_error_rate": word_error_rate(text, heard),
        "direct_word_error_rate": word_error_rate(text, spoken_directly),
    }


def many_callers(client: httpx.Client, process: psutil.Process) -> dict[str, float]:
    texts = [f"Caller number {index} would like to hear this. {SENTENCE * (index % 4)}" for index in range(100)]
    alone = [say(client, text) for text in texts]
    with ThreadPoolExecutor(100) as pool:
        began_at_s = time.perf_counter()
        together = list(pool.map(lambda text: say(client, text), texts))
        elapsed_s = time.perf_counter() - began_at_s
        rss_after_100 = process.memory_info().rss
        for _ in range(9):
            list(pool.map(lambda text: say(client, text), texts))
    rss_after_1000 = process.memory_info().rss
    return {
        "elapsed_s": elapsed_s,
        "different_answers": sum(a != b for a, b in zip(alone, together, strict=True)),
        "rss_mb_after_100": rss_after_100 / 1e6,
        "rss_mb_after_1000": rss_after_1000 / 1e6,
        "rss_ratio": rss_after_1000 / rss_after_100,
    }


def fresh_clone() -> dict[str, float]:
    """`make run` in an empty folder with empty caches: seconds until `POST /tts` answers, and what it installed."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
        clone = Path(folder, "chorus")
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        environ = os.environ | {"PIP_CACHE_DIR": f"{folder}/pip", "XDG_CACHE_HOME": f"{folder}/cache"}
        environ |= {"CHORUS_PORT": str(port), "PATH": os.environ["PATH"].replace(str(Path(sys.executable).parent), "")}
        probe.close()
        began_at_s = time.perf_counter()
        process = subprocess.Popen(["make", "run"], cwd=clone, env=environ, stderr=subprocess.DEVNULL)
        try:
            wait_until_ok(f"http://127.0.0.1:{port}", process)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                say(client, "Hello there.")
            seconds = time.perf_counter() - began_at_s
        finally:
            process.terminate()
            process.wait(60)
        disk = subprocess.run(["du", "-sm", clone / ".venv"], capture_output=True, text=True, check=True)
        return {"seconds": seconds, "environment_mb": float(disk.stdout.split()[0])}


def main() -> None:
    print(f"load before: {psutil.getloadavg()[0]:.2f} on {psutil.cpu_count()} cores", file=sys.stderr)
    direct = Hibari()
    figures: dict[str, dict[str, float]] = {"a fresh clone": fresh_clone()}
    with tempfile.TemporaryDirectory() as data, chorus_serve(Path(data), CHORUS_LOG_LEVEL="error") as (url, process):
        limits = httpx.Limits(max_connections=100)
        with httpx.Client(base_url=url, timeout=600, limits=limits) as client:
            figures["200 characters, whole"] = short_text(client, direct)
            figures["2,000 characters, first audio"] = first_audio(client, direct)
            figures["100 callers at once"] = many_callers(client, psutil.Process(process.pid))
            if CHAPTER.exists():
                figures["a chapter to one WAV"] = chapter(client, direct)
    for name, values in figures.items():
        for key, value in values.items():
            print(f"| {name} | {key} | {value:.4g} |")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    entry = {
        "commit": commit.stdout.strip(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {psutil.cpu_count()} cores",
        "python": platform.python_version(),
        "hibari-tts": version("hibari-tts"),
        "slots": EmbeddedEngine().info.max_slots,
        "figures": figures,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps(entry) + "\n")


if __name__ == "__main__":
    main()
