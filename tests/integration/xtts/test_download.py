"""`chorus download` against a hub on loopback: the real code, the real library, and faults."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.downloads import REVISION, check_installed, download, environment, installed, start
from tests.support.hub import Hub, running_hub
from tests.support.recordings import voice_like, wav
from tests.support.server import chorus_serve


@pytest.fixture
def hub(tiny_checkpoint: Path) -> Iterator[Hub]:
    with running_hub(tiny_checkpoint) as hub:
        yield hub


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A real file system of that size, mounted on `folder`."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no permission to mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_without_the_licence_nothing_is_asked_of_the_hub(hub: Hub, tmp_path: Path) -> None:
    status, printed = download(hub, tmp_path)
    assert status == 1
    assert len(printed.splitlines()) == 1
    assert "CHORUS_ACCEPT_CPML=1" in printed
    assert "coqui.ai/cpml" in printed
    assert hub.sent == []


def test_a_download_is_verified_converted_and_not_repeated(hub: Hub, tmp_path: Path) -> None:
    hub.statuses["vocab.json"] = [503, 500]
    hub.stop_after["model.pth"] = [12_000_000, 11_000_000]
    status, printed = download(hub, tmp_path, "--accept-licence")
    assert status == 0, printed
    check_installed(tmp_path)
    # The library hands on ten MiB at a time; bytes beyond the last of them are asked for again.
    assert [first for name, first, _ in hub.sent if name == "model.pth"] == [0, 10 << 20, 20 << 20]
    bodies = len(hub.sent)
    status, printed = download(hub, tmp_path)
    assert (status, len(hub.sent)) == (0, bodies)
    assert "already" in printed


def test_a_killed_download_goes_on_from_where_it_was(hub: Hub, tmp_path: Path) -> None:
    hub.hold_after["model.pth"] = 25_000_000
    process = start(hub, tmp_path, "--accept-licence")
    assert hub.held.wait(300)
    process.kill()
    process.communicate()
    assert not installed(tmp_path).exists()
    hub.hold_after.clear()
    hub.released.set()
    status, printed = download(hub, tmp_path, "--accept-licence")
    assert status == 0, printed
    check_installed(tmp_path)
    last = [first for name, first, _ in hub.sent if name == "model.pth"][-1]
    assert last > 8_000_000
    assert hub.num_bytes("vocab.json") == len(hub.files["vocab.json"])


def test_two_at_once_fetch_every_byte_once(hub: Hub, tmp_path: Path) -> None:
    hub.hold_after["model.pth"] = 1_000_000
    first = start(hub, tmp_path, "--accept-licence")
    assert hub.held.wait(300)
    second = start(hub, tmp_path, "--accept-licence")
    assert second.stdout is not None
    assert "waiting" in second.stdout.readline()
    hub.released.set()
    for process in (first, second):
        printed, _ = process.communicate(timeout=300)
        assert process.returncode == 0, printed
    check_installed(tmp_path)
    for name, content in hub.files.items():
        assert hub.num_bytes(name) == len(content)


def test_a_file_with_another_hash_is_refused_and_fetched_anew(hub: Hub, tmp_path: Path) -> None:
    hub.wrong.add("model.pth")
    status, printed = download(hub, tmp_path, "--accept-licence")
    assert status == 1
    assert "model.pth is not what the hub says" in printed.splitlines()[-1]
    assert not installed(tmp_path).exists()
    hub.wrong.clear()
    status, printed = download(hub, tmp_path, "--accept-licence")
    assert status == 0, printed
    check_installed(tmp_path)


@pytest.mark.parametrize(("status", "says"), [(404, "does not have it"), (403, "HF_TOKEN"), (401, "HF_TOKEN")], ids=str)
def test_a_hub_that_refuses_is_told_in_one_line(hub: Hub, tmp_path: Path, status: int, says: str) -> None:
    hub.head_statuses["config.json"] = [status] * 10
    ended, printed = download(hub, tmp_path, "--accept-licence")
    assert ended == 1
    assert says in printed.splitlines()[-1]
    assert "Traceback" not in printed


def test_no_hub_at_all_is_told_in_one_line(hub: Hub, tmp_path: Path) -> None:
    hub.url = "http://127.0.0.1:9"
    ended, printed = download(hub, tmp_path, "--accept-licence")
    assert ended == 1
    assert "try again" in printed.splitlines()[-1]
    assert "Traceback" not in printed


def test_a_full_disk_is_told_and_what_came_is_kept(hub: Hub, tmp_path: Path) -> None:
    """A real small disk. The hub's sizes are believed at first, so that the disk fills up on the way."""
    with small_disk(tmp_path / "disk", 20) as disk:
        ended, printed = download(hub, disk, "--accept-licence")
        assert ended == 1
        # Both forms lie side by side for a moment, so twice the size is needed and a little more.
        needed_gb = 2.3 * sum(map(len, hub.files.values())) / 1e9
        assert f"{needed_gb:.1f} GB of disk space are needed in {disk}" in printed.splitlines()[-1]
        assert "and 0.0 GB are free; make room" in printed.splitlines()[-1]
        code = (
            "import shutil, collections; from app.cli import main;"
            "shutil.disk_usage = lambda path: collections.namedtuple('Usage', 'free')(1 << 40); main()"
        )
        filled = subprocess.run(
            [sys.executable, "-c", code, "download", "--accept-licence"],
            env=environment(hub, disk), capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert filled.returncode == 1
        assert "model.pth: the disk is full" in filled.stderr.splitlines()[-1]
        assert (disk / "models" / "xtts_v2" / f".{REVISION}.partial" / "model.pth.part").stat().st_size > 10_000_000
        assert not installed(disk).exists()


def test_speakers_are_optional_as_fine_tunes_have_none(hub: Hub, tmp_path: Path) -> None:
    del hub.files["speakers_xtts.pth"]
    status, printed = download(hub, tmp_path, "--accept-licence")
    assert status == 0, printed
    check_installed(tmp_path)


def test_a_model_that_cannot_be_served_is_refused_before_its_weights_are_fetched(hub: Hub, tmp_path: Path) -> None:
    hub.files["config.json"] = hub.files["config.json"].replace(b'"model": "xtts"', b'"model": "vits"')
    status, printed = download(hub, tmp_path, "--accept-licence")
    assert status == 1
    assert "is of a 'vits' model" in printed.splitlines()[-1]
    assert "coqui/XTTS-v2 cannot be served, and its weights were not fetched" in printed.splitlines()[-1]
    assert "Traceback" not in printed
    assert {name for name, _, _ in hub.sent} == {"config.json"}


def test_weights_that_cannot_be_converted_are_told_with_what_to_do_and_not_fetched_again(
    hub: Hub, tmp_path: Path
) -> None:
    hub.files["config.json"] = hub.files["config.json"].replace(b'"gpt_layers": 3', b'"gpt_layers": 4')
    partial = tmp_path / "models" / "xtts_v2" / f".{REVISION}.partial"
    for _ in range(2):
        status, printed = download(hub, tmp_path, "--accept-licence")
        assert status == 1
        line = printed.splitlines()[-1]
        assert (
            "does not fit XTTS v2: gpt.gpt.h.3.attn.c_attn.bias is missing. The files are as the hub has them" in line
        )
        assert f"remove {partial} to free 0.0 GB" in line
        assert "Traceback" not in printed
        assert not installed(tmp_path).exists()
    for name, content in hub.files.items():
        assert hub.num_bytes(name) == len(content)


def test_a_disk_that_fills_up_while_the_weights_are_converted_is_told_in_one_line(hub: Hub, tmp_path: Path) -> None:
    """The hub's sizes fit twice; then something else takes the room."""
    with small_disk(tmp_path / "disk", 60) as disk:
        code = (
            "import shutil, collections; from app.cli import main;"
            "shutil.disk_usage = lambda path: collections.namedtuple('Usage', 'free')(1 << 40); main()"
        )
        ended = subprocess.run(
            [sys.executable, "-c", code, "download", "--accept-licence"],
            env=environment(hub, disk), capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert ended.returncode == 1
        assert "model.safetensors could not be written" in ended.stderr.splitlines()[-1]
        assert "try again, it goes on from where it was" in ended.stderr.splitlines()[-1]
        assert "Traceback" not in ended.stderr
        assert not installed(disk).exists()
        assert (disk / "models" / "xtts_v2" / f".{REVISION}.partial" / "model.pth").is_file()


def test_the_recording_of_a_fine_tunes_speaker_comes_along_and_is_converted_with_it(hub: Hub, tmp_path: Path) -> None:
    hub.files["ref.wav"] = wav(voice_like(4))
    hub.files["audio.wav"] = b"not asked for, because one is enough"
    status, printed = download(hub, tmp_path, "--accept-licence")
    assert status == 0, printed
    check_installed(tmp_path)
    assert (installed(tmp_path) / "reference.wav").read_bytes() == hub.files["ref.wav"]
    assert "audio.wav" not in {name for name, _, _ in hub.sent}


def test_the_hubs_token_goes_to_the_hub_and_not_where_it_redirects_to(
    hub: Hub, tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with running_hub(tiny_checkpoint) as storage:
        hub.elsewhere = storage.url
        status, printed = download(hub, tmp_path, "--accept-licence")
    assert status == 0, printed
    check_installed(tmp_path)
    assert hub.tokens == {"Bearer hf_secret"}
    assert storage.num_bytes("model.pth") > 1_000_000
    assert hub.num_bytes("model.pth") == 0
    assert storage.tokens == {None}


def test_sigterm_ends_a_start_that_waits_for_the_hub_and_leaves_nothing_half_written(hub: Hub, tmp_path: Path) -> None:
    hub.hold_after["model.pth"] = 11 << 20
    options = {"CHORUS_ENGINE": "xtts", "CHORUS_ACCEPT_CPML": "1", "HF_ENDPOINT": hub.url, "CHORUS_DEVICE": "cpu"}
    with chorus_serve(tmp_path, until_ok=False, **options) as (_, process):
        assert hub.held.wait(300)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0  # the hub says nothing for 60 s
    assert not installed(tmp_path).exists()
    assert {path.name for path in installed(tmp_path).parent.iterdir()} == {f".{REVISION}.lock", f".{REVISION}.partial"}
    hub.released.set()
    status, printed = download(hub, tmp_path, "--accept-licence")
    assert status == 0, printed
    check_installed(tmp_path)


GIVE_UP = """
import sys
from itertools import count
from pathlib import Path
from app.engine.xtts.checkpoint.download import download_model
from app.errors import ChorusError
from app.settings import Settings

data, final = Path(sys.argv[1]), Path(sys.argv[2])

class GivenUp(ChorusError):
    pass

for at in count(1):
    calls = count(1)

    def check():
        if next(calls) == at:
            raise GivenUp("enough")

    try:
        download_model(Settings(data=data, accept_cpml=True), report=lambda _: None, check=check)
        print(at)
        break
    except GivenUp:
        left = {path.name for path in final.parent.iterdir()}
        assert left == {f".{final.name}.lock", f".{final.name}.partial"}, left
"""


def test_a_download_that_is_given_up_at_each_step_in_turn_leaves_nothing_half_done(hub: Hub, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", GIVE_UP, str(tmp_path), str(installed(tmp_path))],
        env=environment(hub, tmp_path),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > 8  # four files, and four times between the steps of the conversion
    check_installed(tmp_path)
