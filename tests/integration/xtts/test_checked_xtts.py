"""Checked speech on the XTTS path. The tiny checkpoint has random weights: it babbles, whatever the text says."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.settings import Settings
from tests.support.embedded_asr import needs_embedded_model
from tests.support.server import RunningServer, serve

needs_embedded_model()  # skips the module without it

TEXT = "The boats came home in the evening, and nobody was waiting for them."


@pytest.fixture(scope="module")
def babbling(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    data = tmp_path_factory.mktemp("data")
    with serve(Settings(engine="xtts", model=str(tiny_checkpoint), data=data, asr_model="embedded")) as server:
        yield server


def answer(server: RunningServer, **fields: Any) -> Any:
    body = {"text": TEXT, "seed": 5, "format": "pcm", "timestamps": "segment"} | fields
    with server.client(timeout=240.0) as client:
        return client.post("/tts", json=body).raise_for_status()


def samples(found: Any) -> np.ndarray:
    return np.frombuffer(base64.b64decode(found["audio"]["data"]), "<i2")


@pytest.mark.slow
def test_babble_is_spoken_again_until_the_attempts_are_used_up_and_never_passes(babbling: RunningServer) -> None:
    found = answer(babbling, check="retry").json()
    [checked] = found["checks"]
    assert checked["verdict"] in ("failed", "inconclusive")
    assert checked["num_attempts"] == {"failed": 3, "inconclusive": 2}[checked["verdict"]]
    assert len(samples(found)) > 4_000
    again = answer(babbling, check="retry").json()
    assert again["checks"] == found["checks"]
    np.testing.assert_allclose(samples(again).astype(int), samples(found).astype(int), atol=1)
    with babbling.client() as client:
        assert client.get("/health").json()["queue"]["admitted"] == 0


@pytest.mark.slow
def test_a_stream_of_babble_reports_it_and_has_the_audio_of_an_unchecked_one(babbling: RunningServer) -> None:
    def events(**fields: Any) -> list[tuple[str, Any]]:
        text = answer(babbling, stream=True, **fields).text
        pairs = [block.split("\n") for block in text.strip().split("\n\n")]
        return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in pairs]

    checked, plain = events(check="report"), events(check="off")
    audio = [
        b"".join(base64.b64decode(data["data"]) for name, data in each if name == "audio") for each in (checked, plain)
    ]
    reported, unchecked = (np.frombuffer(each, "<i2").astype(int) for each in audio)
    np.testing.assert_allclose(reported, unchecked, atol=1)
    verdicts = [data["verdict"] for name, data in checked if name == "check"]
    assert set(verdicts) <= {"failed", "inconclusive"}
    assert len(verdicts) == 1
    assert checked[-1][0] == "done"
