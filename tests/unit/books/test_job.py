"""The folder of a book that is being made."""

from pathlib import Path

import numpy as np
import pytest

from app.books.job import ChapterHead, ChapterPlan, Job, Manifest
from app.books.make import job_folder
from app.books.plan import Piece
from app.errors import StorageFailure
from tests.support.books import RECIPE

HEAD = ChapterHead(1, "One")
MANIFEST = Manifest(source="a.epub", title="A", author="", language="en", recipe=RECIPE, chapters=(HEAD,))


@pytest.fixture
def job(tmp_path: Path) -> Job:
    job = Job(tmp_path / "job")
    job.open()
    return job


def test_a_segment_comes_back_with_the_same_samples(job: Job) -> None:
    steps = np.arange(-32_768, 32_768, 7, dtype=np.int16)
    samples = steps.astype(np.float32) / 32_768
    assert not job.has_segment("ab12")
    job.write_segment("ab12", samples, 24_000)
    assert job.has_segment("ab12")
    assert np.array_equal(job.read_segment("ab12"), samples)


@pytest.mark.parametrize("damage", ["cut", "flip", "head", "longer", "empty"])
def test_a_damaged_segment_is_removed_so_that_it_is_made_again(job: Job, damage: str) -> None:
    job.write_segment("ab12", np.sin(np.arange(30_000, dtype=np.float32)) / 2, 24_000)
    (path,) = job.folder.rglob("*.wav")
    data = path.read_bytes()
    middle = len(data) // 2
    damaged = {
        "cut": data[:middle],
        "flip": data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :],
        "head": data[:30] + bytes([data[30] ^ 255]) + data[31:],
        "longer": data + bytes(2),
        "empty": b"",
    }
    path.write_bytes(damaged[damage])
    with pytest.raises(StorageFailure, match="the same command makes it again"):
        job.read_segment("ab12")
    assert not job.has_segment("ab12")


def test_half_written_files_of_a_killed_process_and_segments_of_an_earlier_version_are_removed(job: Job) -> None:
    job.write_segment("ab12", np.zeros(100, np.float32), 24_000)
    left = [job.folder / ".job.json.x", job.folder / "chapters/.1.x", job.folder / "segments/ab/.ab12.wav.x"]
    left.append(job.folder / "segments/ab/ab34.flac")
    for path in left:
        path.write_bytes(b"half")
    Job(job.folder).open()
    assert not any(path.exists() for path in left)
    assert job.has_segment("ab12")


def test_manifest_and_plans_come_back(job: Job) -> None:
    plan = ChapterPlan(HEAD, (Piece("ab12", "Words.", 0.6),))
    assert job.read_manifest() is None
    job.write_manifest(MANIFEST)
    job.write_chapter(plan)
    assert job.read_manifest() == MANIFEST
    assert list(job.chapters()) == [plan]


@pytest.mark.parametrize(
    ("content", "says"), [(b'{"format": 99}', "another version"), (b"{", "damaged"), (b'{"format": 1}', "damaged")]
)
def test_a_folder_that_cannot_be_read_is_refused(job: Job, content: bytes, says: str) -> None:
    (job.folder / "job.json").write_bytes(content)
    with pytest.raises(StorageFailure, match=says):
        Job(job.folder).open()


def test_the_folder_belongs_to_the_output_whatever_the_book_is(tmp_path: Path) -> None:
    here = job_folder(tmp_path, tmp_path / "x" / ".." / "novel.m4b")
    assert here == job_folder(tmp_path, tmp_path / "novel.m4b")
    assert here != job_folder(tmp_path, tmp_path / "y" / "novel.m4b")
    assert here.parent == tmp_path / "jobs"


def test_removed_segments_are_made_again_by_the_next_run(job: Job) -> None:
    job.write_manifest(MANIFEST)
    job.write_segment("ab12", np.zeros(100, np.float32), 24_000)
    job.remove_segments()
    assert sorted(path.name for path in job.folder.iterdir()) == ["job.json"]
    again = Job(job.folder)
    again.open()
    assert not again.has_segment("ab12")
