"""Segments are compared with their texts, and read again where they fail."""

import asyncio
import errno
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from app.asr.alignment import Alignment, Edit, KnownSpeech
from app.books.book import Chapter
from app.books.cast import Cast
from app.books.checking import PATIENCE_S, Checker
from app.books.job import ChapterHead, Job
from app.books.levels import VoiceLevels
from app.books.notes import Notes
from app.books.plan import seed_of
from app.books.segments import SegmentMaker
from app.books.speaking import Progress, Speaker
from app.books.studio import Delivery, LocalStudio
from app.errors import EngineFailure, InvalidField, QueueFull, StorageFailure
from app.lifecycle import Lifecycle
from app.settings import Settings
from app.speech.service import SpeechService
from tests.support.fake_engine import FakeEngine
from tests.support.fake_recognizer import FakeRecognizer

TEXT = "One bell rang far away."
FAULT = Edit(kind="missing", first=1, last=1, gain=5.0)


class Critic(FakeRecognizer):
    """Misses a word in the first `num_bad` readings."""

    def __init__(self, num_bad: int, fails: Exception | None = None) -> None:
        super().__init__(fails=fails)
        self._num_bad = num_bad
        self.waits_s: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits_s.append(seconds)

    async def align(self, speech: Sequence[KnownSpeech]) -> list[Alignment | None]:
        self._edits = (FAULT,) if len(self.known) < self._num_bad else ()
        return await super().align(speech)


class Seeded(FakeEngine):
    """Its samples depend on the seed, as those of a model."""

    def seeds(self) -> list[int]:
        return [request.seed for request in self.requests]


def run(
    folder: Path, critic: Critic | None, *, max_retries: int = 2, job: Job | None = None
) -> tuple[Notes, Seeded, Job, str, Progress]:
    async def scenario() -> tuple[Notes, Seeded, Job, str, Progress]:
        engine, used = Seeded(), job or Job(folder)
        used.open()
        checker = None if critic is None else Checker(critic, max_retries=max_retries, sleep=critic.sleep)
        studio = LocalStudio(SpeechService(engine, Settings(data=folder / "data"), Lifecycle()), Settings())
        readers = {"": await studio.find_reader("heart", Delivery(speed=1.0, seed=0), VoiceLevels())}
        maker = SegmentMaker(studio, used, checker=checker)
        progress = Progress(num_chars=len(TEXT))
        speaker = Speaker(engine, maker, Cast(), readers, used, "en", progress)
        try:
            await speaker.speak([(ChapterHead(1, "One"), Chapter("One", TEXT))])
        finally:
            await engine.aclose()
        (path,) = used.folder.rglob("*.wav")
        notes = used.find_notes(path.stem)
        assert notes is not None
        return notes, engine, used, path.stem, progress

    return asyncio.run(scenario())


def test_a_segment_that_says_its_text_is_compared_once(tmp_path: Path) -> None:
    critic = Critic(0)
    notes, engine, _, _, progress = run(tmp_path, critic)
    assert notes.check is not None
    assert (notes.check.outcome, notes.check.num_retries, notes.doubts) == ("passed", 0, [])
    assert len(engine.requests) == 1
    (known,) = critic.known
    assert (known.written, known.language) == (TEXT, "en")
    assert known.samples.dtype == np.float32
    assert progress.num_doubtful == 0
    run(tmp_path, critic)
    assert len(critic.known) == 1


def test_a_failed_segment_is_read_again_with_other_seeds_until_one_passes(tmp_path: Path) -> None:
    notes, engine, _, key, _ = run(tmp_path, Critic(2))
    assert engine.seeds() == [seed_of(key) + attempt for attempt in range(3)]
    assert notes.check is not None
    assert (notes.check.outcome, notes.check.num_retries, notes.doubts) == ("passed", 2, [])


def test_where_no_reading_passes_the_first_one_stays_and_is_doubtful(tmp_path: Path) -> None:
    _, _, plain, key, _ = run(tmp_path / "plain", None)
    notes, _, job, _, progress = run(tmp_path / "checked", Critic(99))
    assert notes.check is not None
    assert (notes.check.outcome, notes.check.num_retries) == ("failed", 2)
    assert notes.doubts == ["missing at 0.10 s: bell"]
    assert np.array_equal(job.read_segment(key), plain.read_segment(key))
    assert progress.num_doubtful == 1
    again = Critic(99)
    run(tmp_path / "checked", again)
    assert again.known == []


def test_a_report_reads_nothing_again_and_a_later_retry_does(tmp_path: Path) -> None:
    notes, engine, _, _, _ = run(tmp_path, Critic(1), max_retries=0)
    assert notes.check is not None
    assert (notes.check.outcome, len(engine.requests)) == ("failed", 1)
    notes, engine, _, _, _ = run(tmp_path, Critic(1))
    assert notes.check is not None
    assert (notes.check.outcome, len(engine.requests)) == ("passed", 1)


def test_a_recogniser_that_fails_makes_a_segment_inconclusive(tmp_path: Path) -> None:
    notes, engine, _, _, _ = run(tmp_path, Critic(0, EngineFailure("the model is gone")))
    assert notes.doubts == ["not compared with its text: the model is gone"]
    assert len(engine.requests) == 1


class Busy(Critic):
    """Refuses segments `num_busy` times, from the `first` on, and hears `num_bad` readings wrong before."""

    def __init__(self, num_busy: int, *, first: int = 0, num_bad: int = 0) -> None:
        super().__init__(num_bad)
        self._busy = range(first, first + num_busy)
        self.num_asked = 0

    async def align(self, speech: Sequence[KnownSpeech]) -> list[Alignment | None]:
        self.num_asked += 1
        if self.num_asked - 1 in self._busy:
            raise QueueFull("other segments are being checked", retry_after_s=60)
        return await super().align(speech)


def outcome_of(notes: Notes) -> tuple[str, bool, int]:
    assert notes.check is not None
    return notes.check.outcome, notes.check.was_compared, notes.check.num_retries


def test_a_busy_recogniser_is_waited_for(tmp_path: Path) -> None:
    notes, _, _, _, _ = run(tmp_path, critic := Busy(3))
    assert outcome_of(notes) == ("passed", True, 0)
    assert critic.waits_s == [60, 60, 60]


def test_a_recogniser_that_stays_busy_gives_no_verdict_and_a_later_run_compares(tmp_path: Path) -> None:
    notes, _, _, _, progress = run(tmp_path, critic := Busy(99))
    assert sum(critic.waits_s) == PATIENCE_S
    assert outcome_of(notes) == ("inconclusive", False, 0)
    assert notes.doubts == ["not compared with its text: other segments are being checked"]
    assert progress.num_doubtful == 1
    notes, engine, _, _, _ = run(tmp_path, Critic(0))
    assert outcome_of(notes) == ("passed", True, 0)
    assert engine.requests == []


def test_a_recogniser_that_failed_gives_no_verdict_either(tmp_path: Path) -> None:
    run(tmp_path, Critic(0, EngineFailure("the model is gone")))
    notes, _, _, _, _ = run(tmp_path, Critic(0))
    assert outcome_of(notes) == ("passed", True, 0)


def test_readings_that_could_not_be_compared_are_tried_by_a_later_run(tmp_path: Path) -> None:
    notes, _, _, _, _ = run(tmp_path, Busy(99, first=1, num_bad=1))
    assert outcome_of(notes) == ("failed", True, 0)
    notes, engine, _, key, _ = run(tmp_path, Critic(1))
    assert outcome_of(notes) == ("passed", True, 1)
    assert engine.seeds() == [seed_of(key) + 1]


def test_a_verdict_is_not_lost_to_a_recogniser_that_is_busy_later(tmp_path: Path) -> None:
    run(tmp_path, Critic(1), max_retries=0)
    notes, _, _, _, _ = run(tmp_path, Busy(99))
    assert outcome_of(notes) == ("failed", True, 0)


def test_a_kill_between_a_better_reading_and_its_note_changes_no_samples(tmp_path: Path) -> None:
    _, _, undisturbed, key, _ = run(tmp_path / "undisturbed", Critic(1))

    class Killed(Job):
        """The run ends when it writes what the check found."""

        def write_notes(self, key: str, notes: Notes) -> None:
            if notes.check is not None:
                raise OSError(errno.EIO, "killed")
            super().write_notes(key, notes)

    with pytest.raises(StorageFailure):
        run(tmp_path / "killed", Critic(1), job=Killed(tmp_path / "killed"))
    notes, _, job, _, _ = run(tmp_path / "killed", Critic(0))
    assert notes.check is not None
    assert notes.check.outcome == "passed"
    assert np.array_equal(job.read_segment(key), undisturbed.read_segment(key))


def test_a_language_that_the_recogniser_does_not_know_is_refused() -> None:
    checker = Checker(FakeRecognizer(), max_retries=0)
    checker.check_language("de-at")
    with pytest.raises(InvalidField, match="check: fake-whisper does not know 'fi'"):
        checker.check_language("fi")
