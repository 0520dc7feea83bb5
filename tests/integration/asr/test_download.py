"""`chorus download --asr` against a hub on loopback: the real code, the real library, and faults."""

import filecmp
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import httpx
import pytest

from app.asr.download import download_for, download_model
from app.asr.installation import DEFAULT_ON_CPU, PINNED_REVISIONS, installed_folder
from app.errors import ChorusError, DownloadFailed, InvalidSetting, UnusableCheckpoint
from app.settings import Settings
from tests.support.hub import Hub
from tests.support.server import chorus_serve

MODEL = "ada/whisper-tiny"


def download(data: Path, **options: Callable[[], None]) -> list[str]:
    """The lines that were reported."""
    lines: list[str] = []
    download_model(MODEL, data, report=lines.append, sleep=lambda _: None, **options)
    return lines


def refused(data: Path) -> str:
    with pytest.raises(DownloadFailed) as failure:
        download(data)
    assert not installed_folder(data, MODEL).exists()
    return failure.value.message


def check_installed(data: Path, whisper_folder: Path, model: str = MODEL) -> None:
    """The folder is as the hub has it, and nothing lies beside it."""
    final = installed_folder(data, model)
    names = sorted(path.name for path in whisper_folder.iterdir())
    assert sorted(path.name for path in final.iterdir()) == names
    assert filecmp.cmpfiles(final, whisper_folder, names, shallow=False)[0] == names
    assert {path.name for path in final.parent.iterdir()} - {f".{final.name}.lock"} == {final.name}


def test_a_download_is_verified_placed_and_not_repeated(hub: Hub, tmp_path: Path, whisper_folder: Path) -> None:
    hub.statuses["tokenizer.json"] = [503, 500]
    hub.stop_after["model.bin"] = [2_000_000]
    lines = download(tmp_path)
    check_installed(tmp_path, whisper_folder)
    assert lines[-1] == f"{MODEL} is in {installed_folder(tmp_path, MODEL)}"
    num_bodies = len(hub.sent)
    assert download(tmp_path) == [f"{MODEL} is already in {installed_folder(tmp_path, MODEL)}"]
    assert len(hub.sent) == num_bodies


def test_the_weights_come_last(hub: Hub, tmp_path: Path) -> None:
    download(tmp_path)
    assert [name for name, _, _ in hub.sent][-1] == "model.bin"


def test_a_preprocessor_comes_along_where_the_model_has_one(hub: Hub, tmp_path: Path) -> None:
    hub.files["preprocessor_config.json"] = b'{"feature_size": 80}'
    hub.files["README.md"] = b"not asked for"
    download(tmp_path)
    assert (installed_folder(tmp_path, MODEL) / "preprocessor_config.json").read_bytes() == b'{"feature_size": 80}'
    assert "README.md" not in {name for name, _, _ in hub.sent}


def test_a_file_with_another_hash_is_refused_and_fetched_anew(hub: Hub, tmp_path: Path, whisper_folder: Path) -> None:
    hub.wrong.add("model.bin")
    assert "model.bin is not what the hub says it should be; it was removed, try again" in refused(tmp_path)
    hub.wrong.clear()
    download(tmp_path)
    check_installed(tmp_path, whisper_folder)


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (401, "RepoNotFound", "check the name in CHORUS_ASR_MODEL; a private model needs HF_TOKEN"),
        (401, "GatedRepo", "this model has terms: accept them on its page with an account, and set HF_TOKEN"),
        (403, "GatedRepo", "this model has terms"),
        (404, "RepoNotFound", "the hub does not have it (404); check CHORUS_ASR_MODEL"),
        (404, "RevisionNotFound", "the hub does not have it (404); check CHORUS_ASR_MODEL"),
    ],
    ids=str,
)
def test_a_hub_that_refuses_is_told_with_what_to_do(
    hub: Hub, tmp_path: Path, status: int, code: str, says: str
) -> None:
    hub.error_code = code
    hub.head_statuses = {name: [status] * 10 for name in (*hub.files, "vocabulary.txt", "preprocessor_config.json")}
    message = refused(tmp_path)
    assert message.startswith(f"{MODEL}: ")
    assert says in message
    assert hub.sent == []


def test_no_hub_at_all_is_told_with_its_address(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
    )
    message = refused(tmp_path)
    assert "no complete answer from http://127.0.0.1:9: " in message
    assert "Connection refused; try again, it goes on from where it was" in message


@pytest.mark.parametrize(
    ("absent", "lacks"),
    [
        (("model.bin", "vocabulary.json"), "model.bin, vocabulary.txt"),
        (("tokenizer.json",), "tokenizer.json"),
        (("config.json",), "config.json"),
    ],
    ids=str,
)
def test_a_model_of_another_form_is_told_before_a_byte_is_fetched(
    hub: Hub, tmp_path: Path, absent: tuple[str, ...], lacks: str
) -> None:
    for name in absent:
        del hub.files[name]
    message = refused(tmp_path)
    assert f"{MODEL} has no {lacks} on the hub, so it is no Whisper model in CTranslate2's form" in message
    assert "such as Systran/faster-whisper-small" in message
    assert hub.sent == []


def test_a_model_of_another_kind_is_not_placed_and_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    hub.files["model.bin"] = hub.files["model.bin"].replace(b"WhisperSpec", b"Wav2Vec2_Sp", 1)
    final = installed_folder(tmp_path, MODEL)
    for _ in range(2):
        with pytest.raises(UnusableCheckpoint) as failure:
            download(tmp_path)
        assert "is not a Whisper model of CTranslate2, but a Wav2Vec2_Sp" in failure.value.message
        assert f"remove {final.with_name('.main.partial')} to free 0.0 GB" in failure.value.message
        assert not final.exists()
    assert hub.num_bytes("model.bin") == len(hub.files["model.bin"])


def test_a_disk_without_room_is_told_before_a_byte_is_fetched(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    message = refused(tmp_path)
    assert "GB of disk space are needed in" in message
    assert "make room, or give another folder in CHORUS_DATA" in message
    assert hub.sent == []


def test_a_disk_that_fills_up_keeps_what_has_come(hub: Hub, tmp_path: Path, whisper_folder: Path) -> None:
    data = tmp_path / "disk"
    data.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(data)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no permission to mount a small disk")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1 << 40}))
            message = refused(data)
        assert message == "model.bin: the disk is full; make room and try again, it goes on from where it was"
        assert (installed_folder(data, MODEL).with_name(".main.partial") / "tokenizer.json").is_file()
    finally:
        subprocess.run(["umount", str(data)], check=True)


class GivenUp(ChorusError):
    pass


def test_a_download_that_is_given_up_at_each_step_in_turn_goes_on_from_there(
    hub: Hub, tmp_path: Path, whisper_folder: Path
) -> None:
    final = installed_folder(tmp_path, MODEL)
    for last in count(1):
        calls = count(1)

        def check(calls: "count[int]" = calls, last: int = last) -> None:
            if next(calls) == last:
                raise GivenUp("enough")

        try:
            download(tmp_path, check=check)
            break
        except GivenUp:
            assert {path.name for path in final.parent.iterdir()} == {f".{final.name}.lock", f".{final.name}.partial"}
    assert last > len(hub.files)  # asked within files too
    check_installed(tmp_path, whisper_folder)


def environment(hub: Hub, data: Path) -> dict[str, str]:
    return os.environ | {"HF_ENDPOINT": hub.url, "CHORUS_DATA": str(data), "CHORUS_ASR_DEVICE": "cpu"}


def start(hub: Hub, data: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "app", "download", "--asr", *options],
        env=environment(hub, data),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_two_commands_at_once_fetch_every_byte_once(hub: Hub, tmp_path: Path, whisper_folder: Path) -> None:
    """The default model, at its pinned revision."""
    hub.hold_after["model.bin"] = 1_000_000
    first = start(hub, tmp_path)
    assert hub.held.wait(300)
    second = start(hub, tmp_path)
    assert second.stdout is not None
    assert "waiting" in second.stdout.readline()
    hub.released.set()
    for process in (first, second):
        printed, _ = process.communicate(timeout=300)
        assert process.returncode == 0, printed
        assert "the server uses it from its next start on" in printed
    check_installed(tmp_path, whisper_folder, DEFAULT_ON_CPU)
    assert f"/{DEFAULT_ON_CPU}/resolve/{PINNED_REVISIONS[DEFAULT_ON_CPU]}/model.bin" in hub.paths
    for name, content in hub.files.items():
        assert hub.num_bytes(name) == len(content)


@pytest.mark.slow
def test_a_killed_command_goes_on_and_names_the_setting_for_its_model(
    hub: Hub, tmp_path: Path, whisper_folder: Path
) -> None:
    hub.hold_after["model.bin"] = 1_000_000
    process = start(hub, tmp_path, "--model", MODEL)
    assert hub.held.wait(300)
    process.kill()
    process.communicate()
    assert not installed_folder(tmp_path, MODEL).exists()
    hub.hold_after.clear()
    hub.released.set()
    process = start(hub, tmp_path, "--model", MODEL)
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    assert printed.splitlines()[-1] == f"set CHORUS_ASR_MODEL={MODEL}"
    check_installed(tmp_path, whisper_folder)
    assert hub.num_bytes("tokenizer.json") == len(hub.files["tokenizer.json"])


@pytest.mark.slow
def test_the_server_fetches_the_model_that_it_is_told_to_use_and_sigterm_ends_the_wait(
    hub: Hub, tmp_path: Path, whisper_folder: Path
) -> None:
    hub.hold_after["model.bin"] = 1_000_000
    options = {"CHORUS_ASR_MODEL": MODEL, "HF_ENDPOINT": hub.url, "CHORUS_ASR_DEVICE": "cpu"}
    with chorus_serve(tmp_path, until_ok=False, **options) as (_, process):
        assert hub.held.wait(300)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0  # the hub says nothing for 60 s
    hub.released.set()
    assert not installed_folder(tmp_path, MODEL).exists()
    hub.hold_after.clear()
    with chorus_serve(tmp_path, **options) as (url, _):
        assert httpx.get(f"{url}/health").json()["recognizer"]["model"] == MODEL
    check_installed(tmp_path, whisper_folder)


def test_a_model_that_needs_no_download_is_told(whisper_folder: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    download_for(Settings(asr_model=str(whisper_folder), data=tmp_path), report=lines.append)
    assert lines == [f"{whisper_folder} is installed: there is nothing to download"]
    with pytest.raises(InvalidSetting, match="name one with --model"):
        download_for(Settings(asr_model="off", data=tmp_path), report=lines.append)
    with pytest.raises(UnusableCheckpoint, match="there is no folder"):
        download_for(Settings(asr_model=str(tmp_path / "no"), data=tmp_path), report=lines.append)
