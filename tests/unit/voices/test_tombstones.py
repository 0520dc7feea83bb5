"""Deleted voices leave a record of their consent, and nothing of the voice."""

import contextlib
import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from app.errors import StorageFailure
from app.voices.manifest import SavedVoice, VoiceModel, voice_id
from app.voices.store import VoiceStore
from app.voices.tombstones import FOLDER, Tombstones
from tests.support.fake_engine import packed_voice

NOW = datetime(2026, 11, 23, tzinfo=UTC)
RECORDING = hashlib.sha256(b"take").hexdigest()
ADA = SavedVoice(
    id=voice_id("m", [RECORDING]),
    name="Ada",
    model="m",
    created_at=NOW,
    consent="This is my own voice.",
    sent_by="ada-laptop",
    recordings=(RECORDING,),
)


def store(data: Path) -> VoiceStore:
    return VoiceStore(data, VoiceModel("m"), max_voices=10)


def save(data: Path, voice: SavedVoice = ADA) -> None:
    store(data).save(voice, packed_voice(b"latents"))


def delete(data: Path, minutes: int = 1) -> bool:
    return store(data).delete(ADA.id, deleted_at=NOW + timedelta(minutes=minutes), deleted_by="#1")


def records(data: Path) -> list[Path]:
    return sorted((data / FOLDER).iterdir())


def test_a_deleted_voice_leaves_its_consent_and_who_deleted_it_when(tmp_path: Path) -> None:
    assert store(tmp_path).list_deleted() == []
    save(tmp_path)
    assert delete(tmp_path)
    (record,) = store(tmp_path).list_deleted()
    assert (record.id, record.name, record.consent, record.sent_by) == (ADA.id, "Ada", ADA.consent, "ada-laptop")
    assert (record.created_at, record.recordings) == (NOW, (RECORDING,))
    assert (record.deleted_at, record.deleted_by) == (NOW + timedelta(minutes=1), "#1")
    assert not any(b"latents" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_voice_that_is_saved_and_deleted_again_has_two_records(tmp_path: Path) -> None:
    for minutes in (0, 2):
        save(tmp_path, msgspec.structs.replace(ADA, created_at=NOW + timedelta(minutes=minutes)))
        assert delete(tmp_path, minutes + 1)
    deleted = store(tmp_path).list_deleted()
    assert [record.deleted_at for record in deleted] == [NOW + timedelta(minutes=minutes) for minutes in (1, 3)]


def test_the_records_of_a_voice_that_was_imported_twice_are_two(tmp_path: Path) -> None:
    for minutes in (0, 2):
        save(tmp_path, msgspec.structs.replace(ADA, imported_at=NOW + timedelta(minutes=minutes)))
        assert delete(tmp_path, minutes + 1)
    assert len(store(tmp_path).list_deleted()) == 2


def test_a_voice_from_a_file_that_a_clone_replaces_leaves_its_statement(tmp_path: Path) -> None:
    claimed = msgspec.structs.replace(
        ADA, consent="It is mine, I say.", sent_by="eve", imported_at=NOW, imported_by="eve"
    )
    cloned = msgspec.structs.replace(ADA, created_at=NOW + timedelta(minutes=3))
    save(tmp_path, claimed)
    save(tmp_path, cloned)
    save(tmp_path, claimed)  # it stays as it is
    assert store(tmp_path).get(ADA.id) == cloned
    (record,) = store(tmp_path).list_deleted()
    assert (record.consent, record.imported_by) == ("It is mine, I say.", "eve")
    assert (record.deleted_at, record.deleted_by) == (cloned.created_at, "ada-laptop")


def test_a_voice_whose_replacement_cannot_be_recorded_stays(tmp_path: Path) -> None:
    claimed = msgspec.structs.replace(ADA, imported_at=NOW)
    save(tmp_path, claimed)
    (tmp_path / FOLDER).write_bytes(b"in the way")
    with pytest.raises(StorageFailure, match="could not be saved"):
        save(tmp_path)
    assert store(tmp_path).get(ADA.id) == claimed


def test_a_voice_that_is_deleted_while_its_manifest_is_written_stays_deleted(tmp_path: Path) -> None:
    """Either the deletion comes first, and there is nothing to change, or it removes the changed voice."""
    ours = store(tmp_path)
    with ThreadPoolExecutor(2) as pool:
        for number in range(50):
            ours.save(ADA, packed_voice(bytes(1_000_000)))
            changing = pool.submit(ours.change, msgspec.structs.replace(ADA, aliases=(f"alias {number}",)))
            deleting = pool.submit(ours.delete, ADA.id, deleted_at=NOW)
            assert deleting.result()
            with contextlib.suppress(StorageFailure):
                changing.result()
            assert ours.get(ADA.id) is None


def test_a_record_stays_while_the_voice_is_saved_again(tmp_path: Path) -> None:
    save(tmp_path)
    delete(tmp_path)
    save(tmp_path, msgspec.structs.replace(ADA, created_at=NOW + timedelta(minutes=2)))
    assert [record.id for record in store(tmp_path).list_deleted()] == [ADA.id]


def test_two_servers_that_delete_one_voice_at_once_leave_one_record(tmp_path: Path) -> None:
    save(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        assert any(pool.map(lambda minutes: delete(tmp_path, minutes), range(8)))
    assert len(records(tmp_path)) == len(store(tmp_path).list_deleted()) == 1
    assert store(tmp_path).get(ADA.id) is None


def test_a_deletion_that_was_cut_off_is_not_listed_and_the_next_one_ends_it(tmp_path: Path) -> None:
    save(tmp_path)
    Tombstones(tmp_path).add(ADA, deleted_at=NOW, deleted_by=None)  # and the process died
    assert store(tmp_path).get(ADA.id) == ADA
    assert store(tmp_path).list_deleted() == []
    assert delete(tmp_path, minutes=5)
    assert [record.deleted_at for record in store(tmp_path).list_deleted()] == [NOW + timedelta(minutes=5)]


def test_a_voice_whose_deletion_cannot_be_recorded_stays(tmp_path: Path) -> None:
    save(tmp_path)
    (tmp_path / FOLDER).write_bytes(b"in the way")
    with pytest.raises(StorageFailure, match="was not deleted, because the record"):
        delete(tmp_path)
    assert store(tmp_path).get(ADA.id) == ADA
    with pytest.raises(StorageFailure, match="cannot be listed"):
        store(tmp_path).list_deleted()


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 5000, b"\xff\xfe", b'{"id": 1}'])
def test_a_damaged_record_is_left_out_and_logged(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    save(tmp_path)
    delete(tmp_path)
    (whole,) = records(tmp_path)
    damaged = whole.with_name(f"{'0' * 16}-1.json")
    damaged.write_bytes(content)
    (whole.parent / ".half-written.json").write_bytes(b"{")
    with caplog.at_level(logging.WARNING):
        assert [record.id for record in store(tmp_path).list_deleted()] == [ADA.id]
    assert [str(damaged) in record.message for record in caplog.records] == [True]


@pytest.mark.parametrize("moment", [datetime(1970, 1, 1, tzinfo=UTC), datetime(1901, 1, 1, tzinfo=UTC)])
def test_a_clock_that_is_wrong_still_leaves_a_record(tmp_path: Path, moment: datetime) -> None:
    save(tmp_path, msgspec.structs.replace(ADA, created_at=moment))
    assert store(tmp_path).delete(ADA.id, deleted_at=moment)
    assert [record.deleted_at for record in store(tmp_path).list_deleted()] == [moment]
