"""The final files of a book: written whole, read back, and written again when a full disk has room."""

import glob
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

import click
import msgspec

from app.books.assembly import Mastering, file_name
from app.books.audio_file import BookFormat, Mark
from app.books.job import Job
from app.books.lease import NAME_CHARS
from app.books.make import Wait
from app.books.report import make_report
from app.books.room import FULL, MAX_ROOM_CHECK_S, MORE_ROOM_BYTES, ROOM_CHECK_S
from app.books.signed import Sign, write_signed
from app.books.timing import CaptionFormat, make_cues, write_cues
from app.books.verification import verify_file
from app.cli.output import is_seekable, replace_file, unwritable
from app.errors import InvalidField
from app.text.captions import Cue
from app.voices.files import Writer

AGAIN = "the segments are kept, and the same command writes it"


class Target:
    """Paths and format of the files of a book. Raises InvalidField for a name without a format."""

    def __init__(self, output: str, format_name: str | None) -> None:
        self.path = Path(output)
        self.is_folder = self.path.is_dir() or output.endswith("/")
        self.book_format = _choose_format(self.path, format_name, is_folder=self.is_folder)

    @property
    def is_replaceable(self) -> bool:
        """False for a device, a pipe and standard output."""
        return self.is_folder or is_seekable(str(self.path))

    def check(self) -> None:
        """Make the folder of a file a chapter, and try the place where files go, before hours are spent.

        Raises click.ClickException.
        """
        if self.is_folder:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise unwritable(str(self.path), error) from error
            check_place(self.path / "01")
        else:
            check_place(self.path)


def remove_partials(path: Path) -> None:
    """Remove what killed runs have left beside the file `path`. Raises click.ClickException."""
    target = path.resolve()
    try:
        for left in target.parent.glob(f".{glob.escape(target.name)}.*partial"):
            left.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(str(path), error) from error


def check_place(path: Path) -> None:
    """Raises click.ClickException where no file can be written beside `path`."""
    try:
        if not is_seekable(str(path)):
            return
        name = "x" * NAME_CHARS  # as long as that of a writer
        probe = path.resolve().with_name(f".{path.name}.{name}.partial")
        probe.unlink(missing_ok=True)
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise unwritable(str(path), error) from error


class BookFiles:
    """Blocking; for one thread.

    captions   None: no captions
    report     file of the report; None: no report
    sign       None: files are not signed
    say        called with a line for people
    writer     of this run, where others may write the same files
    """

    def __init__(
        self,
        target: Target,
        num_chapters: int,
        say: Callable[[str], None],
        *,
        captions: CaptionFormat | None = None,
        report: Path | None = None,
        sign: Sign | None = None,
        writer: Writer | None = None,
    ) -> None:
        self._target = target
        self._num_chapters = num_chapters
        self._say = say
        self._captions = captions
        self._report = report
        self._sign = sign
        self._writer = writer

    def write(self, job: Job, mastering: Mastering, wait: Wait, warnings: Sequence[str] = ()) -> None:
        """Write all files. A file a chapter that fails leaves the others to be written.

        warnings   for the report

        Raises click.ClickException that names the files without success; what `wait`, `mastering` and the writer raise.
        """
        target = self._target
        if target.is_folder:
            self._write_chapters(job, mastering, wait)
        else:
            self._write(
                target.path,
                self._signed(target.path, mastering.write_book),
                wait,
                self._verify(mastering, mastering.marks),
            )
            self._write_captions(target.path, _cues_of_book(job, mastering), wait)
        if self._report is not None:
            report = make_report(job, mastering, mastering.result(), tuple(warnings))
            self._write_bytes(self._report, msgspec.json.format(msgspec.json.encode(report)) + b"\n", wait)

    def _write_chapters(self, job: Job, mastering: Mastering, wait: Wait) -> None:
        target = self._target
        failures: list[str] = []
        for plan in job.chapters():
            path = target.path / file_name(plan.head, self._num_chapters, target.book_format.suffix)
            write = self._signed(path, partial(mastering.write_chapter, plan))
            cues = make_cues(plan.pieces, mastering.timings(plan), mastering.sample_rate_hz)
            try:
                self._write(path, write, wait, self._verify(mastering, (mastering.mark(plan),)))
                self._write_captions(path, cues, wait)
            except click.ClickException as error:
                failures.append(error.message)
        if failures:
            raise click.ClickException("\n".join(failures))

    def _signed(self, path: Path, write: Callable[[BinaryIO], None]) -> Callable[[BinaryIO], None]:
        """`write`, and then the signature, where files are signed."""
        sign = self._sign if is_seekable(str(path)) else None
        return partial(write_signed, folder=path.resolve().parent, write=write, sign=sign)

    def _verify(self, mastering: Mastering, marks: Sequence[Mark]) -> Callable[[Path], None]:
        def verify(path: Path) -> None:
            verify_file(path, self._target.book_format, marks, mastering.sample_rate_hz)

        return verify

    def _write_captions(self, audio: Path, cues: Iterator[Cue], wait: Wait) -> None:
        if self._captions is not None:
            text = write_cues(self._captions, cues)
            self._write_bytes(audio.with_suffix(self._captions.suffix), text.encode(), wait)

    def _write_bytes(self, path: Path, data: bytes, wait: Wait) -> None:
        def write(file: BinaryIO) -> None:
            file.write(data)

        self._write(path, write, wait)

    def _write(
        self,
        path: Path,
        write: Callable[[BinaryIO], None],
        wait: Wait,
        verify: Callable[[Path], None] = lambda path: None,
    ) -> None:
        pause_s = ROOM_CHECK_S
        is_file = is_seekable(str(path))
        if is_file:
            remove_partials(path)
        while True:
            num_bytes = 0
            try:
                with replace_file(str(path), self._writer) as file:
                    try:
                        write(file)
                    finally:
                        num_bytes = file.tell() if is_file else 0
                    file.flush()
                    if is_file:
                        verify(Path(file.name))
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


def _cues_of_book(job: Job, mastering: Mastering) -> Iterator[Cue]:
    for plan in job.chapters():
        start = mastering.mark(plan).start
        yield from make_cues(plan.pieces, mastering.timings(plan), mastering.sample_rate_hz, start=start)


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
