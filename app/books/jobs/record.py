"""Records of a job, as they are stored."""

import secrets
from enum import StrEnum

import msgspec

from app.books.audio_file import BookFormat
from app.books.job import ChapterHead

ID_CHARS = 24
ID_PATTERN = rf"^[0-9a-f]{{{ID_CHARS}}}$"


def new_id() -> str:
    return secrets.token_hex(ID_CHARS // 2)


class JobStatus(StrEnum):
    QUEUED = "queued"
    SPEAKING = "speaking"
    WRITING = "writing"
    FULL = "full"
    """waits for room on the disk"""
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"


AT_REST = (JobStatus.FINISHED, JobStatus.FAILED)


class Intent(StrEnum):
    """The work that is wanted on a job."""

    RUN = "run"
    PAUSE = "pause"
    DELETE = "delete"
    REST = "rest"
    """none: the job has finished or failed. It is never written, but follows from the state"""


class Wish(msgspec.Struct, frozen=True):
    """A caller's last wish for a job. Any server may write it.

    id   a new one each time that the job is to go on, so that a run ends the wish that it has read and no later one
    """

    intent: Intent
    id: str


class JobRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A caller's wishes; never changed."""

    id: str
    owner: str
    """stable id of the caller; "" where the server needs no keys"""
    created_at: str
    """UTC, such as 2026-01-31T12:00:00Z"""
    source: str
    """name of the file that was sent"""
    title: str
    author: str
    num_chars: int
    """of the chapters that are made"""
    chapters: tuple[int, ...]
    """their numbers"""
    voice: str
    """id"""
    language: str
    """as asked for; "": the book's own"""
    speed: float
    seed: int
    book_format: BookFormat
    is_preview: bool
    max_retries: int | None
    """of a segment that does not say its text; None: segments are not compared"""


class Contents(msgspec.Struct, frozen=True):
    """The chapters that are made, with their lengths in characters."""

    heads: tuple[ChapterHead, ...]
    num_chars: tuple[int, ...]


class ChapterCopy(msgspec.Struct, frozen=True):
    """An MP3 file of a finished chapter. `file`: its name."""

    number: int
    file: str
    seconds: float


class JobError(msgspec.Struct, frozen=True):
    code: str
    message: str


class JobState(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is. Written by the server that has its lease."""

    status: JobStatus = JobStatus.QUEUED
    wish: str = ""
    """id of the wish that the last run has read"""
    chapter: str = ""
    """of the segment that was finished last"""
    done_chars: int = 0
    made_s: float = 0.0
    """audio that the last run has made"""
    pace: float | None = None
    """`made_s` for each second of that run"""
    left_s: float | None = None
    """estimate; None while unknown"""
    written_percent: int | None = None
    """of the finished file, while it is written; None before"""
    num_segments: int = 0
    num_doubtful: int = 0
    copies: tuple[ChapterCopy, ...] = ()
    """in the order of the book"""
    file: str = ""
    """name of the finished file"""
    seconds: float = 0.0
    """length of the finished file"""
    warnings: tuple[str, ...] = ()
    error: JobError | None = None

    def has_ended(self, wish: Wish) -> bool:
        """True where the run for this wish has finished or failed."""
        return self.status in AT_REST and self.wish == wish.id

    def intent(self, wish: Wish) -> Intent:
        """The wish, as far as it is open."""
        return Intent.REST if wish.intent is not Intent.DELETE and self.has_ended(wish) else wish.intent
