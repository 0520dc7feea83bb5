"""Which files of a checkpoint folder are recordings of the trained voice."""

from pathlib import Path

from app.engine.xtts.checkpoint.files import MAX_RECORDINGS, find_recordings


def test_recordings_are_found_by_name_before_those_of_the_training_set(tmp_path: Path) -> None:
    for name in ("audio.wav", "ref.mp3", "reference.flac", "reference.wav", "other.wav", "reference.txt"):
        (tmp_path / name).touch()
    (tmp_path / "wavs").mkdir()
    for name in ("b.wav", "a.WAV", "c.csv"):
        (tmp_path / "wavs" / name).touch()
    (tmp_path / "wavs" / "d.wav").mkdir()
    assert [path.relative_to(tmp_path).as_posix() for path in find_recordings(tmp_path)] == [
        "reference.wav", "reference.flac", "ref.mp3", "audio.wav", "wavs/a.WAV", "wavs/b.wav"
    ]  # fmt: skip


def test_a_whole_training_set_is_not_looked_through(tmp_path: Path) -> None:
    (tmp_path / "wavs").mkdir()
    for number in range(2 * MAX_RECORDINGS):
        (tmp_path / "wavs" / f"{number:03}.wav").touch()
    assert len(find_recordings(tmp_path)) == MAX_RECORDINGS


def test_a_folder_without_recordings_has_none(tmp_path: Path) -> None:
    assert find_recordings(tmp_path) == find_recordings(tmp_path / "missing") == []
    (tmp_path / "wavs").touch()
    assert find_recordings(tmp_path) == []
