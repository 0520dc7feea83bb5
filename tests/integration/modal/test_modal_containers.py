"""Containers as Modal runs them: the start in two halves, its host, its volumes; the engine is the tiny checkpoint.

Only the volume's calls and the host's limit on requests are not real.
"""

import asyncio
import re
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.errors import EngineFailure
from modal_deploy.start import Prepared, Retirement, Started, prepare, start
from tests.support.embedded_asr import needs_embedded_model
from tests.support.fake_engine import FakeEngine
from tests.support.modal_host import Answer, Container, FakeVolume
from tests.support.recordings import voice_like, wav

KEY = {"Authorization": "Bearer the-key"}
SLOTS = 10


class Deployed:
    """A deployment's settings, and its volumes."""

    def __init__(self, folder: Path, checkpoint: Path) -> None:
        self._folder = folder
        self.checkpoint = checkpoint
        self.retired = 0
        self.volumes: dict[str, FakeVolume] = {}

    def environ(self, task: str, **changes: str) -> dict[str, str]:
        return {
            "CHORUS_ASR_MODEL": "off",
            "CHORUS_ENGINE": "xtts",
            "CHORUS_MODEL": str(self.checkpoint),
            "CHORUS_DEVICE": "cpu",
            "CHORUS_DATA": str(self._folder / task),
            "CHORUS_API_KEYS": "the-key",
            "MODAL_TASK_ID": task,
        } | changes

    async def prepare(self, task: str = "ta-1", **changes: str) -> Prepared:
        return await prepare(with_gpu=False, environ=self.environ(task, **changes))

    async def start(self, prepared: Prepared, task: str = "ta-1", **changes: str) -> Started:
        volume = self.volumes[task] = FakeVolume(self._folder / "shared", self._folder / task)

        async def retire() -> None:
            self.retired += 1

        return await start(
            prepared,
            commit=volume.commit,
            reload=volume.reload,
            retire=retire,
            environ=self.environ(task, **changes),
        )


@pytest.fixture
def deployed(tmp_path: Path, tiny_checkpoint: Path) -> Deployed:
    return Deployed(tmp_path, tiny_checkpoint)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 120))  # type: ignore[arg-type]


@asynccontextmanager
async def two_containers(deployed: Deployed) -> AsyncGenerator[tuple[Container, Container]]:
    first = await deployed.start(await deployed.prepare(), "ta-1")
    second = await deployed.start(await deployed.prepare("ta-2"), "ta-2")
    async with Container(first.app, max_inputs=SLOTS) as one, Container(second.app, max_inputs=SLOTS) as two:
        yield one, two


async def health(container: Container) -> dict[str, Any]:
    return msgspec.json.decode((await container.request("GET", "/health")).body)  # type: ignore[no-any-return]


async def speak(container: Container, text: str = "Good morning.", **fields: object) -> Answer:
    body = {"text": text, "seed": 3, "format": "pcm"} | fields
    return await container.request("POST", "/tts", json=body, headers=KEY)


def error_of(answer: Answer) -> dict[str, Any]:
    return msgspec.json.decode(answer.body)["error"]  # type: ignore[no-any-return]


async def save_voice(container: Container) -> Answer:
    boundary = "boundary"
    parts = [("name", b"Ada"), ("consent", b"This is my own voice."), ("reference_audio", wav(voice_like(3)))]
    body = b""
    for name, data in parts:
        file = '; filename="a.wav"' if name == "reference_audio" else ""
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + data + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    headers = KEY | {"content-type": f"multipart/form-data; boundary={boundary}"}
    return await container.request("POST", "/voices", body=body, headers=headers)


def test_thirteen_requests_over_ten_places_of_a_host_that_never_disconnects(deployed: Deployed) -> None:
    async def test() -> None:
        started = await deployed.start(await deployed.prepare())
        async with Container(started.app, max_inputs=SLOTS) as container:
            answers = await asyncio.gather(
                *(speak(container, f"This is caller number {'abcdefghijklm'[n]}.", stream=True) for n in range(13))
            )
            assert [answer.status for answer in answers] == [200] * 13
            assert all(len(answer.body) > 1000 for answer in answers)
            assert (await speak(container)).status == 200

    run(test)


def test_a_container_transcribes_with_the_whisper_model_of_the_deployment(deployed: Deployed) -> None:
    """The embedded voice and the embedded model."""
    needs_embedded_model()
    settings = {"CHORUS_ENGINE": "embedded", "CHORUS_ASR_MODEL": "embedded", "CHORUS_ASR_DEVICE": "cpu"}

    async def test() -> None:
        prepared = await deployed.prepare(**settings)
        started = await deployed.start(prepared, "ta-2", **settings)
        async with Container(started.app, max_inputs=SLOTS) as container:
            spoken = await speak(container, format="wav")
            answer = await container.request("POST", "/transcribe", body=spoken.body, headers=KEY)
            assert msgspec.json.decode(answer.body)["text"].lower().startswith("good morning")
            told = await health(container)
            assert told["recognizer"]["model"] == "whisper-base"
            assert told["restored_s"].keys() >= {"asr-import"}
            assert told["startup_s"].keys() >= {"asr-weights", "warm-up"}

    run(test)


def test_a_whisper_model_that_is_not_on_the_volume_is_named_with_the_way_to_fetch_it(
    deployed: Deployed, tmp_path: Path
) -> None:
    missing = {"CHORUS_ENGINE": "embedded", "CHORUS_ASR_MODEL": str(tmp_path / "missing")}

    async def test() -> None:
        started = await deployed.start(await deployed.prepare(**missing), **missing)
        async with Container(started.app, max_inputs=SLOTS) as container:
            error = (await health(container))["error"]
            assert "missing" in error and "modal_deploy.app::download" in error
        assert started.recognizer is None
        assert deployed.retired == 0

    run(test)


def test_a_second_container_speaks_with_the_voice_that_the_first_one_saved(deployed: Deployed) -> None:
    async def test() -> None:
        async with two_containers(deployed) as (one, two):
            assert (await speak(two)).status == 200
            saved = await save_voice(one)
            assert saved.status == 201, saved.body
            id = msgspec.json.decode(saved.body)["id"]
            listed = msgspec.json.decode((await two.request("GET", "/speakers", headers=KEY)).body)
            assert id in [speaker["id"] for speaker in listed["speakers"]]
            there, here = await speak(two, speaker_id=id), await speak(one, speaker_id=id)
            assert (there.status, here.status) == (200, 200)
            assert there.body == here.body
            assert (await speak(one)).body != here.body

            assert (await one.request("DELETE", f"/voices/{id}", headers=KEY)).status == 204
            await two.request("GET", "/voices", headers=KEY)
            gone = await speak(two, speaker_id=id)
            assert (gone.status, error_of(gone)["code"]) == (404, "unknown_speaker")

    run(test)


def test_a_voice_that_is_not_here_yet_is_looked_for_before_it_is_called_unknown(deployed: Deployed) -> None:
    async def test() -> None:
        async with two_containers(deployed) as (one, two):
            id = msgspec.json.decode((await save_voice(one)).body)["id"]
            assert (await speak(two, speaker_id=id)).status == 200

    run(test)


def test_a_volume_that_cannot_be_committed_is_told_to_the_caller_and_in_health_until_it_can(
    deployed: Deployed, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        started = await deployed.start(await deployed.prepare())
        volume = deployed.volumes["ta-1"]
        async with Container(started.app, max_inputs=SLOTS) as container:
            volume.broken = "quota exceeded"
            answer = await save_voice(container)
            assert (answer.status, error_of(answer)["code"]) == (507, "storage_failure")
            assert "not seen by other servers yet" in error_of(answer)["message"]
            state = await health(container)
            assert state["status"] == "ok"
            assert state["storage"] == "the data volume cannot be committed: quota exceeded"
            assert state["storage"] in [record.message for record in caplog.records]
            assert (await speak(container)).status == 200
            volume.broken = None
            assert (await save_voice(container)).status in (200, 201)
            assert (await health(container))["storage"] is None

    run(test)


def test_a_restored_container_says_what_the_snapshot_spared_it(deployed: Deployed) -> None:
    async def test() -> None:
        prepared = await deployed.prepare("ta-1")
        assert set(prepared.lifecycle.stages_s) == {"import", "weights"}
        started = await deployed.start(prepared, "ta-2")
        async with Container(started.app, max_inputs=SLOTS) as container:
            state = await health(container)
        assert (state["status"], state["engine"]) == ("ok", "xtts")
        assert set(state["restored_s"]) == {"import", "weights"}
        assert {"device", "warm-up", "speakers"} <= set(state["startup_s"])

    run(test)


def test_a_container_without_a_snapshot_says_so(deployed: Deployed) -> None:
    async def test() -> None:
        started = await deployed.start(await deployed.prepare())
        async with Container(started.app, max_inputs=SLOTS) as container:
            state = await health(container)
        assert state["restored_s"] is None
        assert {"import", "weights", "device", "capacity", "warm-up"} <= set(state["startup_s"])

    run(test)


def test_keys_are_read_after_the_snapshot_and_not_before(deployed: Deployed) -> None:
    async def test() -> None:
        prepared = await deployed.prepare(CHORUS_API_KEYS="the old key of the snapshot")  # blanks: would be refused
        assert prepared.weights is not None
        started = await deployed.start(prepared, "ta-2", CHORUS_API_KEYS="a-new-key")
        async with Container(started.app, max_inputs=SLOTS) as container:
            assert (await speak(container)).status == 401
            answer = await container.request("GET", "/speakers", headers={"xi-api-key": "a-new-key"})
            assert answer.status == 200

    run(test)


async def _failed_state(deployed: Deployed, prepared: Prepared, **changes: str) -> dict[str, Any]:
    """The answer of /health in a container that could not start; every other route answers the same."""
    started = await deployed.start(prepared, "ta-2", **changes)
    assert started.engine is None
    async with Container(started.app, max_inputs=SLOTS) as container:
        answer = await container.request("GET", "/health")
        assert answer.status == 503
        state: dict[str, Any] = msgspec.json.decode(answer.body)
        assert state["status"] == "failed"
        if "CHORUS_API_KEYS" not in changes:
            refused = await speak(container)
            assert refused.status == 500
            assert state["error"] in error_of(refused)["message"]
    assert deployed.retired == 0
    return state


def test_missing_keys_close_the_server_and_say_where_they_belong(
    deployed: Deployed, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        state = await _failed_state(deployed, await deployed.prepare(), CHORUS_API_KEYS="")
        assert "CHORUS_API_KEYS is empty" in state["error"]
        assert "DEPLOY_SECRET" in state["error"]
        assert any(state["error"] in record.message for record in caplog.records)

    run(test)


def test_callers_that_cannot_be_read_are_told_by_health(deployed: Deployed) -> None:
    async def test() -> None:
        state = await _failed_state(deployed, await deployed.prepare(), CHORUS_API_KEYS_FILE="/nowhere/callers.toml")
        assert "CHORUS_API_KEYS_FILE='/nowhere/callers.toml' cannot be used: no such file" in state["error"]

    run(test)


def test_missing_weights_are_no_reason_for_another_voice(deployed: Deployed, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        deployed.checkpoint = deployed.checkpoint.parent / "nothing"
        prepared = await deployed.prepare()
        assert prepared.weights is None
        assert "this snapshot is made without weights" in caplog.text
        state = await _failed_state(deployed, prepared)
        assert "there is no folder" in state["error"]
        assert "modal run -m modal_deploy.app::download --accept-cpml" in state["error"]
        assert state["engine"] is None

    run(test)


def test_weights_that_come_after_the_snapshot_are_loaded_by_the_start(deployed: Deployed, tmp_path: Path) -> None:
    async def test() -> None:
        there, deployed.checkpoint = deployed.checkpoint, tmp_path / "later"
        prepared = await deployed.prepare()
        assert prepared.weights is None
        shutil.copytree(there, deployed.checkpoint)
        started = await deployed.start(prepared, "ta-2")
        async with Container(started.app, max_inputs=SLOTS) as container:
            assert (await speak(container)).status == 200

    run(test)


def test_weights_in_memory_need_no_file_any_more(deployed: Deployed, tmp_path: Path) -> None:
    async def test() -> None:
        copy = tmp_path / "copy"
        shutil.copytree(deployed.checkpoint, copy)
        started = await deployed.start(await deployed.prepare())
        async with Container(started.app, max_inputs=SLOTS) as container:
            expected = (await speak(container)).body
        deployed.checkpoint = copy
        prepared = await deployed.prepare("ta-2")
        (copy / "model.pth").write_bytes(b"damaged after the snapshot")
        started = await deployed.start(prepared, "ta-2")
        async with Container(started.app, max_inputs=SLOTS) as container:
            assert (await speak(container)).body == expected

    run(test)


def test_a_volume_that_cannot_be_written_is_told(deployed: Deployed) -> None:
    async def test() -> None:
        state = await _failed_state(deployed, await deployed.prepare(), CHORUS_DATA="/proc/nowhere")
        assert "cannot be written" in state["error"]

    run(test)


class LostEngine(FakeEngine):
    """Came out of a snapshot of the GPU's memory, and fails on its first sentence."""

    def submit(self, request: Any) -> Any:
        raise EngineFailure("CUDA error: the context is destroyed")


def test_an_engine_that_does_not_survive_a_gpu_snapshot_is_loaded_again(
    deployed: Deployed, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        prepared = await deployed.prepare()
        prepared.engine = LostEngine()
        started = await deployed.start(prepared, "ta-2")
        assert "did not survive the GPU's snapshot, and is loaded again: CUDA error" in caplog.text
        async with Container(started.app, max_inputs=SLOTS) as container:
            state = await health(container)
            assert (state["status"], state["engine"]) == ("ok", "xtts")
            assert (await speak(container)).status == 200

    run(test)


def test_an_engine_in_the_gpu_snapshot_is_warmed_and_used(deployed: Deployed) -> None:
    async def test() -> None:
        prepared = await prepare(with_gpu=True, environ=deployed.environ("ta-1"))
        assert prepared.engine is not None
        assert prepared.weights is None
        started = await deployed.start(prepared, "ta-2")
        assert started.engine is prepared.engine
        async with Container(started.app, max_inputs=SLOTS) as container:
            state = await health(container)
            assert set(state["restored_s"]) == {"import", "weights", "device", "capacity", "warm-up"}
            assert set(state["startup_s"]) == {"warm-up", "speakers"}
            assert (await speak(container)).status == 200

    run(test)


def test_a_container_whose_engine_is_lost_takes_no_more_requests(deployed: Deployed) -> None:
    async def test() -> None:
        prepared = await deployed.prepare()
        engine = prepared.engine = FakeEngine()
        started = await deployed.start(prepared)
        async with Container(started.app, max_inputs=SLOTS) as container:
            assert (await health(container))["status"] == "ok"
            engine.lose(EngineFailure("CUDA error: an illegal memory access was encountered"))
            engine.lose(EngineFailure("again"))
            state = await health(container)
            assert (state["status"], deployed.retired) == ("failed", 1)
            assert re.search("illegal memory access|again", state["error"])

    run(test)


def test_before_the_snapshot_nobody_asks_for_a_gpu(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def touched(*_: object) -> Any:
        raise AssertionError("CUDA was asked for before the snapshot")

    monkeypatch.setattr("app.engine.xtts.device.driver.read_driver", touched)
    monkeypatch.setattr(torch._C, "_cuda_getDeviceCount", touched)
    monkeypatch.setattr(torch.cuda, "_lazy_init", touched)

    async def test() -> None:
        prepared = await deployed.prepare(CHORUS_DEVICE="cuda")
        assert prepared.weights is not None

    run(test)


def test_an_error_that_nobody_thought_of_ends_neither_half(
    deployed: Deployed, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        broken = tmp_path / "broken"
        shutil.copytree(deployed.checkpoint, broken)
        (broken / "config.json").unlink()
        (broken / "config.json").mkdir()
        deployed.checkpoint = broken
        prepared = await deployed.prepare()
        assert "this snapshot is made without weights" in caplog.text
        started = await deployed.start(prepared)
        async with Container(started.app, max_inputs=SLOTS) as container:
            assert (await health(container))["status"] == "failed"

    run(test)


def test_a_full_volume_keeps_nobody_from_speaking(
    deployed: Deployed, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        started = await deployed.start(await deployed.prepare())
        # In the way of the metadata file, like a full disk.
        (tmp_path / "shared" / "speaker_metadata.json").mkdir()
        async with Container(started.app, max_inputs=SLOTS) as container:
            assert (await health(container))["status"] == "ok"
            assert "speaker metadata could not be written" in caplog.text
            assert (await speak(container)).status == 200
        assert deployed.retired == 0

    run(test)


def test_containers_of_one_volume_sign_with_one_certificate(deployed: Deployed, tmp_path: Path) -> None:
    pytest.importorskip("c2pa", reason="c2pa-python is missing (`make c2pa`)")

    async def test() -> None:
        for task in ("ta-1", "ta-2"):
            started = await deployed.start(await deployed.prepare(task), task)
            async with Container(started.app, max_inputs=SLOTS) as container:
                assert (await health(container))["status"] == "ok"
        certificates = {(tmp_path / folder / "c2pa.pem").read_bytes() for folder in ("shared", "ta-1", "ta-2")}
        assert len(certificates) == 1

    run(test)


def test_a_container_with_trouble_of_its_own_leaves_even_if_its_first_try_fails(deployed: Deployed) -> None:
    async def test() -> None:
        tries = 0

        async def retire() -> None:
            nonlocal tries
            tries += 1
            if tries == 1:
                raise ConnectionError("no answer")

        retirement = Retirement(retire)
        for _ in range(3):
            retirement(EngineFailure("CUDA error"))
            for _ in range(3):
                await asyncio.sleep(0)
        assert tries == 2

    run(test)
