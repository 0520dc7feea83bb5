"""The final files of a book: full disks, files that cannot be written, damaged copies."""

import errno
import shutil
from pathlib import Path
from typing import BinaryIO

import click
import pytest

from app.books.assembly import Mastering, Output
from app.books.audio_file import BookFormat
from app.books.job import ChapterPlan, Job
from app.cli.book_files import BookFiles, Target
from app.errors import StorageFailure
from tests.support.book_jobs import RATE_HZ, make_job, speech

OUTPUT = Output(book_format=BookFormat.FLAC, title="A", author="B", cover=None)


class Full:
    """A file without room behind its first 3,000 bytes."""

    def __init__(self, file: BinaryIO, code: int) -> None:
        self._file = file
        self._code = code
        self.seek, self.tell = file.seek, file.tell

    def write(self, data: bytes) -> int:
        if self._file.tell() > 3_000:
            raise OSError(self._code, "no room")
        return self._file.write(data)


class Disk(Mastering):
    """Writes into a full disk `num_full` times, and into one with room after that."""

    num_full = 0
    code = errno.ENOSPC

    def write_book(self, file: BinaryIO) -> None:
        super().write_book(self._on_disk(file))

    def write_chapter(self, plan: ChapterPlan, file: BinaryIO) -> None:
        super().write_chapter(plan, self._on_disk(file))

    def _on_disk(self, file: BinaryIO) -> BinaryIO:
        self.num_full -= 1
        return Full(file, self.code) if self.num_full >= 0 else file  # pyright: ignore[reportReturnType]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return make_job(tmp_path / "job", [[speech(1, 0.1)], [speech(2, 0.1)], [speech(1, 0.1)]])


@pytest.fixture
def disk(job: Job) -> Disk:
    return Disk(job, OUTPUT, RATE_HZ, lambda share: None)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_full_disk_is_waited_for_and_the_file_is_that_of_a_disk_with_room(
    tmp_path: Path, job: Job, disk: Disk
) -> None:
    with_room = Disk(job, OUTPUT, RATE_HZ, lambda share: None)
    BookFiles(Target(f"{tmp_path}/a.flac", None), 3, lambda line: None).write(job, with_room, lambda seconds: None)
    disk.num_full = 2
    said: list[str] = []
    waits: list[float] = []
    (tmp_path / "out").mkdir()
    BookFiles(Target(f"{tmp_path}/out/a.flac", None), 3, said.append).write(job, disk, waits.append)
    assert [line.split(":")[0] for line in said] == ["paused", "there is room again"] * 2
    assert waits == [5.0, 10.0]
    assert names(tmp_path / "out") == ["a.flac"]
    assert (tmp_path / "out/a.flac").read_bytes() == (tmp_path / "a.flac").read_bytes()
    assert disk.result() == with_room.result()


def test_a_disk_without_more_room_than_before_is_not_tried_again(
    tmp_path: Path, job: Job, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk.num_full = 1
    usage = shutil.disk_usage(tmp_path)
    free = [0, 0, 1 << 40]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=free.pop(0)))
    waits: list[float] = []
    BookFiles(Target(f"{tmp_path}/a.flac", None), 3, lambda line: None).write(job, disk, waits.append)
    assert waits == [5.0] * 3


def test_another_fault_names_the_file_and_says_that_the_segments_are_kept(tmp_path: Path, job: Job, disk: Disk) -> None:
    disk.num_full, disk.code = 1, errno.EIO
    (tmp_path / "out").mkdir()
    files = BookFiles(Target(f"{tmp_path}/out/a.flac", None), 3, lambda line: None)
    with pytest.raises(click.ClickException, match=r"a.flac cannot be written: no room; the segments are kept"):
        files.write(job, disk, lambda seconds: None)
    assert names(tmp_path / "out") == []


def test_a_chapter_that_cannot_be_written_leaves_the_others_to_be_written(tmp_path: Path, job: Job, disk: Disk) -> None:
    target = Target(f"{tmp_path}/out/", "flac")
    target.check()
    (tmp_path / "out/02 Chapter 2.flac").mkdir()
    with pytest.raises(click.ClickException, match=r"02 Chapter 2.flac cannot be written: Is a directory"):
        BookFiles(target, 3, lambda line: None).write(job, disk, lambda seconds: None)
    assert names(tmp_path / "out") == ["01 Chapter 1.flac", "02 Chapter 2.flac", "03 Chapter 3.flac"]


def signing(source: BinaryIO, target: BinaryIO) -> None:
    """Puts a tag of ten bytes before the file, which readers of FLAC pass over."""
    source.seek(0)
    target.write(b"ID3\x04\0\0\0\0\0\0" + source.read())


def test_every_file_of_a_book_is_signed_before_it_is_read_back_and_shown(tmp_path: Path, job: Job, disk: Disk) -> None:
    target = Target(f"{tmp_path}/out/", "flac")
    target.check()
    BookFiles(target, 3, lambda line: None, sign=signing).write(job, disk, lambda seconds: None)
    BookFiles(Target(f"{tmp_path}/out/a.flac", None), 3, lambda line: None, sign=signing).write(
        job, Disk(job, OUTPUT, RATE_HZ, lambda share: None), lambda seconds: None
    )
    assert len(names(tmp_path / "out")) == 4
    assert {path.read_bytes()[:3] for path in (tmp_path / "out").iterdir()} == {b"ID3"}


def test_a_disk_that_is_full_while_a_file_is_signed_is_waited_for(tmp_path: Path, job: Job, disk: Disk) -> None:
    num_full = 1

    def sign(source: BinaryIO, target: BinaryIO) -> None:
        nonlocal num_full
        num_full -= 1
        signing(source, target)
        if num_full >= 0:
            Full(target, errno.ENOSPC).write(b"more")

    waits: list[float] = []
    (tmp_path / "out").mkdir()
    files = BookFiles(Target(f"{tmp_path}/out/a.flac", None), 3, lambda line: None, sign=sign)
    files.write(job, disk, waits.append)
    assert waits == [5.0]
    assert names(tmp_path / "out") == ["a.flac"]
    assert (tmp_path / "out/a.flac").read_bytes()[:3] == b"ID3"


def test_what_a_killed_run_left_beside_the_file_is_removed(tmp_path: Path, job: Job, disk: Disk) -> None:
    (tmp_path / "out").mkdir()
    for name in (".a.flac.partial", ".a.flac.0123abcd.partial", ".b.flac.partial"):
        (tmp_path / "out" / name).write_bytes(b"half")
    BookFiles(Target(f"{tmp_path}/out/a.flac", None), 3, lambda line: None).write(job, disk, lambda seconds: None)
    assert names(tmp_path / "out") == [".b.flac.partial", "a.flac"]


def test_a_file_that_does_not_read_back_is_not_shown(tmp_path: Path, job: Job) -> None:
    class Forgetful(Mastering):
        def write_book(self, file: BinaryIO) -> None:
            super().write_book(file)
            file.truncate(2_000)

    (tmp_path / "out").mkdir()
    mastering = Forgetful(job, OUTPUT, RATE_HZ, lambda share: None)
    with pytest.raises(StorageFailure, match="the same command writes it again"):
        BookFiles(Target(f"{tmp_path}/out/a.flac", None), 3, lambda line: None).write(job, mastering, lambda s: None)
    assert names(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("output", "says"),
    [("gone/a.m4b", "No such file or directory"), ("file/a.m4b", "Not a directory"), ("file/deep/", "Not a directory")],
)
def test_a_place_that_takes_no_file_is_refused_before_anything_is_spoken(
    tmp_path: Path, output: str, says: str
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(click.ClickException, match=f"cannot be written: {says}"):
        Target(f"{tmp_path}/{output}", None).check()


def test_a_folder_is_made_and_nothing_is_left_in_it_by_the_check(tmp_path: Path) -> None:
    Target(f"{tmp_path}/a/b/", None).check()
    assert names(tmp_path / "a/b") == []
