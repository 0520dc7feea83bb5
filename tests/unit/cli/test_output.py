"""Targets of `-o`: files, links, devices, named pipes."""

import os
import threading
from pathlib import Path

import click
import pytest

from app.cli.output import is_seekable, open_output


def write(path: Path, data: bytes = b"new") -> None:
    with open_output(str(path)) as file:
        file.write(data)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_is_replaced_when_it_is_complete_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with open_output(str(path)) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o640)
    assert names(tmp_path) == {"a.wav"}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    with pytest.raises(error), open_output(str(path)) as file:
        file.write(b"new")
        raise error
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == {"a.wav"}


@pytest.mark.parametrize("is_there", [True, False])
def test_a_symbolic_link_stays_and_its_target_is_written(tmp_path: Path, is_there: bool) -> None:
    (tmp_path / "there").mkdir()
    target, first, link = tmp_path / "there" / "b.wav", tmp_path / "first", tmp_path / "link"
    if is_there:
        target.write_bytes(b"old")
    first.symlink_to("there/b.wav")
    link.symlink_to(first)
    write(link)
    assert link.is_symlink() and first.is_symlink()
    assert target.read_bytes() == b"new"
    assert names(tmp_path / "there") == {"b.wav"}
    assert is_seekable(str(link))


def test_a_named_pipe_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    assert not is_seekable(str(pipe))
    write(pipe)
    reader.join(30)
    assert received == [b"new"]
    assert pipe.is_fifo()
    assert names(tmp_path) == {"pipe"}


def test_a_device_and_a_link_to_one_are_written_into(tmp_path: Path) -> None:
    link = tmp_path / "null"
    link.symlink_to("/dev/null")
    for path in (Path("/dev/null"), link):
        write(path)
        assert path.is_char_device()
        assert not is_seekable(str(path))
    assert link.is_symlink()


def test_a_descriptor_of_a_file_without_a_name_is_written_into(tmp_path: Path) -> None:
    path = tmp_path / "gone"
    with path.open("w+b") as file:
        path.unlink()
        write(Path(f"/proc/self/fd/{file.fileno()}"))
        file.seek(0)
        assert file.read() == b"new"
    assert names(tmp_path) == set()


def test_a_partial_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"old")
    (tmp_path / ".a.wav.partial").symlink_to("precious")
    write(tmp_path / "a.wav")
    assert (tmp_path / "precious").read_bytes() == b"old"
    assert names(tmp_path) == {"precious", "a.wav"}


@pytest.mark.parametrize("kind", ["folder", "loop", "nowhere"])
def test_what_cannot_be_written_is_told_in_one_line(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.wav"
    if kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)
    else:
        path = tmp_path / "nowhere" / "a.wav"
    with pytest.raises(click.ClickException, match=r"a\.wav cannot be written: "):
        write(path)
