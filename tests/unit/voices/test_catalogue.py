import asyncio
import itertools
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest

from app.audio.loudness import SpeechLevel
from app.audio.reference import ReferenceClip
from app.engine.values import Voice
from app.errors import DeadlineExceeded, UnknownSpeaker, UnusableDataDirectory
from app.voices.built_in import MAX_AGE, SpeakerList
from app.voices.catalogue import VoiceCatalogue
from app.voices.consent import GivenConsent
from app.voices.files import prepare_data_directory, write_atomically
from tests.support.fake_engine import FakeEngine

NOW = datetime(2026, 11, 23, tzinfo=UTC)
OWN_VOICE = GivenConsent("This is my own voice.", None)


def written(path: Path) -> SpeakerList:
    return msgspec.json.decode((path / "speaker_metadata.json").read_bytes(), type=SpeakerList)


def test_the_first_list_is_made_and_written(tmp_path: Path) -> None:
    async def scenario() -> SpeakerList:
        return await VoiceCatalogue(FakeEngine(), tmp_path, now=lambda: NOW).list()

    listed = asyncio.run(scenario())
    assert (listed.count, listed.last_updated) == (2, NOW)
    assert written(tmp_path) == listed


def test_refreshes_at_the_same_time_are_one(tmp_path: Path) -> None:
    later = NOW + MAX_AGE + timedelta(seconds=1)

    async def scenario() -> list[SpeakerList]:
        await VoiceCatalogue(FakeEngine(), tmp_path, now=lambda: NOW).list()
        seconds = itertools.count()
        catalogue = VoiceCatalogue(FakeEngine(), tmp_path, now=lambda: later + timedelta(days=100) * next(seconds))
        return await asyncio.gather(*(catalogue.list(refresh=True) for _ in range(3)))

    first, *others = asyncio.run(scenario())
    assert others == [first] * 2
    assert first.last_updated > NOW
    assert written(tmp_path) == first


def test_an_old_list_is_made_anew(tmp_path: Path) -> None:
    later = NOW + MAX_AGE + timedelta(seconds=1)

    async def scenario() -> datetime:
        await VoiceCatalogue(FakeEngine(), tmp_path, now=lambda: NOW).list()
        return (await VoiceCatalogue(FakeEngine(), tmp_path, now=lambda: later).list()).last_updated

    assert asyncio.run(scenario()) == later
    assert written(tmp_path).last_updated == later


def test_a_young_list_is_served_as_it_is(tmp_path: Path) -> None:
    async def scenario() -> datetime:
        await VoiceCatalogue(FakeEngine(), tmp_path, now=lambda: NOW).list()
        catalogue = VoiceCatalogue(FakeEngine(), tmp_path, now=lambda: NOW + MAX_AGE)
        return (await catalogue.list()).last_updated

    assert asyncio.run(scenario()) == NOW
    assert written(tmp_path).last_updated == NOW


@pytest.mark.parametrize("content", [b"", b"{", b'{"speakers": 1}', b"\xff"])
def test_a_file_that_is_not_ours_is_made_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "speaker_metadata.json").write_bytes(content)

    async def scenario() -> int:
        return (await VoiceCatalogue(FakeEngine(), tmp_path).list()).count

    assert asyncio.run(scenario()) == 2
    assert written(tmp_path).count == 2


def test_another_engines_file_is_made_anew(tmp_path: Path) -> None:
    other = SpeakerList(speakers=(), count=0, last_updated=NOW, model="another")
    (tmp_path / "speaker_metadata.json").write_bytes(msgspec.json.encode(other))

    async def scenario() -> int:
        return (await VoiceCatalogue(FakeEngine(), tmp_path).list()).count

    assert asyncio.run(scenario()) == 2


def test_the_file_of_other_weights_in_a_folder_of_the_same_name_is_made_anew(tmp_path: Path) -> None:
    first, second = (FakeEngine(model="ready", identity=digit * 32) for digit in "ab")

    async def scenario() -> tuple[SpeakerList, SpeakerList]:
        before = await VoiceCatalogue(first, tmp_path, now=lambda: NOW).list()
        return before, await VoiceCatalogue(second, tmp_path, now=lambda: NOW + timedelta(days=1)).list()

    before, after = asyncio.run(scenario())
    assert (before.identity, before.last_updated) == ("a" * 32, NOW)
    assert (after.identity, after.last_updated) == ("b" * 32, NOW + timedelta(days=1))


def test_speakers_that_came_or_went_with_the_same_weights_are_seen_at_the_next_start(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        catalogue = VoiceCatalogue(FakeEngine(), tmp_path, now=lambda: NOW)
        await catalogue.list()
        old = written(tmp_path)
        fewer = msgspec.structs.replace(old, speakers=old.speakers[:1], count=1)
        (tmp_path / "speaker_metadata.json").write_bytes(msgspec.json.encode(fewer))
        listed = await VoiceCatalogue(FakeEngine(), tmp_path, now=lambda: NOW).list()
        return [speaker.id for speaker in listed.speakers]

    assert asyncio.run(scenario()) == ["heart", "harald"]


def test_an_unknown_speaker_is_told_near_names(tmp_path: Path) -> None:
    async def scenario() -> None:
        catalogue = VoiceCatalogue(FakeEngine(), tmp_path)
        assert (await catalogue.find(None)).id == "heart"
        assert (await catalogue.find("harald")).id == "harald"
        with pytest.raises(UnknownSpeaker, match="near ones: harald"):
            await catalogue.find("harold")

    asyncio.run(scenario())


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    prepare_data_directory(tmp_path / "a" / "b")
    (tmp_path / "file").write_text("")
    with pytest.raises(UnusableDataDirectory, match="file"):
        prepare_data_directory(tmp_path / "file")


def test_a_saved_voice_keeps_the_level_that_was_measured_until_it_is_saved_anew(tmp_path: Path) -> None:
    class Unmeasured(FakeEngine):
        def unpack_voice(self, voice_id: str, packed: bytes) -> Voice:
            return Voice(id=voice_id, conditioning=packed)

    async def scenario() -> None:
        catalogue = VoiceCatalogue(Unmeasured(), tmp_path)
        clip = ReferenceClip(samples=np.zeros(100, np.float32), sample_rate_hz=24_000, sha256="a" * 64)
        saved, _ = await catalogue.save("Ada", OWN_VOICE, [clip])
        voice = await catalogue.find(saved.id)
        voice.level = SpeechLevel(rms_dbfs=-20.0, peak_dbfs=-3.0)
        assert (await catalogue.find(saved.id)).level is voice.level
        await catalogue.delete(saved.id)
        with pytest.raises(UnknownSpeaker):
            await catalogue.find(saved.id)

    asyncio.run(scenario())


def test_a_clone_that_does_not_come_is_given_up_at_the_deadline(tmp_path: Path) -> None:
    class Silent(FakeEngine):
        async def clone(self, clips: object) -> Voice:
            await asyncio.get_running_loop().create_future()
            raise AssertionError

    async def scenario() -> None:
        catalogue = VoiceCatalogue(Silent(), tmp_path, request_timeout_s=0.02)
        clip = ReferenceClip(samples=np.zeros(100, np.float32), sample_rate_hz=24_000, sha256="a" * 64)
        with pytest.raises(DeadlineExceeded, match="not cloned"):
            await catalogue.save("Ada", OWN_VOICE, [clip])

    asyncio.run(scenario())


def test_voices_of_an_earlier_version_are_converted_once_they_are_seen(tmp_path: Path) -> None:
    shutil.copytree(Path(__file__).parent / "earlier" / "voices", tmp_path / "voices")

    async def scenario() -> None:
        catalogue = VoiceCatalogue(FakeEngine(model="m"), tmp_path)
        before = await catalogue.list_saved()
        assert [voice.name for voice in before] == ["Zoë"]
        await catalogue.convert_earlier()
        assert [path.suffix for path in (tmp_path / "voices").iterdir()] == [".safetensors"]
        assert await catalogue.list_saved() == before

    asyncio.run(scenario())
