"""`Retry-After` of a full server, beside the time after which a place is really free."""

import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

import httpx

from app.settings import Settings
from tests.support.server import RunningServer, serve

SENTENCE = "The old grey house stood by the sea, and nothing more was said about it. "


def speak(server: RunningServer, num_sentences: int) -> httpx.Response:
    with server.client() as client:
        return client.post("/tts", json={"text": SENTENCE * num_sentences, "seed": 1}, timeout=300)


def num_admitted(server: RunningServer) -> int:
    with server.client() as client:
        return client.get("/health").json()["queue"]["admitted"]


def test_a_full_server_says_when_a_place_is_free_within_a_factor_of_one_and_a_half(tmp_path: Path) -> None:
    with serve(Settings(data=tmp_path, max_slots=1, max_queue=1)) as server, ThreadPoolExecutor(2) as pool:
        assert speak(server, 6).status_code == 200  # measures the pace
        speaking = [pool.submit(speak, server, 30) for _ in range(2)]
        while num_admitted(server) < 2:
            pass
        refused = speak(server, 1)
        refused_at_s = time.perf_counter()
        assert refused.status_code == 503
        wait(speaking, return_when=FIRST_COMPLETED)
        truth_s = time.perf_counter() - refused_at_s
        estimate_s = int(refused.headers["Retry-After"])
        # One second for the rounding of the header.
        assert truth_s / 1.5 <= estimate_s <= 1.5 * truth_s + 1, (truth_s, estimate_s)
        assert [answer.result().status_code for answer in speaking] == [200, 200]
