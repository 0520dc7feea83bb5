"""The report and the captions of a book."""

from pathlib import Path

import msgspec
import pytest

from app.asr.verdict import Fault
from app.books.assembly import HEAD_S, TAIL_S, Mastering, Output
from app.books.audio_file import BookFormat
from app.books.notes import Notes, SegmentCheck
from app.books.timing import CaptionFormat
from app.cli.book_files import BookFiles, Target
from tests.support.book_jobs import RATE_HZ, make_job, speech

OUTPUT = Output(book_format=BookFormat.FLAC, title="A", author="B", cover=None)


def write(tmp_path: Path, output: str, captions: CaptionFormat) -> dict[str, str]:
    """Texts beside the audio of a book of two chapters, with three segments."""
    job = make_job(tmp_path / "job", [[speech(1, 0.1), speech(2, 0.01)], [speech(3, 0.1)]])
    fault = Fault(kind="missing", start_s=0.5, end_s=0.7, text="bell")
    check = SegmentCheck(model="whisper", outcome="failed", faults=(fault,), num_retries=2)
    job.write_notes("0100", Notes(warnings=("segment 1 did not end by itself and was cut",), check=check))
    mastering = Mastering(job, OUTPUT, RATE_HZ, lambda share: None)
    target = Target(f"{tmp_path}/{output}", "flac")
    target.check()
    report = tmp_path / "report.json"
    files = BookFiles(target, 2, lambda line: None, captions=captions, report=report)
    files.write(job, mastering, lambda seconds: None, ["a warning"])
    return {
        path.name: path.read_text() for path in tmp_path.rglob("*") if path.suffix in (".srt", ".vtt") or path == report
    }


def test_a_report_has_each_segment_with_its_times_loudness_and_doubts(tmp_path: Path) -> None:
    report = msgspec.json.decode(write(tmp_path, "a.flac", CaptionFormat.SRT)["report.json"])
    counts = ("num_segments", "num_doubtful", "num_checked", "num_unchecked", "num_retried")
    assert [report[count] for count in counts] == [3, 2, 1, 0, 1]
    assert report["warnings"] == ["a warning"]
    assert report["manifest"]["title"] == "A"
    one, two = report["chapters"]
    assert two["start_s"] == pytest.approx(HEAD_S + 1 + 0.5 + 2 + TAIL_S)
    first, second = one["segments"]
    assert (first["start_s"], first["end_s"]) == (HEAD_S, HEAD_S + 1)
    assert second["start_s"] == HEAD_S + 1.5
    assert first["doubts"] == ["segment 1 did not end by itself and was cut", "missing at 0.50 s: bell"]
    assert first["check"]["num_retries"] == 2
    assert second["doubts"] == ["20 LU quieter than the book"]
    assert first["lufs"] - second["lufs"] == pytest.approx(20, abs=0.1)
    assert first["lufs"] == pytest.approx(report["integrated_lufs"], abs=1)
    assert (two["num_doubtful"], two["segments"][0]["check"]) == (0, None)
    assert one["words_per_minute"] == pytest.approx(60 * 2 / one["levels"]["seconds"], abs=0.1)


def test_captions_of_one_file_go_on_through_its_chapters(tmp_path: Path) -> None:
    texts = write(tmp_path, "a.flac", CaptionFormat.SRT)
    assert set(texts) == {"a.srt", "report.json"}
    cues = texts["a.srt"].split("\n\n")
    assert cues[0] == "1\n00:00:00,750 --> 00:00:01,750\nWords."
    assert cues[2].strip() == "3\n00:00:06,750 --> 00:00:09,750\nWords."


def test_captions_of_a_file_a_chapter_begin_anew_in_each(tmp_path: Path) -> None:
    texts = write(tmp_path, "out/", CaptionFormat.VTT)
    assert set(texts) == {"01 Chapter 1.vtt", "02 Chapter 2.vtt", "report.json"}
    assert texts["02 Chapter 2.vtt"].strip() == "WEBVTT\n\n00:00:00.750 --> 00:00:03.750\nWords."
