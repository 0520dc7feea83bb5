"""`chorus book` in processes of its own: killed, paused, edited."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.books import make_epub, make_png, nav, page
from tests.support.command import chorus

pytestmark = pytest.mark.slow
KILLS = 3
CHAPTERS = [
    "The ship left the harbour at noon. Nobody waved, and nobody looked back.",
    "A storm came from the west. The captain laughed, and then he did not.",
    "They found the island in the morning. It was smaller than the map had promised.",
]


def write_novel(path: Path, chapters: list[str] = CHAPTERS) -> Path:
    pages = {
        f"{number}.xhtml": page(f"<h1>Chapter {number}</h1><p>{text}</p>") for number, text in enumerate(chapters, 1)
    }
    contents = nav(*((f"Chapter {number}", f"{number}.xhtml") for number in range(1, len(chapters) + 1)))
    path.write_bytes(make_epub(pages, contents=contents, cover=make_png()))
    return path


def environ(data: Path) -> dict[str, str]:
    """Without signatures, which differ each time."""
    return {"CHORUS_DATA": str(data), "CHORUS_ENGINE": "embedded", "CHORUS_MARKS": "metadata"}


def segments(data: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in data.rglob("*.wav")}


def start(*arguments: str, **variables: str) -> subprocess.Popen[bytes]:
    """`chorus book`. SIGINT reaches it also where this process ignores it, as in the background of a shell."""
    command = [sys.executable, "-m", "app", "book", *arguments]
    return subprocess.Popen(
        command,
        env=os.environ | variables,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for_segments(data: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    while len(list(data.rglob("*.wav"))) < count and process.poll() is None:
        time.sleep(0.01)


def test_a_book_that_was_killed_at_random_moments_has_the_bytes_of_one_that_was_not(tmp_path: Path) -> None:
    novel, whole, killed = write_novel(tmp_path / "novel.epub"), tmp_path / "whole.m4b", tmp_path / "killed.m4b"
    done = chorus("book", str(novel), "-o", str(whole), **environ(tmp_path / "whole"))
    assert done.returncode == 0, done.stderr
    num_segments = len(segments(tmp_path / "whole"))
    rng = random.Random(1)
    data = tmp_path / "killed"
    for _ in range(KILLS):
        process = start(str(novel), "-o", str(killed), **environ(data))
        wait_for_segments(data, rng.randrange(num_segments + 1), process)
        time.sleep(rng.uniform(0, 0.3))
        process.kill()
        process.communicate()
        assert not killed.exists() or killed.read_bytes() == whole.read_bytes()
    done = chorus("book", str(novel), "-o", str(killed), **environ(data))
    assert done.returncode == 0, done.stderr
    assert killed.read_bytes() == whole.read_bytes()
    assert segments(data) == segments(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "killed",
        "killed.m4b",
        "novel.epub",
        "whole",
        "whole.m4b",
    ]


def test_ctrl_c_pauses_and_the_same_command_goes_on_after_an_edit(tmp_path: Path) -> None:
    novel, data = write_novel(tmp_path / "novel.epub"), tmp_path / "data"
    arguments = (str(novel), "-o", f"{tmp_path}/out/")
    process = start(*arguments, **environ(data))
    wait_for_segments(data, 2, process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert b"paused at" in said
    assert b"the same command goes on" in said
    before = segments(data)
    assert len(before) >= 2
    done = chorus("book", *arguments, **environ(data))
    assert done.returncode == 0, done.stderr
    first = segments(data)
    assert before.items() <= first.items()
    write_novel(novel, [CHAPTERS[0], CHAPTERS[1].replace("laughed", "smiled"), CHAPTERS[2]])
    done = chorus("book", *arguments, "--acx", **environ(data))
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[:3]] == ["passes"] * 3
    assert len(segments(data).keys() - first.keys()) == 1
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["01 Chapter 1.mp3", "02 Chapter 2.mp3", "03 Chapter 3.mp3"]
