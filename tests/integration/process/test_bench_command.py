import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.bench.arrivals import parse_rates, poisson
from app.settings import ApiKeys, Settings
from tests.support.fake_engine import FakeEngine
from tests.support.fine_tunes import add_language
from tests.support.server import RunningServer, serve


def bench(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", "bench", *arguments],
        env=os.environ | environ, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def test_the_engine_is_measured_and_the_figures_are_kept(tiny_checkpoint: Path, tmp_path: Path) -> None:
    environ = {"CHORUS_MODEL": str(tiny_checkpoint), "CHORUS_DATA": str(tmp_path)}
    kept = tmp_path / "bench.jsonl"
    ended = bench("--streams", "1,3", "--codes", "20", "--json", "--append", str(kept), **environ)
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    assert json.loads(kept.read_text()) == result
    assert [row["streams"] for row in result["rows"]] == [1, 3]
    for row in result["rows"]:
        assert 0 < row["first_playable_p50_s"] <= row["first_playable_p95_s"]
        assert row["codes_per_s"] > row["audio_s_per_s"] > 0
        assert (row["refused"], row["failed"], row["rate_per_s"]) == (0, 0, None)
    assert result["peak_memory_mb"] > 100
    assert result["device"] == "cpu"


def test_a_running_server_is_measured_over_http(embedded_server: RunningServer) -> None:
    ended = bench("--streams", "1,2", "--http", embedded_server.url)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("| streams | refused | failed | first playable p50 |")
    assert [cells(line)[:3] for line in lines[2:4]] == [["1", "0", "0"], ["2", "0", "0"]]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_requests_arrive_at_a_rate_and_the_worst_of_two_runs_is_shown(tmp_path: Path) -> None:
    """Two slots and no queue hold fewer requests than arrive, whatever the speed of the machine."""
    arguments = ("--rates", "6,60/s", "--duration", "1", "--seed", "3", "--runs", "2", "--json")
    environ = {"CHORUS_ENGINE": "embedded", "CHORUS_MAX_SLOTS": "2", "CHORUS_MAX_QUEUE": "0"}
    ended = bench(*arguments, CHORUS_DATA=str(tmp_path), **environ)
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    assert (result["duration_s"], result["seed"], result["is_interrupted"]) == (1.0, 3, False)
    assert [row["rate_per_s"] for row in result["rows"]] == [6.0, 60.0]
    expected = [len(poisson(rate, duration_s=1, seed=3).arrivals_s) for rate in parse_rates("6,60/s")]
    for row, runs, streams in zip(result["rows"], result["runs"], expected, strict=True):
        assert [run["streams"] for run in runs] == [streams, streams]
        assert row["refused"] == max(run["refused"] for run in runs)
        assert row["c100"] == min(run["c100"] for run in runs)
        assert row["first_playable_p95_s"] == max(run["first_playable_p95_s"] for run in runs) > 0
        assert row["late_p99_s"] == max(run["late_p99_s"] for run in runs) >= 0
        assert (row["failed"], row["unfinished"]) == (0, 0)
    assert 0 < result["rows"][1]["refused"] < expected[1]


def test_a_server_that_refuses_is_measured_over_http(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, api_keys=ApiKeys("secret"), requests_per_minute=4)
    with serve(settings, FakeEngine, clock=lambda: 1000.0) as server:
        ended = bench("--rate", "30/s", "--duration", "1", "--http", server.url, CHORUS_API_KEYS="secret")
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("| rate | streams | refused | failed | first playable p50 |")
    rate, streams, refused, failed = cells(lines[2])[:4]
    assert (rate, failed) == ("30/s", "0")
    assert int(streams) - int(refused) == 3  # one of four has warmed it up


def test_a_running_server_is_measured_at_a_rate(embedded_server: RunningServer) -> None:
    ended = bench("--rate", "180/m", "--duration", "2", "--http", embedded_server.url, "--json")
    assert ended.returncode == 0, ended.stderr
    [row] = json.loads(ended.stdout)["rows"]
    assert (row["rate_per_s"], row["failed"], row["problem"]) == (3.0, 0, None)
    assert row["streams"] == len(poisson(parse_rates("180/m")[0], duration_s=2, seed=0).arrivals_s) > 0
    assert 0 < row["first_playable_p50_s"] <= row["first_playable_p95_s"]
    assert 0 <= row["c50"] <= row["c100"] <= row["c200"] <= 1


def test_ctrl_c_shows_what_was_measured_until_then(embedded_server: RunningServer) -> None:
    arguments = ["--rates", "5,1/s", "--duration", "2", "--runs", "50", "--http", embedded_server.url]
    running = subprocess.Popen(
        [sys.executable, "-m", "app", "bench", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a shell's job may ignore it
    )  # fmt: skip
    with running:
        assert running.stderr is not None
        for line in running.stderr:
            if "run 2 of 50" in line:
                break
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert [cells(line)[0] for line in out.splitlines()[2:3]] == ["5/s"]
    assert err.splitlines()[-1] == "interrupted: the last row has the streams that had ended"
    assert "Traceback" not in err


def test_the_reference_speaks_the_same_codes(tmp_path: Path) -> None:
    """In a process of its own the TTS package cannot be given another vocoder than its own, so it has that one."""
    code = (
        "import sys; from pathlib import Path; from tests.support.tiny_xtts import Shape, write_checkpoint;"
        "write_checkpoint(Path(sys.argv[1]), Shape(generator_channels=512), is_as_on_hub=True)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "model")], check=True, capture_output=True)
    environ = {"CHORUS_MODEL": str(tmp_path / "model"), "CHORUS_DATA": str(tmp_path)}
    before = (tmp_path / "model" / "model.pth").stat()
    began_at_s = time.perf_counter()
    ended = bench("--compare-reference", "--streams", "1,3", "--codes", "12", "--texts", "2", "--json", **environ)
    process_s = time.perf_counter() - began_at_s
    assert ended.returncode == 0, ended.stderr
    after = (tmp_path / "model" / "model.pth").stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino), "the checkpoint was written"
    rows = json.loads(ended.stdout)["rows"]
    assert [row["sequences"] for row in rows] == [1, 3]
    for row in rows:
        assert row["equal_sequences"] == row["sequences"]
        assert row["decode_ratio"] == pytest.approx(row["reference_decode_s"] / row["decode_s"])
        assert row["whole_ratio"] == pytest.approx(row["reference_s"] / row["whole_s"])
        # Each pair is from one run, so the order holds however busy the machine is.
        assert 0 < row["first_audio_s"] < row["whole_s"]
        assert 0 < row["reference_decode_s"] < row["reference_s"]
        assert row["reference_first_audio_s"] > 0
    alone = rows[0]  # four measurements, one after the other, inside the process that made them
    spans = ("decode_s", "whole_s", "reference_s", "reference_first_audio_s")
    assert sum(alone[span] for span in spans) < process_s


@pytest.mark.parametrize(("change", "says"), [
    (add_language, "the TTS package cannot load"),  # more text tokens than its config says
    (lambda folder: (folder / "speakers_xtts.pth").unlink(), "has no speakers"),
], ids=["text tokens", "speakers"])  # fmt: skip
def test_a_checkpoint_that_the_reference_cannot_speak_is_told_in_one_line(
    tiny_checkpoint: Path, tmp_path: Path, change: Callable[[Path], object], says: str
) -> None:
    change(Path(shutil.copytree(tiny_checkpoint, tmp_path / "model")))
    environ = {"CHORUS_MODEL": str(tmp_path / "model"), "CHORUS_DATA": str(tmp_path)}
    ended = bench("--compare-reference", "--streams", "1", "--codes", "4", "--texts", "1", **environ)
    assert ended.returncode == 1
    assert says in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr) < 1000


def test_what_cannot_be_measured_is_told_in_one_line(tmp_path: Path) -> None:
    for arguments, says in (
        (("--http", "http://127.0.0.1:9"), "cannot be measured"),
        (("--compare-reference",), "needs the XTTS engine"),
        (("--streams", "0"), "1 to 1024"),
        (("--streams", "many"), "1 to 1024"),
        (("--codes", "1"), "2<=x<=600"),
        (("--codes", "2"), "needs the XTTS engine"),
        (("--http", "nonsense"), "cannot be measured"),
    ):
        ended = bench(*arguments, CHORUS_DATA=str(tmp_path))
        assert ended.returncode != 0
        assert says in ended.stderr.splitlines()[-1]
        assert "Traceback" not in ended.stderr
