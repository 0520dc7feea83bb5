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
from app.voices.earlier import CONDITIONING, MANIFEST
from app.voices.manifest import SavedVoice, voice_id
from app.voices.voice_file import MAX_BYTES, content_digest, disposition, read_in_child, with_manifest
from tests.support.fake_engine import packed_content, packed_voice

RECORDINGS = ("0" * 64, "f" * 64)
VOICE = SavedVoice(
    id=voice_id("m", RECORDINGS),
    name="Ada",
    model="m",
    created_at=datetime(2026, 11, 23, tzinfo=UTC),
    consent="This is my own voice.",
    recordings=RECORDINGS,
)
FILE = with_manifest(packed_voice(b"latents"), VOICE)
ARCHIVE = (Path(__file__).parent / "earlier" / "exported.chorus-voice").read_bytes()
"""Exported by a version that kept a voice in two files."""
Content = list[tuple[str | zipfile.ZipInfo, bytes]]


def archive(content: Content, compression: int = zipfile.ZIP_STORED, comment: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as written:
        written.comment = comment
        for name, data in content:
            written.writestr(name, data)
    return file.getvalue()


def read(data: bytes) -> tuple[SavedVoice, bytes]:
    return read_in_child(io.BytesIO(data))


def with_header(header: object) -> bytes:
    text = header if isinstance(header, bytes) else msgspec.json.encode(header)
    return len(text).to_bytes(8, "little") + text


def manifest(**changes: Any) -> bytes:
    return msgspec.json.encode(msgspec.to_builtins(VOICE) | changes)


def test_a_voice_comes_back_as_it_went() -> None:
    assert read(FILE) == (VOICE, FILE)
    assert packed_content(FILE) == b"latents"


def test_a_new_manifest_replaces_the_old_one_and_keeps_the_other_metadata() -> None:
    level = {"__metadata__": {"chorus.level": "loud"}}
    packed = with_header(level | {"fake": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}) + b"x"
    other = msgspec.structs.replace(VOICE, name="Ben")
    file = with_manifest(with_manifest(packed, VOICE), other)
    assert read(file)[0] == other
    assert file == with_manifest(packed, other)
    assert b'"chorus.level":"loud"' in file
    assert packed_content(file) == b"x"


def test_the_tensors_begin_where_the_format_wants_them() -> None:
    for length in range(1, 17):
        file = with_manifest(packed_voice(b"latents"), msgspec.structs.replace(VOICE, name="x" * length))
        assert int.from_bytes(file[:8], "little") % 8 == 0


def test_the_safetensors_library_reads_a_voice_file() -> None:
    library = pytest.importorskip("safetensors.numpy", reason="the safetensors package is not installed")
    assert library.load(FILE)["fake"].tobytes() == b"latents"


def test_an_archive_of_an_earlier_version_is_read() -> None:
    voice, packed = read(ARCHIVE)
    assert (voice.id, voice.name, voice.model) == (voice_id("m", ["a" * 64]), "Zoë", "m")
    assert b'"chorus.level"' in packed
    assert packed_content(packed) == bytes(32 * 2 * 4 + 512 * 4)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a safetensors file"),
        (b"no voice at all", "not a safetensors file"),
        (pickle.dumps({"voice": 1}), "not a safetensors file"),
        (FILE[:20], "its header cannot be read"),
        (with_header(b""), "its header cannot be read"),
        (with_header(b"[" * 100_000), "its header cannot be read"),
        (with_header(b"\xff"), "its header cannot be read"),
        (with_header([]), "its header cannot be read"),
        (with_header({"__metadata__": 1}), "its metadata cannot be read"),
        (with_header({"__metadata__": {"chorus.voice": 1}}), "its metadata cannot be read"),
        (packed_voice(b"latents"), "its metadata has no 'chorus.voice'"),
        (with_header({"__metadata__": {"chorus.voice": "[" * 100_000}}), "its manifest does not fit"),
        (with_header(b'{"__metadata__": {"chorus.voice": "\\ud800"}}'), "its manifest does not fit|cannot be read"),
    ],
)
def test_a_file_without_a_manifest_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(UnusableVoiceFile, match=says) as refusal:
        read(data)
    assert refusal.value.param == "voice"


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ARCHIVE[:-1], "not a whole ZIP archive"),
        (lambda: b"PK" + bytes(100), "not a whole ZIP archive"),
        (lambda: ARCHIVE.replace(b"chorus.level", b"chorus.lever"), "Bad CRC-32"),
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
        read(make())
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
        manifest(recordings=[]),
        manifest(recordings=["a"]),
        manifest(recordings=["0" * 64] * 17),
        manifest(created_at="2026-11-23T00:00:00"),  # without a zone it could not be ordered among the others
    ],
)
def test_a_manifest_out_of_bounds_is_refused(content: bytes) -> None:
    with pytest.raises(UnusableVoiceFile, match=r"its manifest\.json does not fit"):
        read(archive([(MANIFEST, content), (CONDITIONING, b"")]))
    text = content.decode("latin-1")
    with pytest.raises(UnusableVoiceFile, match="its manifest does not fit"):
        read(with_header({"__metadata__": {"chorus.voice": text}}))


def test_a_file_beyond_the_limit_is_not_even_opened() -> None:
    with pytest.raises(UploadTooLarge, match=str(MAX_BYTES)):
        read(bytes(MAX_BYTES + 1))


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=500)
@given(data=st.data())
def test_damage_to_an_archive_ends_in_the_same_voice_or_in_an_error_for_the_sender(data: st.DataObject) -> None:
    damaged = bytearray(ARCHIVE)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read(bytes(damaged))
    except UnusableVoiceFile:
        return
    assert found == read(ARCHIVE)  # the damage is in a date or a right that nobody reads


@settings(derandomize=True, deadline=None, max_examples=500)
@given(data=st.data())
def test_damage_ends_in_a_voice_within_its_bounds_or_in_an_error_for_the_sender(data: st.DataObject) -> None:
    damaged = bytearray(FILE)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        voice, packed = read(bytes(damaged))
    except UnusableVoiceFile:
        return
    assert msgspec.convert(msgspec.to_builtins(voice), SavedVoice) == voice
    assert packed == bytes(damaged)


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
        f"attachment; filename=\"{plain}.safetensors\"; filename*=UTF-8''{encoded}.safetensors"
    )


def test_the_digest_of_a_voice_is_that_of_its_tensors_whatever_its_manifest_says() -> None:
    renamed = with_manifest(FILE, msgspec.structs.replace(VOICE, name="Ada Lovelace", aliases=("ada",)))
    assert renamed != FILE
    assert content_digest(renamed) == content_digest(FILE) == content_digest(packed_voice(b"latents"))
    assert content_digest(packed_voice(b"Latents")) != content_digest(FILE)
    with pytest.raises(ValueError, match="not a safetensors"):
        content_digest(b"latents")
