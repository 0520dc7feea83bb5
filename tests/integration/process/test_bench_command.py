import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.server import RunningServer


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
        assert 0 < row["first_audio_p50_s"] <= row["first_audio_p95_s"]
        assert row["codes_per_s"] > row["audio_s_per_s"] > 0
    assert result["peak_memory_mb"] > 100
    assert result["device"] == "cpu"


def test_a_running_server_is_measured_over_http(embedded_server: RunningServer) -> None:
    ended = bench("--streams", "1,2", "--http", embedded_server.url)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("| streams | first audio p50 |")
    assert [line.split("|")[1].strip() for line in lines[2:4]] == ["1", "2"]


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


def test_what_cannot_be_measured_is_told_in_one_line(tmp_path: Path) -> None:
    for arguments, says in (
        (("--http", "http://127.0.0.1:9"), "cannot be measured"),
        (("--compare-reference",), "needs the XTTS engine"),
        (("--streams", "0"), "1 to 1024"),
        (("--streams", "many"), "1 to 1024"),
        (("--codes", "1"), "2<=x<=600"),
        (("--codes", "2"), "needs the XTTS engine"),
    ):
        ended = bench(*arguments, CHORUS_DATA=str(tmp_path))
        assert ended.returncode != 0
        assert says in ended.stderr.splitlines()[-1]
        assert "Traceback" not in ended.stderr
