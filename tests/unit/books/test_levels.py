"""A job keeps the levels of its voices: another process, which measures others, speaks nothing again."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from app.books.book import Book, Chapter
from app.books.cast import Cast
from app.books.job import Job
from app.books.make import BookOptions, speak_book
from app.books.speaking import Progress
from app.books.studio import LocalStudio
from app.engine.values import Samples, Voice
from app.lifecycle import Lifecycle
from app.settings import Settings
from app.speech.service import SpeechService
from app.voices.levels import SENTENCE
from app.voices.manifest import SavedVoice, VoiceModel, voice_id
from app.voices.store import VoiceStore
from tests.support.fake_engine import FakeEngine, packed_voice

TEXT = "One bell rang here. Two bells rang there.\n\nThree bells rang far away."
CAST = Cast({"Ann": "harald"})
OPTIONS = BookOptions(source="bells.txt")


class Process(FakeEngine):
    """Measures its voices, at a level of its own."""

    def __init__(self, amplitude: float) -> None:
        super().__init__(amplitude=amplitude, level=None)

    def unpack_voice(self, voice_id: str, packed: bytes) -> Voice:
        voice = super().unpack_voice(voice_id, packed)
        voice.level = None
        return voice

    def spoken(self) -> list[str]:
        texts = [request.sequences[0].segment.text for request in self.requests]
        return [text for text in texts if text != SENTENCE]

    def num_measured(self) -> int:
        return len(self.requests) - len(self.spoken())


def speak(folder: Path, engine: FakeEngine, text: str, options: BookOptions = OPTIONS) -> dict[str, Samples]:
    """Samples by the texts of the segments."""

    async def scenario() -> Job:
        job, settings = Job(folder), Settings(data=folder / "data")
        job.open()
        book = Book(title="Bells", chapters=(Chapter("One", text),))
        studio = LocalStudio(SpeechService(engine, settings, Lifecycle()), settings)
        try:
            await speak_book(
                studio,
                book,
                [(1, book.chapters[0])],
                options,
                job,
                Progress(num_chars=len(text)),
                on_progress=lambda progress: None,
                cast=CAST,
            )
        finally:
            await engine.aclose()
        return job

    job = asyncio.run(scenario())
    return {piece.text: job.read_segment(piece.key) for piece in job.read_chapter(1).pieces}


def test_a_second_process_with_another_level_speaks_nothing_again(tmp_path: Path) -> None:
    first = speak(tmp_path, engine := Process(0.3), TEXT)
    assert (len(engine.spoken()), engine.num_measured()) == (3, 1)
    second = speak(tmp_path, engine := Process(0.1), TEXT)
    assert engine.requests == []
    assert all(np.array_equal(first[text], second[text]) for text in first)


def test_after_an_edit_in_a_second_process_one_segment_is_made_with_the_gain_of_the_others(tmp_path: Path) -> None:
    first = speak(tmp_path, Process(0.3), TEXT)
    second = speak(tmp_path, engine := Process(0.1), TEXT.replace("Two", "Five"))
    assert engine.spoken() == ["Five bells rang there."]
    assert engine.num_measured() == 0
    assert len(first.keys() & second.keys()) == 2
    assert all(np.array_equal(first[text], second[text]) for text in first.keys() & second.keys())
    manifest = Job(tmp_path).read_manifest()
    assert manifest is not None
    assert [known.voice for known in manifest.levels] == ["heart"]


def test_a_voice_that_comes_later_is_measured_and_those_before_are_kept(tmp_path: Path) -> None:
    text = f"{TEXT}\n\n“They ring again,” said Ann."
    speak(tmp_path, Process(0.3), TEXT)
    speak(tmp_path, engine := Process(0.1), text)
    assert engine.num_measured() == 1
    speak(tmp_path, engine := Process(0.2), text)
    assert engine.requests == []


def test_going_back_to_a_voice_costs_nothing(tmp_path: Path) -> None:
    speak(tmp_path, Process(0.3), TEXT)
    speak(tmp_path, Process(0.1), TEXT, msgspec.structs.replace(OPTIONS, voice="harald"))
    speak(tmp_path, engine := Process(0.2), TEXT)
    assert engine.requests == []


def test_another_model_has_levels_of_its_own(tmp_path: Path) -> None:
    speak(tmp_path, Process(0.3), TEXT)
    engine = Process(0.1)
    engine.info = msgspec.structs.replace(engine.info, vocoder_precision="bfloat16")
    speak(tmp_path, engine, TEXT)
    assert (len(engine.spoken()), engine.num_measured()) == (3, 1)


def test_a_voice_without_sound_has_no_level_and_is_asked_once(tmp_path: Path) -> None:
    speak(tmp_path, Process(0.0), TEXT)
    speak(tmp_path, engine := Process(0.3), TEXT)
    assert engine.requests == []


def save_voice(folder: Path, content: bytes) -> str:
    """The id of a voice of one recording, which is saved in place of the one that is there."""
    recordings = ("0" * 64,)
    voice = SavedVoice(
        id=voice_id("fake 1", recordings),
        name="Ada",
        model="fake 1",
        created_at=datetime(2026, 1, 31, tzinfo=UTC),
        recordings=recordings,
    )
    store = VoiceStore(folder / "data", VoiceModel("fake 1"), max_voices=1)
    store.delete(voice.id, deleted_at=voice.created_at)
    store.save(voice, packed_voice(content))
    return voice.id


def test_a_voice_that_is_replaced_under_its_id_is_measured_and_spoken_anew(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    options = msgspec.structs.replace(OPTIONS, voice=save_voice(tmp_path, b"clone of 1"))
    speak(tmp_path, Process(0.3), TEXT, options)
    save_voice(tmp_path, b"clone of 2")
    speak(tmp_path, engine := Process(0.1), TEXT, options)
    assert (len(engine.spoken()), engine.num_measured()) == (3, 1)
    save_voice(tmp_path, b"clone of 1")
    speak(tmp_path, engine := Process(0.2), TEXT, options)
    assert engine.requests == []
    manifest = Job(tmp_path).read_manifest()
    assert manifest is not None
    assert len({known.level for known in manifest.levels}) == len(manifest.levels) == 2


def test_another_voice_of_the_same_level_under_the_same_id_is_spoken_anew(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    options = msgspec.structs.replace(OPTIONS, voice=save_voice(tmp_path, b"clone of 1"))
    speak(tmp_path, Process(0.3), TEXT, options)
    save_voice(tmp_path, b"clone of 2")
    speak(tmp_path, engine := Process(0.3), TEXT, options)
    assert len(engine.spoken()) == 3
