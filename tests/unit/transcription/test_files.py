"""Many files through one recogniser."""

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest

from app.errors import ChorusError, EngineFailure, UnsupportedLanguage
from app.lifecycle import Lifecycle
from app.settings import Settings
from app.transcription.files import transcribe_files
from app.transcription.request import TranscriptionOptions
from app.transcription.service import TranscriptionService
from app.transcription.transcript import Transcript
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.recordings import voice_like, wav

DEFAULT = TranscriptionOptions()
TEXT = "Good morning. The river is wide."


def service_of(recognizer: FakeRecognizer, tmp_path: Path) -> TranscriptionService:
    lifecycle = Lifecycle()
    lifecycle.is_ready()
    return TranscriptionService(recognizer, Settings(data=tmp_path), lifecycle)


def outcomes(
    recognizer: FakeRecognizer, tmp_path: Path, files: Any, options: TranscriptionOptions = DEFAULT
) -> dict[int, str]:
    """Index of each file -> its text, or the message of its error."""

    async def run() -> dict[int, str]:
        found: dict[int, str] = {}
        async for outcome in transcribe_files(service_of(recognizer, tmp_path), files, options):
            result = outcome.result
            found[outcome.index] = result.text if isinstance(result, Transcript) else result.message
        return found

    return asyncio.run(run())


def recordings(tmp_path: Path, number: int) -> list[Path]:
    paths = [tmp_path / f"{index}.wav" for index in range(number)]
    for path in paths:
        path.write_bytes(wav(voice_like(1)))
    return paths


def test_every_file_is_transcribed_and_none_is_left_in_the_recogniser(tmp_path: Path) -> None:
    recognizer = FakeRecognizer()
    found = outcomes(recognizer, tmp_path, recordings(tmp_path, 5))
    assert found == dict.fromkeys(range(5), TEXT)
    assert recognizer.stats().admitted_requests == 0


def test_as_many_files_are_in_the_recogniser_as_it_decodes_together(tmp_path: Path) -> None:
    """Two, which are let go on once both are there; the recogniser would refuse a third one."""
    waits = asyncio.Event()

    class Watched(FakeRecognizer):
        def submit(self, request: Any) -> Any:
            stream = super().submit(request)
            if self.stats().admitted_requests == 2:
                waits.set()
            return stream

    recognizer = Watched(waits=waits, max_admitted=2)
    assert outcomes(recognizer, tmp_path, recordings(tmp_path, 6)) == dict.fromkeys(range(6), TEXT)


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_transcribed(tmp_path: Path) -> None:
    good, *_ = recordings(tmp_path, 1)
    (tmp_path / "notes.txt").write_text("no recording at all, only words")
    (tmp_path / "empty.wav").touch()
    files = [tmp_path / "missing.wav", good, tmp_path / "notes.txt", tmp_path, tmp_path / "empty.wav"]
    found = outcomes(FakeRecognizer(), tmp_path, files)
    assert found[1] == TEXT
    assert "missing.wav cannot be read: No such file" in found[0]
    assert "notes.txt is not audio" in found[2]
    assert "Is a directory" in found[3]
    assert "empty.wav is empty" in found[4]


def test_standard_input_is_a_file_too(tmp_path: Path) -> None:
    assert outcomes(FakeRecognizer(), tmp_path, [io.BytesIO(wav(voice_like(1)))]) == {0: TEXT}


def test_a_failure_of_the_recogniser_is_the_outcome_of_its_file(tmp_path: Path) -> None:
    failing = FakeRecognizer(fails=EngineFailure("the recogniser failed"))
    assert outcomes(failing, tmp_path, recordings(tmp_path, 2)) == dict.fromkeys(range(2), "the recogniser failed")
    assert all(stream.is_closed for stream in failing.streams)


def test_a_wrong_language_is_one_error_before_any_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedLanguage):
        outcomes(FakeRecognizer(), tmp_path, [tmp_path / "missing.wav"], TranscriptionOptions(language="xx"))


def test_progress_ends_at_the_length_of_the_file(tmp_path: Path) -> None:
    seen: list[tuple[int, float, float]] = []

    async def run() -> None:
        service = service_of(FakeRecognizer(), tmp_path)
        files = recordings(tmp_path, 1)
        async for outcome in transcribe_files(
            service, files, TranscriptionOptions(), on_progress=lambda *done: seen.append(done)
        ):
            assert not isinstance(outcome.result, ChorusError)

    asyncio.run(run())
    assert seen == [(0, 0.0, 1.0), (0, 1.0, 1.0)]


def test_a_caller_that_stops_cancels_what_is_under_way(tmp_path: Path) -> None:
    async def run() -> None:
        recognizer = FakeRecognizer(waits=asyncio.Event())
        outcome = transcribe_files(service_of(recognizer, tmp_path), recordings(tmp_path, 2), TranscriptionOptions())
        waiting = asyncio.ensure_future(anext(outcome))
        while recognizer.stats().admitted_requests < 2:
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait((waiting,))
        await outcome.aclose()
        assert recognizer.stats().admitted_requests == 0

    asyncio.run(run())
