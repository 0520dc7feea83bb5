"""The folder of a book that is being made.

    job.json             the manifest
    chapters/00001.json  segments of a chapter
    segments/ab/*.wav    one file a segment, named by its key
    segments/ab/*.json   notes about a segment, where there are any

Every file is written whole or not at all, so a process may be killed at any moment. Methods block.
"""

import shutil
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import msgspec

from app.books.levels import VoiceLevel
from app.books.notes import NO_NOTES, Notes
from app.books.plan import Piece, Recipe
from app.books.segment_file import HEAD_BYTES, decode_segment, encode_segment
from app.engine.values import Samples
from app.errors import StorageFailure
from app.voices.files import write_atomically

FORMAT = 1


class ChapterHead(msgspec.Struct, frozen=True):
    """`number`: from 1, as `chorus book --list` shows it."""

    number: int
    title: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    format: int = FORMAT
    source: str
    title: str
    author: str
    language: str
    """that is spoken"""
    recipe: Recipe
    chapters: tuple[ChapterHead, ...]
    """those that are made"""
    voices: dict[str, str] = {}
    """ids of voices beside the narrator's, by the names in the text"""
    is_spoken: bool = False
    """True when each segment of each chapter has been made"""
    levels: tuple[VoiceLevel, ...] = ()
    """of all voices that the job has had, as they were measured first"""


class ChapterPlan(msgspec.Struct, frozen=True):
    head: ChapterHead
    pieces: tuple[Piece, ...]


class Job:
    """Raises StorageFailure for a folder of a later version, OSError where the disk fails."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._segments = folder / "segments"
        self._chapters = folder / "chapters"

    def open(self) -> None:
        """Make the folder, or check the one that is there and remove what killed processes left half-written.

        Removes segments in FLAC too: earlier versions stored them so, and they are made again.

        Needs the lease: another process may be writing otherwise. Servers write further files in the folder itself.
        """
        for path in (self._segments, self._chapters):
            path.mkdir(parents=True, exist_ok=True)
        self.read_manifest()
        folders = (path for path in (self._chapters, *self._segments.iterdir()) if path.is_dir())
        own = (*self.folder.glob(".job.json.*"), *self.folder.glob(".lease.json.*"))
        in_folders = (chain(path.glob(".*"), path.glob("*.flac")) for path in folders)
        for left in (*own, *chain.from_iterable(in_folders)):
            left.unlink(missing_ok=True)

    def read_manifest(self) -> Manifest | None:
        try:
            data = (self.folder / "job.json").read_bytes()
        except FileNotFoundError:
            return None
        try:
            if msgspec.json.decode(data, type=_AnyFormat).format == FORMAT:
                return msgspec.json.decode(data, type=Manifest)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise StorageFailure(f"{self.folder}/job.json is damaged ({error}): remove the folder") from error
        raise StorageFailure(f"{self.folder} was made by another version of Chorus: remove it to begin anew")

    def write_manifest(self, manifest: Manifest) -> None:
        write_atomically(self.folder / "job.json", msgspec.json.format(msgspec.json.encode(manifest)))

    def write_chapter(self, plan: ChapterPlan) -> None:
        write_atomically(self._chapter_path(plan.head.number), msgspec.json.encode(plan))

    def chapters(self) -> Iterator[ChapterPlan]:
        """The plans of the manifest's chapters, one in memory at a time."""
        manifest = self.read_manifest()
        assert manifest is not None
        for head in manifest.chapters:
            yield self.read_chapter(head.number)

    def read_chapter(self, number: int) -> ChapterPlan:
        return msgspec.json.decode(self._chapter_path(number).read_bytes(), type=ChapterPlan)

    def has_segment(self, key: str) -> bool:
        return self._segment_path(key).exists()

    def find_notes(self, key: str) -> Notes | None:
        """Notes about a segment; None where it has not been made."""
        path = self._segment_path(key)
        if not path.exists():
            return None
        try:
            return msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=Notes)
        except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
            return NO_NOTES

    def write_notes(self, key: str, notes: Notes) -> None:
        path = self._segment_path(key).with_suffix(".json")
        if notes == NO_NOTES:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, msgspec.json.encode(notes))

    def write_segment(self, key: str, samples: Samples, sample_rate_hz: int) -> None:
        """[samples], in [-1, 1)."""
        path = self._segment_path(key)
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, encode_segment(samples, sample_rate_hz))

    def read_fingerprint(self, key: str) -> bytes:
        """The head of a segment's file: it has the number of samples and their digest. Raises OSError."""
        with self._segment_path(key).open("rb") as file:
            return file.read(HEAD_BYTES)

    def read_segment(self, key: str) -> Samples:
        """Raises StorageFailure for a damaged file, which is removed so that the next run makes it again."""
        path = self._segment_path(key)
        try:
            return decode_segment(path.read_bytes())
        except (FileNotFoundError, ValueError) as error:
            path.unlink(missing_ok=True)
            raise StorageFailure(f"{path} was damaged and is removed; the same command makes it again") from error

    def remove_segments(self) -> None:
        """Also those of other voices, and the plans of the chapters. The manifest stays."""
        for path in (self._segments, self._chapters):
            shutil.rmtree(path, ignore_errors=True)

    def _segment_path(self, key: str) -> Path:
        return self._segments / key[:2] / f"{key}.wav"

    def _chapter_path(self, number: int) -> Path:
        return self._chapters / f"{number:05}.json"


class _AnyFormat(msgspec.Struct):
    format: int
