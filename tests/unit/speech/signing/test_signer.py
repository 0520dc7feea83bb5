"""Signed files, as C2PA's own reader, FFmpeg and libsndfile read them; files that cannot be signed stay as they are."""

import errno
import io
import json
import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

pytest.importorskip("c2pa", reason="c2pa-python is not installed (make c2pa)")

import c2pa
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from app.audio.formats import AudioFormat, OutputFormat
from app.audio.found_marks import find_marks
from app.audio.output import encode_whole
from app.audio.provenance import MAX_ID_CHARS, TRAINED_ALGORITHMIC_MEDIA, new_provenance
from app.books.audio_file import BookFile, BookFormat, Mark, Tags
from app.books.verification import verify_file
from app.errors import InvalidSetting
from app.settings import Settings
from app.speech.signing.credentials import load_credentials, load_or_make
from app.speech.signing.signer import FileSigner
from tests.support.c2pa_certificates import write_certificate
from tests.support.samples import decoded

RATE_HZ = 24_000
TONE: Any = (0.3 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE_HZ) / RATE_HZ)).astype(np.float32)
TODAY = datetime(2026, 5, 4, tzinfo=UTC)
MARK = new_provenance(is_cloned=True, now=TODAY, request_id="0123456789abcdef", server="1777939140-0a1b2c3d")
MARKS = (Mark("One", 0, RATE_HZ), Mark("Two", RATE_HZ, 2 * RATE_HZ))
SIGNED = ["wav", "mp3", "flac", "m4b"]
READER = """
import c2pa, json, sys
for path, kind in json.loads(sys.argv[1]):
    with open(path, "rb") as file:
        reader = c2pa.Reader(kind, file)
        print(json.dumps([reader.get_validation_state(), json.loads(reader.json())]))
"""


def file_of(kind: str) -> tuple[bytes, str]:
    """A file with marks, and its media type."""
    if kind == "m4b":
        return book(BookFormat.M4B), BookFormat.M4B.mime_type
    audio_format = AudioFormat(kind)
    return encode_whole(TONE, OutputFormat(audio_format), RATE_HZ, MARK), audio_format.mime_type


def book(book_format: BookFormat, marks: tuple[Mark, ...] = MARKS) -> bytes:
    file = io.BytesIO()
    tags = Tags(title="A title", album="A title", author="An author", provenance=MARK)
    book_file = BookFile(file, book_format, RATE_HZ, tags=tags, marks=marks)
    book_file.write(TONE)
    book_file.finish()
    book_file.close()
    return file.getvalue()


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> FileSigner:
    return FileSigner(load_or_make(tmp_path_factory.mktemp("data") / "c2pa.pem"))


def of_operator(folder: Path, *, now: datetime | None = None, **certificate: Any) -> FileSigner:
    cert, key = write_certificate(folder, **certificate)
    credentials = load_credentials(Settings(c2pa_cert=str(cert), c2pa_key=str(key)), folder / "unused")
    return FileSigner(credentials) if now is None else FileSigner(credentials, now=lambda: now)


def test_a_reader_in_a_fresh_process_finds_each_format_intact_and_its_signer_untrusted(
    signer: FileSigner, tmp_path: Path
) -> None:
    files: list[tuple[str, str]] = []
    for kind in SIGNED:
        data, media_type = file_of(kind)
        (tmp_path / kind).write_bytes(signer.sign(data, media_type, MARK))
        files.append((str(tmp_path / kind), media_type))
    command = [sys.executable, "-P", "-c", READER, json.dumps(files)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    for state, told in map(json.loads, done.stdout.splitlines()):
        assert state == "Valid"
        failures = [each["code"] for each in told["validation_results"]["activeManifest"]["failure"]]
        assert failures == ["signingCredential.untrusted"]
        manifest = told["manifests"][told["active_manifest"]]
        assert manifest["claim_generator_info"][0]["name"] == "Chorus"
        (actions,) = (a["data"]["actions"] for a in manifest["assertions"] if a["label"] == "c2pa.actions.v2")
        assert actions[0]["action"] == "c2pa.created"
        assert actions[0]["digitalSourceType"] == TRAINED_ALGORITHMIC_MEDIA
        assert actions[0]["parameters"]["chorus.statement"]["request"] == "0123456789abcdef"
    assert len(done.stdout.splitlines()) == len(SIGNED)


@pytest.mark.parametrize("kind", SIGNED)
def test_signing_changes_no_sample_and_keeps_the_tags(signer: FileSigner, kind: str) -> None:
    data, media_type = file_of(kind)
    signed = signer.sign(data, media_type, MARK)
    assert 0 < len(signed) - len(data) < 5_000
    assert np.array_equal(decoded(signed), decoded(data))
    if kind != "m4b":  # libsndfile does not know MP4
        assert np.array_equal(soundfile.read(io.BytesIO(signed))[0], soundfile.read(io.BytesIO(data))[0])
    *metadata, mark = find_marks(io.BytesIO(signed), name="a").marks
    assert tuple(metadata) == find_marks(io.BytesIO(data), name="a").marks
    assert (mark.kind, mark.statement, mark.digital_source_type) == ("c2pa", MARK, TRAINED_ALGORITHMIC_MEDIA)
    assert mark.signature is not None
    assert (mark.signature.status, mark.signature.faults) == ("intact", ())
    assert mark.signature.signer == "Chorus, self-made, Chorus server"


@pytest.mark.parametrize("kind", SIGNED)
def test_one_changed_bit_is_seen_wherever_it_is(signer: FileSigner, kind: str) -> None:
    data, media_type = file_of(kind)
    signed = signer.sign(data, media_type, MARK)
    sound = signed.index(data[len(data) // 3 :][:200]) + 100
    for place in (sound, signed.index(b"chorus.statement") + 30):
        changed = bytearray(signed)
        changed[place] ^= 1
        mark = find_marks(io.BytesIO(bytes(changed)), name="a").marks[-1]
        assert mark.signature is not None
        assert mark.signature.status == "broken"
        assert mark.signature.faults


def test_a_signed_book_has_its_chapters(signer: FileSigner, tmp_path: Path) -> None:
    for book_format in (BookFormat.M4B, BookFormat.MP3):
        path = tmp_path / f"a{book_format.suffix}"
        path.write_bytes(signer.sign(book(book_format), book_format.mime_type, MARK))
        verify_file(path, book_format, MARKS, RATE_HZ)


@pytest.mark.parametrize(
    "title", ["a" * 126, "a" * 127, "Ü" * 63, "Ü" * 64, "漢" * 300, "🔔" * 300, "a" + "🔔" * 32], ids=range(7)
)
@pytest.mark.parametrize("book_format", [BookFormat.M4B, BookFormat.MP3])
def test_a_signed_book_has_its_chapters_whatever_their_titles_are(
    signer: FileSigner, tmp_path: Path, book_format: BookFormat, title: str
) -> None:
    marks = (Mark(title, 0, RATE_HZ), Mark("Two", RATE_HZ, 2 * RATE_HZ))
    path = tmp_path / f"a{book_format.suffix}"
    path.write_bytes(signer.sign(book(book_format, marks), book_format.mime_type, MARK))
    verify_file(path, book_format, marks, RATE_HZ)
    with av.open(str(path)) as file:
        first = file.chapters()[0]["metadata"]["title"]
    assert first == title or (book_format is BookFormat.MP3 and title.startswith(first.removesuffix("…")))
    assert len(first.encode()) > 120


@pytest.mark.parametrize("kind", ["opus", "pcm", "aac", "ulaw"])
def test_formats_without_a_place_for_a_signature_stay_as_they_are(signer: FileSigner, kind: str) -> None:
    data, media_type = file_of(kind)
    assert signer.sign(data, media_type, MARK) == data


def test_what_is_no_file_of_its_type_stays_as_it_is_and_is_logged(
    signer: FileSigner, caplog: pytest.LogCaptureFixture
) -> None:
    assert signer.sign(b"no audio", "audio/wav", MARK) == b"no audio"
    target = io.BytesIO()
    signer.sign_file(io.BytesIO(b"no audio"), target, "audio/wav", MARK)
    assert target.getvalue() == b"no audio"
    assert caplog.text.count("could not be signed") == 1


def test_a_file_is_signed_as_its_bytes_are(signer: FileSigner) -> None:
    data, media_type = file_of("flac")
    source, target = io.BytesIO(data), io.BytesIO()
    source.seek(7)
    signer.sign_file(source, target, media_type, MARK)
    mark = find_marks(target, name="a").marks[-1]
    assert mark.signature is not None
    assert mark.signature.status == "intact"


class FullFile(io.BytesIO):
    def write(self, data: Any) -> int:
        if self.tell() > 3_000:
            raise OSError(errno.ENOSPC, "no room")
        return super().write(data)


@pytest.mark.parametrize("kind", [*SIGNED, "opus"])
def test_a_full_disk_raises_the_error_of_the_file(signer: FileSigner, kind: str) -> None:
    data, media_type = file_of(kind)
    with pytest.raises(OSError, match="no room") as caught:
        signer.sign_file(io.BytesIO(data * 10 if kind == "opus" else data), FullFile(), media_type, MARK)
    assert caught.value.errno == errno.ENOSPC


def test_files_beyond_the_bound_stay_unsigned_and_this_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data, media_type = file_of("wav")
    bounded = FileSigner(load_or_make(tmp_path / "c2pa.pem"), max_bytes=len(data) - 1)
    assert bounded.sign(data, media_type, MARK) == data
    assert "are not signed" in caplog.text


def test_the_longest_statement_and_a_long_chain_are_signed(tmp_path: Path) -> None:
    longest = new_provenance(is_cloned=True, now=TODAY, request_id="a" * MAX_ID_CHARS, server="b" * MAX_ID_CHARS)
    data, media_type = file_of("wav")
    signed = of_operator(tmp_path, num_copies=40).sign(data, media_type, longest)
    mark = find_marks(io.BytesIO(signed), name="a").marks[-1]
    assert mark.statement == longest
    assert mark.signature is not None
    assert (mark.signature.status, mark.signature.signer) == ("intact", "Operator")


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), "it is 1970-01-01 here, and the certificate of"),
        (datetime(2099, 1, 1, tzinfo=UTC), "ended on 2026-05-31; renew it"),
    ],
)
def test_outside_the_time_of_its_certificate_nothing_is_signed_and_the_reason_is_logged_once(
    tmp_path: Path, now: datetime, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    signer = of_operator(tmp_path, now=now, starts=datetime(2026, 5, 1, tzinfo=UTC))
    data, media_type = file_of("wav")
    assert [signer.sign(data, media_type, MARK) for _ in range(3)] == [data] * 3
    assert says in (signer.unsigned_reason or "")
    assert caplog.text.count(says) == 1


def test_a_certificate_that_ends_while_the_server_runs_ends_the_signatures(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    cert, key = write_certificate(tmp_path)
    credentials = load_credentials(Settings(c2pa_cert=str(cert), c2pa_key=str(key)), tmp_path / "unused")
    now = [datetime.now(UTC)]
    signer = FileSigner(credentials, now=lambda: now[0])
    data, media_type = file_of("wav")
    assert signer.sign(data, media_type, MARK) != data
    assert signer.unsigned_reason is None
    now[0] += timedelta(days=60)
    assert signer.sign(data, media_type, MARK) == data
    assert "ended on" in (signer.unsigned_reason or "")


def test_a_certificate_for_another_use_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="cannot sign files") as refused:
        of_operator(tmp_path, usage=ExtendedKeyUsageOID.SERVER_AUTH)
    assert refused.value.param == "CHORUS_C2PA_CERT"


def test_a_short_rsa_key_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="cannot sign files"):
        of_operator(tmp_path, key=rsa.generate_private_key(65537, 1024))  # noqa: S505 - too short on purpose


@pytest.mark.parametrize("year", [1970, 2100])
def test_a_self_made_certificate_outside_its_time_signs_nothing_and_starts(tmp_path: Path, year: int) -> None:
    signer = FileSigner(load_or_make(tmp_path / "c2pa.pem"), now=lambda: datetime(year, 1, 1, tzinfo=UTC))
    data, media_type = file_of("wav")
    assert signer.sign(data, media_type, MARK) == data
    assert str(tmp_path / "c2pa.pem") in (signer.unsigned_reason or "")


def test_a_clock_that_is_set_later_begins_the_signatures(tmp_path: Path) -> None:
    now = [datetime(1970, 1, 1, tzinfo=UTC)]
    signer = FileSigner(load_or_make(tmp_path / "c2pa.pem"), now=lambda: now[0])
    data, media_type = file_of("wav")
    assert signer.sign(data, media_type, MARK) == data
    now[0] = datetime.now(UTC)
    assert signer.sign(data, media_type, MARK) != data
    assert signer.unsigned_reason is None


def test_a_pair_that_cannot_sign_is_told_once_the_clock_is_set(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = [datetime(1970, 1, 1, tzinfo=UTC)]
    certificate, key = write_certificate(tmp_path, usage=ExtendedKeyUsageOID.SERVER_AUTH)
    settings = Settings(c2pa_cert=str(certificate), c2pa_key=str(key))
    signer = FileSigner(load_credentials(settings, tmp_path / "unused"), now=lambda: now[0])
    now[0] = datetime.now(UTC)
    data, media_type = file_of("wav")
    assert [signer.sign(data, media_type, MARK) for _ in range(3)] == [data] * 3
    assert "cannot sign files" in (signer.unsigned_reason or "")
    assert caplog.text.count("cannot sign files") == 1


def test_threads_share_one_signer(signer: FileSigner) -> None:
    data, media_type = file_of("wav")
    with ThreadPoolExecutor(4) as pool:
        signed = list(pool.map(lambda _: signer.sign(data, media_type, MARK), range(16)))
    assert len(set(signed)) == 16
    for each in signed:
        with c2pa.Reader("audio/wav", io.BytesIO(each)) as reader:
            assert reader.get_validation_state() == "Valid"


class HeldFile(io.BytesIO):
    """A file whose bytes come when `may_go_on` is set."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.is_read, self.may_go_on = threading.Event(), threading.Event()

    def readinto(self, buffer: Any) -> int:
        self.is_read.set()
        if not self.may_go_on.wait(20):
            raise OSError(errno.ETIMEDOUT, "the answer was not signed")
        return super().readinto(buffer)


def test_an_answer_is_signed_while_the_file_of_a_book_is(signer: FileSigner) -> None:
    data, media_type = file_of("flac")
    held, target = HeldFile(data), io.BytesIO()
    with ThreadPoolExecutor(1) as pool:
        signing = pool.submit(signer.sign_file, held, target, media_type, MARK)
        assert held.is_read.wait(20)
        answer = signer.sign(data, media_type, MARK)
        assert not signing.done()
        held.may_go_on.set()
        signing.result()
    for signed in (io.BytesIO(answer), target):
        mark = find_marks(signed, name="a").marks[-1]
        assert mark.signature is not None
        assert mark.signature.status == "intact"
