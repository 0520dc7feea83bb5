"""Segments to files: chapters, pauses, one gain, figures."""

import io
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest

from app.books.acx import ChapterLevels, LevelMeter, find_faults
from app.books.assembly import CEILING_DBFS, HEAD_S, TAIL_S, TARGET_LUFS, Mastering, Output, file_name
from app.books.audio_file import BookFormat
from app.books.job import ChapterHead, Job
from app.engine.values import Samples
from app.errors import StorageFailure
from tests.support.book_jobs import RATE_HZ, make_job, speech

OUTPUT = Output(book_format=BookFormat.FLAC, title="A", author="B", cover=None)


def master(job: Job) -> tuple[Mastering, Samples]:
    """The mastering after it has written one file, and the samples of that file."""
    mastering = Mastering(job, OUTPUT, RATE_HZ, lambda share: None)
    file = io.BytesIO()
    mastering.write_book(file)
    with av.open(io.BytesIO(file.getvalue()), "r", format="flac") as container:
        steps = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    return mastering, steps.astype(np.float32) / 32_768


def test_chapters_have_silence_at_both_ends_and_pauses_between_segments(tmp_path: Path) -> None:
    job = make_job(tmp_path, [[speech(3, 0.1), speech(2, 0.1)], [speech(4, 0.1)]])
    mastering, samples = master(job)
    first = round((HEAD_S + 3 + 0.5 + 2 + TAIL_S) * RATE_HZ)
    assert [(mark.title, mark.start, mark.end) for mark in mastering.marks] == [
        ("Chapter 1", 0, first),
        ("Chapter 2", first, len(samples)),
    ]
    assert len(samples) == first + round((HEAD_S + 4 + TAIL_S) * RATE_HZ)
    assert not samples[: round(HEAD_S * RATE_HZ)].any()
    assert not samples[first - round(TAIL_S * RATE_HZ) : first].any()


def test_the_share_that_is_done_rises_over_both_readings_and_counts_a_second_file_anew(tmp_path: Path) -> None:
    shares: list[float] = []
    job = make_job(tmp_path, [[speech(1, 0.1), speech(1, 0.1)], [speech(1, 0.1), speech(1, 0.1)]])
    mastering = Mastering(job, OUTPUT, RATE_HZ, shares.append)
    mastering.write_book(io.BytesIO())
    assert shares == pytest.approx([0, 0.05, 0.1, 0.15, 0.2, 0.4, 0.6, 0.8])
    mastering.write_book(io.BytesIO())
    assert shares[8:] == pytest.approx([0.2, 0.4, 0.6, 0.8])


@pytest.mark.parametrize("book_format", list(BookFormat))
def test_the_file_and_its_figures_are_the_same_with_any_number_of_threads(
    tmp_path: Path, book_format: BookFormat
) -> None:
    job = make_job(tmp_path, [[speech(2 + number / 7, 0.1, peak=0.5), speech(1, 0.05)] for number in range(7)])
    output = msgspec.structs.replace(OUTPUT, book_format=book_format)
    files: list[bytes] = []
    results: list[object] = []
    for num_threads in (1, 4):
        mastering = Mastering(job, output, RATE_HZ, lambda share: None, num_threads=num_threads)
        for _ in range(2):  # a full disk: written again, and measured once
            file = io.BytesIO()
            mastering.write_book(file)
            files.append(file.getvalue())
            results.append((mastering.marks, mastering.result()))
    assert len(set(files)) == 1
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize("num_threads", [1, 3])
def test_a_stop_ends_the_writing_on_all_threads(tmp_path: Path, num_threads: int) -> None:
    job = make_job(tmp_path, [[speech(1, 0.1)] * 3 for _ in range(6)])
    shares: list[float] = []

    def stop_at_half(share: float) -> None:
        shares.append(share)
        if share > 0.5:
            raise InterruptedError("stopped")

    output = msgspec.structs.replace(OUTPUT, book_format=BookFormat.M4B)
    mastering = Mastering(job, output, RATE_HZ, stop_at_half, num_threads=num_threads)
    with pytest.raises(InterruptedError):
        mastering.write_book(io.BytesIO())
    assert max(shares) < 0.8


def test_a_damaged_segment_of_a_later_chapter_ends_the_writing(tmp_path: Path) -> None:
    job = make_job(tmp_path, [[speech(1, 0.1)] for _ in range(4)])
    mastering = Mastering(job, OUTPUT, RATE_HZ, lambda share: None, num_threads=2)
    (path,) = tmp_path.rglob("0300.wav")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(StorageFailure, match="was damaged"):
        mastering.write_book(io.BytesIO())


def test_a_book_has_one_gain_to_its_loudness(tmp_path: Path) -> None:
    mastering, samples = master(make_job(tmp_path, [[speech(6, 0.15)], [speech(6, 0.03)]]))
    finished = mastering.result()
    assert finished.loudness.integrated_lufs == pytest.approx(TARGET_LUFS, abs=0.2)
    loud, quiet = (finished.chapters[index].rms_dbfs for index in (0, 1))
    assert loud - quiet == pytest.approx(20 * np.log10(5), abs=0.1)
    assert samples.max() == pytest.approx(0.15 * 10 ** (finished.gain_db / 20), rel=0.01)


def test_peaks_stay_below_what_shops_accept(tmp_path: Path) -> None:
    mastering, samples = master(make_job(tmp_path, [[speech(8, 0.06, peak=0.9)]]))
    assert mastering.gain_db > 3
    assert np.abs(samples).max() <= 10 ** (CEILING_DBFS / 20) + 1e-4
    assert mastering.result().loudness.true_peak_dbtp < -2.5


def test_silence_gets_no_gain(tmp_path: Path) -> None:
    mastering, samples = master(make_job(tmp_path, [[np.zeros(RATE_HZ, np.float32)]]))
    assert mastering.gain_db == 0
    assert not samples.any()


def test_a_chapter_at_the_loudness_of_the_book_passes_the_check_of_shops(tmp_path: Path) -> None:
    mastering, _ = master(make_job(tmp_path, [[speech(20, 0.1)]]))
    assert find_faults(mastering.result().chapters[0]) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"rms_dbfs": -23.1}, "RMS -23.1 dB is not between -23 and -18 dB"),
        ({"rms_dbfs": -17.9}, "RMS -17.9 dB is not between -23 and -18 dB"),
        ({"peak_dbfs": -2.9}, "peak -2.9 dB is above -3 dB"),
        ({"noise_dbfs": -59.0}, "noise -59.0 dB is above -60 dB"),
        ({"seconds": 7300.0}, "122 minutes are more than 120"),
    ],
    ids=str,
)
def test_a_chapter_that_shops_would_refuse_is_named(change: dict[str, float], fault: str) -> None:
    good = ChapterLevels(title="One", seconds=60.0, rms_dbfs=-20.0, peak_dbfs=-3.0, noise_dbfs=-70.0)
    assert find_faults(good) == []
    assert find_faults(msgspec.structs.replace(good, **change)) == [fault]


def test_levels_do_not_depend_on_the_pieces_that_samples_come_in() -> None:
    samples = np.concatenate([speech(2, 0.1), speech(1, 0.001), speech(2, 0.1)])
    results: list[ChapterLevels] = []
    for size in (RATE_HZ, 777):
        meter = LevelMeter("One", RATE_HZ)
        for at in range(0, len(samples), size):
            meter.push(samples[at : at + size])
        results.append(meter.result())
    assert results[0].noise_dbfs == pytest.approx(-67.7, abs=0.5)
    assert results[0].rms_dbfs == pytest.approx(results[1].rms_dbfs)
    assert results[0].noise_dbfs == results[1].noise_dbfs


def test_files_of_chapters_are_named_for_their_numbers_and_titles() -> None:
    names = [
        file_name(ChapterHead(number, title), 120, ".mp3")
        for number, title in [(1, "One"), (12, "A/B: \\ what?\n"), (120, "." * 9), (7, "é" * 300), (8, "..")]
    ]
    assert names[:3] == ["001 One.mp3", "012 A B what.mp3", "120.mp3"]
    assert len(names[3].encode()) < 140
    assert names[4] == "008.mp3"
