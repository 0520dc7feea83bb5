"""The final files of a book: written whole, read back, and written again when a full disk has room."""

import errno
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import click

from app.books.assembly import Mastering, file_name
from app.books.audio_file import BookFormat, Mark
from app.books.job import ChapterPlan, Job
from app.books.make import Wait
from app.books.verification import verify_file
from app.cli.output import is_seekable, replace_file, unwritable
from app.errors import InvalidField

FULL = (errno.ENOSPC, errno.EDQUOT)
ROOM_CHECK_S, MAX_ROOM_CHECK_S = 5.0, 60.0
MORE_ROOM_BYTES = 1 << 20
"""Room beyond that of the last attempt, before the next one."""
AGAIN = "the segments are kept, and the same command writes it"


class Target:
    """Where a book is written. Raises InvalidField for a name without a format."""

    def __init__(self, output: str, format_name: str | None) -> None:
        self.path = Path(output)
        self.is_folder = self.path.is_dir() or output.endswith("/")
        self.book_format = _choose_format(self.path, format_name, is_folder=self.is_folder)

    def check(self) -> None:
        """Make the folder of a file a chapter, and try the place where files go, before hours are spent.

        Raises click.ClickException.
        """
        folder = self.path if self.is_folder else self.path.resolve().parent
        probe = folder / f".{self.path.name}.partial"
        try:
            if self.is_folder:
                folder.mkdir(parents=True, exist_ok=True)
            elif not is_seekable(str(self.path)):
                return
            probe.unlink(missing_ok=True)
            probe.touch(exist_ok=False)
            probe.unlink()
        except OSError as error:
            raise unwritable(str(self.path), error) from error


class BookFiles:
    """Blocking; for one thread. `say`: called with a line for people."""

    def __init__(self, target: Target, num_chapters: int, say: Callable[[str], None]) -> None:
        self._target = target
        self._num_chapters = num_chapters
        self._say = say

    def write(self, job: Job, mastering: Mastering, wait: Wait) -> None:
        """Write all files. A file a chapter that fails leaves the others to be written.

        Raises click.ClickException that names the files without success; what `wait` and `mastering` raise.
        """
        target = self._target
        rate_hz = mastering.sample_rate_hz
        if not target.is_folder:
            self._write(target.path, mastering.marks, rate_hz, mastering.write_book, wait)
            return
        failures: list[str] = []
        for plan in job.chapters():
            path = target.path / file_name(plan.head, self._num_chapters, target.book_format.suffix)

            def write_chapter(file: BinaryIO, plan: ChapterPlan = plan) -> None:
                mastering.write_chapter(plan, file)

            try:
                self._write(path, (mastering.mark(plan),), rate_hz, write_chapter, wait)
            except click.ClickException as error:
                failures.append(error.message)
        if failures:
            raise click.ClickException("\n".join(failures))

    def _write(
        self, path: Path, marks: Sequence[Mark], rate_hz: int, write: Callable[[BinaryIO], None], wait: Wait
    ) -> None:
        pause_s = ROOM_CHECK_S
        is_file = is_seekable(str(path))
        while True:
            num_bytes = 0
            try:
                with replace_file(str(path)) as file:
                    try:
                        write(file)
                    finally:
                        num_bytes = file.tell() if is_file else 0
                    file.flush()
                    if is_file:
                        verify_file(Path(file.name), self._target.book_format, marks, rate_hz)
            except InterruptedError:
                raise
            except OSError as error:
                if error.errno not in FULL or not is_file:
                    raise click.ClickException(f"{path} cannot be written: {error.strerror}; {AGAIN}") from error
                self._wait_for_room(path, num_bytes, pause_s, wait)
                pause_s = min(2 * pause_s, MAX_ROOM_CHECK_S)
            else:
                return

    def _wait_for_room(self, path: Path, num_bytes: int, pause_s: float, wait: Wait) -> None:
        self._say(f"paused: there is no room for {path}; it goes on when there is")
        while True:
            wait(pause_s)
            if shutil.disk_usage(path.resolve().parent).free > num_bytes + MORE_ROOM_BYTES:
                break
        self._say("there is room again: going on")


def _choose_format(path: Path, format_name: str | None, *, is_folder: bool) -> BookFormat:
    if format_name is not None:
        return BookFormat(format_name)
    if is_folder:
        return BookFormat.MP3
    try:
        return BookFormat(path.suffix.lower().removeprefix("."))
    except ValueError:
        known = ", ".join(each.suffix for each in BookFormat)
        raise InvalidField(f"{path} has no ending that gives a format; known are {known}, or add --format") from None
