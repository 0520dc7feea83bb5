"""Voice files: what comes back, and what strangers may send instead."""

import io
import pickle
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import UnusableVoiceFile, UploadTooLarge
from app.voices.store import CONDITIONING, MANIFEST, SavedVoice, voice_id
from app.voices.voice_file import MAX_BYTES, disposition, pack_voice_file, unpack_voice_file

RECORDINGS = ("0" * 64, "f" * 64)
VOICE = SavedVoice(
    id=voice_id("m", RECORDINGS),
    name="Ada",
    model="m",
    created_at=datetime(2026, 11, 23, tzinfo=UTC),
    consent="This is my own voice.",
    recordings=RECORDINGS,
)
FILE = pack_voice_file(VOICE, b"latents")
Content = list[tuple[str | zipfile.ZipInfo, bytes]]


def archive(content: Content, compression: int = zipfile.ZIP_STORED, comment: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as written:
        written.comment = comment
        for name, data in content:
            written.writestr(name, data)
    return file.getvalue()


def manifest(**changes: Any) -> bytes:
    return msgspec.json.encode(msgspec.to_builtins(VOICE) | changes)


def with_extra_field() -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(CONDITIONING)
    entry.extra = b"\xfe\xca\x04\x00more"
    return entry


def test_a_voice_comes_back_as_it_went() -> None:
    assert unpack_voice_file(FILE) == (VOICE, b"latents")


def test_a_voice_has_the_same_file_wherever_it_has_been() -> None:
    carried = msgspec.structs.replace(VOICE, imported_at=datetime(2026, 11, 24, tzinfo=UTC))
    assert pack_voice_file(carried, b"latents") == FILE


def test_any_unzip_reads_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(FILE)
    with zipfile.ZipFile(tmp_path / "a.zip") as read:
        assert read.namelist() == [MANIFEST, CONDITIONING]
        assert msgspec.json.decode(read.read(MANIFEST), type=SavedVoice) == VOICE


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: b"", "not a whole ZIP archive"),
        (lambda: b"no voice at all", "not a whole ZIP archive"),
        (lambda: pickle.dumps({"voice": 1}), "not a whole ZIP archive"),
        (lambda: FILE[:-1], "not a whole ZIP archive"),
        (lambda: FILE.replace(b"latents", b"lateral"), "Bad CRC-32"),
        (lambda: FILE + b"more", "holds more than a voice"),
        (lambda: b"more" + FILE, "holds more than a voice"),
        (lambda: archive([(MANIFEST, manifest()), (CONDITIONING, b"")], comment=b"more"), "holds more"),
        (lambda: archive([(MANIFEST, manifest()), (with_extra_field(), b"")]), "holds more"),
        (lambda: archive([(MANIFEST, manifest()), (CONDITIONING, b"")], zipfile.ZIP_DEFLATED), "not compressed"),
        (lambda: archive([(MANIFEST, manifest()), (CONDITIONING, b""), ("more", b"")]), "nothing else"),
        (lambda: archive([(MANIFEST, manifest()), (CONDITIONING, b""), (MANIFEST, b"")]), "nothing else"),
        (lambda: archive([(CONDITIONING, b""), (MANIFEST, manifest())]), "in this order"),
        (lambda: archive([(MANIFEST, manifest()), ("../" + CONDITIONING, b"")]), "nothing else"),
        (lambda: archive([(MANIFEST, manifest()), ("/etc/passwd", b"")]), "nothing else"),
        (lambda: archive([(MANIFEST, manifest())]), "must hold"),
    ],
)
def test_an_archive_of_another_form_is_refused(make: Callable[[], bytes], says: str) -> None:
    with pytest.raises(UnusableVoiceFile, match=says) as refusal:
        unpack_voice_file(make())
    assert refusal.value.param == "voice"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        manifest(id="../../etc/passwd"),
        manifest(name=""),
        manifest(name="a\nb"),
        manifest(model=""),
        manifest(consent=""),
        manifest(consent=None),
        manifest(recordings=[]),
        manifest(recordings=["a"]),
        manifest(recordings=["0" * 64] * 17),
        manifest(created_at="2026-11-23T00:00:00"),  # without a zone it could not be ordered among the others
    ],
)
def test_a_manifest_out_of_bounds_is_refused(content: bytes) -> None:
    with pytest.raises(UnusableVoiceFile, match=r"its manifest\.json does not fit"):
        unpack_voice_file(archive([(MANIFEST, content), (CONDITIONING, b"")]))


def test_a_file_beyond_the_limit_is_not_even_opened() -> None:
    with pytest.raises(UploadTooLarge, match=str(MAX_BYTES)):
        unpack_voice_file(bytes(MAX_BYTES + 1))


@settings(derandomize=True, deadline=None, max_examples=500)
@given(data=st.data())
def test_damage_ends_in_the_same_voice_or_in_an_error_for_the_sender(data: st.DataObject) -> None:
    damaged = bytearray(FILE)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        voice, conditioning = unpack_voice_file(bytes(damaged))
    except UnusableVoiceFile:
        return
    assert (voice, conditioning) == (VOICE, b"latents")  # what was hit is a date or a right that nobody reads


@pytest.mark.parametrize(
    ("name", "plain", "encoded"),
    [
        ("Ada", "Ada", "Ada"),
        ("Zoë 世", "Zo_ _", "Zo%C3%AB%20%E4%B8%96"),
        ('../a"b\\c', "_a_b_c", "_a_b_c"),
        ("...", VOICE.id, VOICE.id),
    ],
)
def test_a_voices_name_becomes_a_safe_file_name(name: str, plain: str, encoded: str) -> None:
    assert disposition(msgspec.structs.replace(VOICE, name=name)) == (
        f"attachment; filename=\"{plain}.chorus-voice\"; filename*=UTF-8''{encoded}.chorus-voice"
    )
