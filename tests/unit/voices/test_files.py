"""Files that appear when they are complete."""

from pathlib import Path
from typing import NamedTuple

import pytest

from app.errors import JobInUse
from app.voices.files import replaced


class Process(NamedTuple):
    name: str
    is_owner: bool = True

    def check(self) -> None:
        if not self.is_owner:
            raise JobInUse("taken over")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_two_writers_of_one_file_do_not_write_into_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    with replaced(path, Process("one")) as first:
        first.write(b"one")
        with replaced(path, Process("two")) as second:
            second.write(b"two, longer")
            assert names(tmp_path) == [".a.mp3.one.partial", ".a.mp3.two.partial"]
        assert path.read_bytes() == b"two, longer"
    assert path.read_bytes() == b"one"
    assert names(tmp_path) == ["a.mp3"]


def test_a_writer_that_has_lost_its_place_shows_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"of the heir")
    with pytest.raises(JobInUse), replaced(path, Process("sleeper", is_owner=False)) as file:
        file.write(b"late")
    assert path.read_bytes() == b"of the heir"
    assert names(tmp_path) == ["a.mp3"]
