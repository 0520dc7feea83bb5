"""How a container ends, and what is left when it does not end well."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.container import RunningContainer, container, docker, kill, output, server
from tests.support.container_xtts import save_voice, say, with_checkpoint
from tests.support.recordings import voice_like, wav
from tests.support.server import wait_until_ok

LONG = "This is a sentence of a long text that goes on and on. " * 60
EMBEDDED = {"CHORUS_ENGINE": "embedded"}
PATIENCE_S = 600
"""For work that takes seconds on an idle machine; longer than any load of the machine makes it."""
RESTARTING = {"restart_policy": {"Name": "on-failure"}}


def test_stop_under_load_finishes_what_is_spoken_and_exits_zero(image: str) -> None:
    with server(image, environ=EMBEDDED | {"CHORUS_DRAIN_TIMEOUT_S": str(PATIENCE_S)}) as running:
        body = {"text": LONG, "seed": 1, "format": "pcm"}
        url = running.url
        expected = httpx.post(f"{url}/tts", json=body, timeout=PATIENCE_S).content
        with ThreadPoolExecutor(5) as pool:
            speaking = [pool.submit(httpx.post, f"{url}/tts", json=body, timeout=PATIENCE_S) for _ in range(4)]
            while running.get("/health")["in_flight"] < 4:
                assert not any(answer.done() for answer in speaking)
            stopping = pool.submit(docker, "stop", "--time", str(PATIENCE_S), running.id)
            assert [answer.result().status_code for answer in speaking] == [200] * 4
            assert {answer.result().content for answer in speaking} == {expected}
            stopping.result()
        assert (running.state["ExitCode"], running.state["OOMKilled"]) == (0, False)


@pytest.fixture
def xtts(image: str, checkpoint: Path, volume: str) -> Iterator[RunningContainer]:
    """An XTTS server that is restarted when it dies."""
    with server(image, volume=volume, **with_checkpoint(checkpoint), **RESTARTING) as running:
        yield running


def is_back(running: RunningContainer, num_restarts: int) -> None:
    """Restarted by Docker, and ok."""
    for _ in range(600):
        running.container.reload()
        if running.container.attrs["RestartCount"] >= num_restarts and running.container.ports.get("8000/tcp"):
            break
        threading.Event().wait(0.1)
    else:
        raise AssertionError(f"it was not restarted: {running.state}")
    wait_until_ok(running.url)


def leftovers(image: str, volume: str) -> list[str]:
    """Paths below voices/ that are not hidden, sorted."""
    found = output(
        image, "find", "/data/voices", "-mindepth", "1", "-maxdepth", "2", "-not", "-name", ".*", volume=volume
    )
    return sorted(line.removeprefix("/data/voices/") for line in found.splitlines())


def test_a_server_that_is_killed_while_voices_are_saved_comes_back_with_whole_ones(
    image: str, xtts: RunningContainer, volume: str
) -> None:
    kept = save_voice(xtts)
    spoken = say(xtts, speaker_id=kept)
    url = xtts.url

    def save(seconds: float) -> None:
        files = {"reference_audio": ("a.wav", wav(voice_like(seconds)))}
        data = {"name": "B", "consent": "This is my own voice."}
        try:
            httpx.post(f"{url}/voices", data=data, files=files, timeout=60)
        except httpx.TransportError:
            return  # it was killed

    with ThreadPoolExecutor(8) as pool:
        saving = [pool.submit(save, 2 + number / 10) for number in range(24)]
        while len(xtts.get("/voices")["voices"]) < 3:
            pass
        # From outside, as a crash would: Docker does not restart what it was asked to kill.
        pid = int(docker("inspect", "--format", "{{.State.Pid}}", xtts.id).stdout)
        kill(image, pid)
        for done in saving:
            done.result()
    is_back(xtts, 1)
    voices = xtts.get("/voices")["voices"]
    assert kept in [voice["id"] for voice in voices]
    assert say(xtts, speaker_id=kept) == spoken
    expected = [f"{voice['id']}.safetensors" for voice in voices]
    assert leftovers(image, volume) == sorted(expected)


EAT = """
import os, pathlib
pathlib.Path("/proc/1/oom_score_adj").write_text("1000")
blocks = []
while True:
    blocks.append(os.urandom(1 << 20) * 16)
"""


def test_a_server_that_runs_out_of_memory_comes_back_with_its_voices(image: str, checkpoint: Path, volume: str) -> None:
    limits = {"mem_limit": "1g", "memswap_limit": "1g"}
    with server(image, volume=volume, **with_checkpoint(checkpoint), **RESTARTING, **limits) as running:
        id = save_voice(running)
        spoken = say(running, speaker_id=id)
        docker("exec", running.id, "python", "-c", EAT, check=False)
        is_back(running, 1)
        assert say(running, speaker_id=id) == spoken


@pytest.mark.parametrize("user", ["12345:12345", "0:0"])
def test_a_volume_of_another_user_ends_the_start_in_one_line(image: str, volume: str, user: str) -> None:
    output(image, "true", volume=volume)  # the volume takes the owner of the image's folder
    with container(image, volume=volume, environ=EMBEDDED, user=user) as running:
        status, log = running.ended()
    assert status == 1
    assert "data directory '/data' cannot be written" in log
    assert f"this is user {user.partition(':')[0]}, it belongs to user 10001" in log
    assert len(log.strip().splitlines()) == 1


def test_a_volume_that_is_read_only_ends_the_start_in_one_line(image: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with container(image, environ=EMBEDDED, mounts=[(tmp_path, "/data")]) as running:
        status, log = running.ended()
    assert status == 1
    assert "data directory '/data' cannot be written (Read-only file system" in log
    assert len(log.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({}, "CHORUS_ACCEPT_CPML=1"),
        ({"CHORUS_MODEL": "/models/none"}, "there is no folder '/models/none'"),
        ({"CHORUS_MODEL": "/data"}, "/data/model.pth is missing"),
        ({"CHORUS_ENGIN": "xtts"}, "did you mean CHORUS_ENGINE?"),
    ],
)
def test_what_is_missing_ends_the_start_in_one_line(image: str, environ: dict[str, str], says: str) -> None:
    with container(image, environ=environ) as running:
        status, log = running.ended()
    assert status == 1
    assert says in log
    assert len(log.strip().splitlines()) == 1


def test_a_driver_too_old_for_the_image_ends_the_start_in_one_line(
    image: str, checkpoint: Path, old_driver: Path
) -> None:
    """The NVIDIA runtime puts the driver's libraries into the container; here they come from a mount."""
    mounts = [(checkpoint, "/models/tiny"), (old_driver, "/driver")]
    environ = {"CHORUS_MODEL": "/models/tiny", "LD_LIBRARY_PATH": "/driver"}
    with container(image, mounts=mounts, environ=environ) as running:
        status, log = running.ended()
    assert status == 1
    assert "torch is built for CUDA 13.0" in log
    assert "runs CUDA 12.4 at most" in log
    assert len(log.strip().splitlines()) == 1
    with container(image, "doctor", "--quiet", mounts=mounts, environ=environ | {"CHORUS_DEVICE": "cpu"}) as running:
        assert running.ended() == (0, "")
