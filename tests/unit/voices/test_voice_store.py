import hashlib
import logging
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from app.errors import StorageFailure, TooManyVoices
from app.voices.earlier import CONDITIONING, MANIFEST
from app.voices.manifest import SavedVoice, VoiceModel, voice_id
from app.voices.store import LEFTOVER_AGE_S, VoiceStore
from tests.support.fake_engine import packed_content, packed_voice

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def voice(
    *takes: str,
    model: str = "m",
    identity: str | None = None,
    name: str = "Ada",
    minutes: int = 0,
    imported_at: datetime | None = None,
) -> SavedVoice:
    recordings = tuple(hashlib.sha256(take.encode()).hexdigest() for take in takes)
    return SavedVoice(
        id=voice_id(identity or model, recordings),
        name=name,
        model=model,
        identity=identity,
        created_at=NOW + timedelta(minutes=minutes),
        consent="This is my own voice.",
        recordings=recordings,
        imported_at=imported_at,
    )


def store(data: Path, model: str = "m", max_voices: int = 10) -> VoiceStore:
    return VoiceStore(data, VoiceModel(model), max_voices=max_voices)


def names_in(data: Path) -> set[str]:
    return {path.name for path in (data / "voices").iterdir()}


def test_a_saved_voice_is_there_for_every_store_on_the_same_folder(tmp_path: Path) -> None:
    ours, theirs = store(tmp_path), store(tmp_path)
    assert ours.list() == []
    ada, ben = voice("a"), voice("b", name="Ben", minutes=-1)
    assert ours.save(ada, packed_voice(b"latents")) == (ada, True)
    assert theirs.save(ben, packed_voice(b"other")) == (ben, True)
    assert ours.list() == theirs.list() == [ben, ada]  # oldest first
    assert theirs.get(ada.id) == ada
    assert packed_content(theirs.read(ada.id)) == b"latents"
    assert names_in(tmp_path) == {f"{ada.id}.safetensors", f"{ben.id}.safetensors"}


def test_the_same_recordings_are_the_same_voice_and_the_first_name_stays(tmp_path: Path) -> None:
    voices = store(tmp_path)
    first, _ = voices.save(voice("a", "b"), packed_voice(b"1"))
    assert voices.save(voice("a", "b", name="Other"), packed_voice(b"2")) == (first, False)
    assert packed_content(voices.read(first.id)) == b"1"
    assert voice_id("m", ["a", "b"]) != voice_id("m", ["b", "a"]) != voice_id("n", ["b", "a"])


def test_a_voice_of_another_model_is_kept_apart_not_counted_and_can_be_deleted(tmp_path: Path) -> None:
    other, ours = voice("a", model="other"), voice("a", minutes=1)
    store(tmp_path, "other").save(other, packed_voice(b""))
    voices = store(tmp_path, max_voices=1)
    assert voices.list() == []
    assert voices.list_all() == [other]
    assert voices.get(other.id) == other
    assert voices.save(ours, packed_voice(b""))[1]
    assert (store(tmp_path, "other").list(), voices.list()) == ([other], [ours])
    assert voices.delete(other.id, deleted_at=NOW)
    assert voices.list_all() == [ours]


IDENTITY, OTHER_IDENTITY = "a" * 32, "b" * 32
COMMIT = "6c2b0d75eae4b7047358e3b6bd9325f857d43f77"


@pytest.mark.parametrize(
    ("model", "saved", "is_made"),
    [
        (VoiceModel("ready", IDENTITY), voice("a", model="ready", identity=IDENTITY), True),
        (VoiceModel("renamed", IDENTITY), voice("a", model="ready", identity=IDENTITY), True),
        (VoiceModel("ready", IDENTITY), voice("a", model="ready", identity=OTHER_IDENTITY), False),
        # Saved by versions that recorded the name only: a folder may hold other weights by now, a commit may not.
        (VoiceModel("ready", IDENTITY), voice("a", model="ready"), False),
        (VoiceModel("owner/name@main", IDENTITY), voice("a", model="owner/name@main"), False),
        (VoiceModel(f"coqui/XTTS-v2@{COMMIT[:12]}", IDENTITY), voice("a", model=f"coqui/XTTS-v2@{COMMIT[:12]}"), True),
        (VoiceModel(COMMIT, IDENTITY), voice("a", model=COMMIT), True),
        (VoiceModel(COMMIT, IDENTITY), voice("a", model="ready"), False),
        # An engine whose name holds its version has no identity.
        (VoiceModel("fake 1"), voice("a", model="fake 1"), True),
        (VoiceModel("fake 1"), voice("a", model="fake 2"), False),
        (VoiceModel("ready"), voice("a", model="ready", identity=IDENTITY), False),
    ],
)
def test_a_model_made_the_voices_of_its_own_weights_only(model: VoiceModel, saved: SavedVoice, is_made: bool) -> None:
    assert model.made(saved) is is_made


def test_a_deleted_voice_is_gone_for_all(tmp_path: Path) -> None:
    ours, theirs = store(tmp_path), store(tmp_path)
    saved, _ = ours.save(voice("a"), packed_voice(b""))
    assert theirs.delete(saved.id, deleted_at=NOW)
    assert not ours.delete(saved.id, deleted_at=NOW)
    assert ours.list() == []
    assert names_in(tmp_path) == set()


def test_no_more_voices_than_may_be(tmp_path: Path) -> None:
    voices = store(tmp_path, max_voices=2)
    first, _ = voices.save(voice("a"), packed_voice(b""))
    voices.save(voice("b"), packed_voice(b""))
    with pytest.raises(TooManyVoices, match="CHORUS_MAX_VOICES"):
        voices.save(voice("c"), packed_voice(b""))
    assert voices.save(voice("a"), packed_voice(b"")) == (first, False)
    voices.delete(first.id, deleted_at=NOW)
    assert voices.save(voice("c"), packed_voice(b""))[1]


@pytest.mark.parametrize(
    "id", ["", "..", "../voices", "/etc/passwd", "0" * 15, "0" * 17, "A" * 16, "0" * 16 + "\n", "."]
)
def test_what_is_no_id_never_becomes_a_path(tmp_path: Path, id: str) -> None:
    (tmp_path / "voices").mkdir()
    (tmp_path / MANIFEST).write_bytes(msgspec.json.encode(voice("a")))
    assert store(tmp_path).get(id) is None
    assert not store(tmp_path).delete(id, deleted_at=NOW)
    assert (tmp_path / MANIFEST).exists()


def header(text: bytes) -> bytes:
    return len(text).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x05",
        b"\xff" * 16,
        header(b"{"),
        header(b"\xff"),
        header(b"[" * 100_000),
        header(b"{}"),
        header(b'{"__metadata__": {"chorus.voice": 1}}'),
        header(b'{"__metadata__": {"chorus.voice": "{}"}}'),
        header(b'{"__metadata__": {"chorus.voice": "\\ud800"}}'),
    ],
)
def test_a_damaged_manifest_is_passed_over_and_told(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    voices = store(tmp_path)
    damaged, _ = voices.save(voice("a"), packed_voice(b""))
    whole, _ = voices.save(voice("b"), packed_voice(b""))
    (tmp_path / "voices" / f"{damaged.id}.safetensors").write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert voices.list() == [whole]
    assert damaged.id in caplog.text


def test_a_voice_under_another_ones_id_is_not_taken(tmp_path: Path) -> None:
    voices = store(tmp_path)
    saved, _ = voices.save(voice("a"), packed_voice(b""))
    (tmp_path / "voices" / f"{saved.id}.safetensors").rename(tmp_path / "voices" / f"{'0' * 16}.safetensors")
    assert voices.list() == []


def test_many_writers_of_one_voice_make_one(tmp_path: Path) -> None:
    """Four threads of each of two servers: each server says once that the voice is new."""
    saved = voice("a")
    stores = store(tmp_path), store(tmp_path)
    together = threading.Barrier(8)

    def save(number: int) -> tuple[int, bool]:
        together.wait(10)
        return number % 2, stores[number % 2].save(saved, packed_voice(b"latents"))[1]

    with ThreadPoolExecutor(8) as pool:
        new = [server for server, is_new in pool.map(save, range(8)) if is_new]
    assert len(new) == len(set(new)) >= 1
    assert names_in(tmp_path) == {f"{saved.id}.safetensors"}
    assert packed_content(store(tmp_path).read(saved.id)) == b"latents"


def test_as_many_voices_as_may_be_are_saved_when_more_come_at_once(tmp_path: Path) -> None:
    voices = store(tmp_path, max_voices=3)
    together = threading.Barrier(12)

    def save(number: int) -> bool:
        together.wait(10)
        try:
            return voices.save(voice(f"recording {number}"), packed_voice(b"latents"))[1]
        except TooManyVoices:
            return False

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(save, range(12))) == 3
    assert len(voices.list()) == 3


def test_a_cloned_voice_takes_the_place_of_an_imported_one_and_never_the_other_way(tmp_path: Path) -> None:
    voices = store(tmp_path, max_voices=1)
    imported, cloned = voice("a", name="Eve", imported_at=NOW), voice("a", name="Ada")
    assert voices.save(imported, packed_voice(b"claimed")) == (imported, True)
    assert voices.save(voice("a", name="Mallory", imported_at=NOW), packed_voice(b"other")) == (imported, False)
    assert packed_content(voices.read(imported.id)) == b"claimed"
    assert voices.save(cloned, packed_voice(b"heard")) == (cloned, True)
    assert (voices.list(), packed_content(voices.read(cloned.id))) == ([cloned], b"heard")
    assert voices.save(imported, packed_voice(b"claimed")) == (cloned, False)
    assert (voices.list(), packed_content(voices.read(cloned.id))) == ([cloned], b"heard")
    assert names_in(tmp_path) == {f"{cloned.id}.safetensors"}


def test_a_write_that_fails_leaves_nothing_and_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageFailure, match="No space left on device; look at the volume"):
        store(tmp_path).save(voice("a"), packed_voice(b""))
    assert names_in(tmp_path) == set()


def test_what_a_killed_process_left_is_removed_once_it_is_old(tmp_path: Path) -> None:
    voices = store(tmp_path)
    (tmp_path / "voices").mkdir()
    for name, age_s in (("young", 0.0), ("old", 2 * LEFTOVER_AGE_S)):
        leftover = tmp_path / "voices" / f".new-{name}"
        leftover.mkdir()
        (leftover / CONDITIONING).write_bytes(b"half")
        file = tmp_path / "voices" / f".file-{name}"
        file.write_bytes(b"half")
        os.utime(file, (file.stat().st_mtime - age_s,) * 2)
        os.utime(leftover, (leftover.stat().st_mtime - age_s,) * 2)
    assert voices.list() == []
    saved, _ = voices.save(voice("a"), packed_voice(b""))
    assert names_in(tmp_path) == {f"{saved.id}.safetensors", ".new-young", ".file-young"}


def test_a_new_file_of_a_voice_is_read_although_its_id_was_read_before(tmp_path: Path) -> None:
    ours, theirs = store(tmp_path), store(tmp_path)
    imported, cloned = voice("a", name="Eve", imported_at=NOW), voice("a", name="Ada")
    ours.save(imported, packed_voice(b"claimed"))
    assert ours.list() == [imported]
    theirs.save(cloned, packed_voice(b"heard"))
    assert (ours.list(), ours.get(cloned.id)) == ([cloned], cloned)
    theirs.delete(cloned.id, deleted_at=NOW)
    assert ours.list() == []


def test_a_manifest_is_read_once_however_often_voices_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voices = store(tmp_path)
    saved, _ = voices.save(voice("a"), packed_voice(b""))
    assert voices.list() == [saved]
    monkeypatch.setattr(Path, "open", None)
    assert voices.list() == [saved]


def test_the_folder_is_synced_after_the_file_so_that_a_saved_voice_outlives_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []

    def fsync(descriptor: int) -> None:
        names = sorted(path.name for path in (tmp_path / "voices").iterdir())
        synced.append(f"{Path(f'/proc/self/fd/{descriptor}').readlink().name[:5]} while {names}")

    monkeypatch.setattr(os, "fsync", fsync)
    voices = store(tmp_path)
    saved, _ = voices.save(voice("a"), packed_voice(b""))
    assert synced[-1] == f"voice while ['{saved.id}.safetensors']"
    voices.delete(saved.id, deleted_at=NOW)
    assert synced[-1] == "voice while []"


EARLIER = Path(__file__).parent / "earlier"
"""Made by a version that kept each voice in a folder: the folder, and the archive that it exported."""
EARLIER_ID = "505eedc3893cd6de"


def test_a_voice_of_an_earlier_version_is_read_converted_and_deleted(tmp_path: Path) -> None:
    shutil.copytree(EARLIER, tmp_path, dirs_exist_ok=True)
    voices = store(tmp_path)
    (found,) = voices.list()
    assert (found.id, found.name, found.consent) == (EARLIER_ID, "Zoë", "This is my own voice.")
    file = voices.read(EARLIER_ID)
    conditioning = (EARLIER / "voices" / EARLIER_ID / CONDITIONING).read_bytes()
    assert packed_content(file) == packed_content(conditioning)
    assert b'"chorus.level"' in file
    assert voices.earlier_ids() == (EARLIER_ID,)
    voices.convert_earlier()
    assert (voices.earlier_ids(), names_in(tmp_path)) == ((), {f"{EARLIER_ID}.safetensors"})
    assert (voices.list(), voices.read(EARLIER_ID)) == ([found], file)
    assert voices.delete(EARLIER_ID, deleted_at=NOW)
    assert names_in(tmp_path) == set()


def test_a_voice_of_an_earlier_version_can_be_deleted_before_it_is_converted(tmp_path: Path) -> None:
    shutil.copytree(EARLIER, tmp_path, dirs_exist_ok=True)
    assert store(tmp_path).delete(EARLIER_ID, deleted_at=NOW)
    assert names_in(tmp_path) == set()


def test_a_conversion_that_was_interrupted_is_finished_by_the_next(tmp_path: Path) -> None:
    shutil.copytree(EARLIER, tmp_path, dirs_exist_ok=True)
    voices = store(tmp_path)
    (tmp_path / "voices" / f"{EARLIER_ID}.safetensors").write_bytes(voices.read(EARLIER_ID))
    voices.convert_earlier()
    assert names_in(tmp_path) == {f"{EARLIER_ID}.safetensors"}


@pytest.mark.parametrize("name", [MANIFEST, CONDITIONING])
def test_a_damaged_voice_of_an_earlier_version_stays_and_is_logged(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(EARLIER, tmp_path, dirs_exist_ok=True)
    (tmp_path / "voices" / EARLIER_ID / name).write_bytes(b"")
    with caplog.at_level(logging.WARNING):
        store(tmp_path).convert_earlier()
    assert names_in(tmp_path) == {EARLIER_ID}
    assert EARLIER_ID in caplog.text
