"""`chorus say`, `chorus book`, `chorus doctor` and `chorus serve` with signatures."""

import io
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import click.testing
import pytest

pytest.importorskip("c2pa", reason="c2pa-python is not installed (make c2pa)")

import c2pa
from cryptography.x509 import load_pem_x509_certificate

from app.audio.found_marks import find_marks
from app.cli import main
from app.speech.signing.credentials import load_or_make
from tests.support.c2pa_certificates import write_certificate
from tests.support.command import chorus

SELF_MADE = "Chorus, self-made, Chorus server"


@pytest.fixture(autouse=True)
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.startswith("CHORUS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CHORUS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CHORUS_ENGINE", "embedded")
    monkeypatch.setenv("CHORUS_MARKS", "metadata,c2pa")
    monkeypatch.setenv("CHORUS_ASR_MODEL", "off")
    return monkeypatch


def run(*arguments: str, exit_code: int = 0) -> str:
    done = click.testing.CliRunner().invoke(main, arguments)
    assert done.exit_code == exit_code, done.output
    return done.output


def signature_of(path: Path) -> tuple[str, str | None] | None:
    with path.open("rb") as file:
        marks = find_marks(file, name="a").marks
    signatures = [mark.signature for mark in marks if mark.signature is not None]
    return (signatures[0].status, signatures[0].signer) if signatures else None


def test_say_signs_its_file_with_the_certificate_that_is_kept_and_chorus_provenance_tells_it(
    tmp_path: Path, environ: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "hello.wav"
    kept = load_or_make(tmp_path / "c2pa.pem")
    environ.setenv("CHORUS_DATA", str(tmp_path))
    run("say", "Hello there.", "-o", str(path))
    with c2pa.Reader("audio/wav", io.BytesIO(path.read_bytes())) as reader:
        assert reader.get_validation_state() == "Valid"
    assert f"has not changed since '{SELF_MADE}' signed it" in run("provenance", str(path))
    assert load_pem_x509_certificate(kept.chain).serial_number == serial_number(path)


def serial_number(path: Path) -> int:
    """Serial number of the certificate that signed the file."""
    with c2pa.Reader("audio/wav", io.BytesIO(path.read_bytes())) as reader:
        manifest = reader.get_active_manifest()
    assert manifest is not None
    return int(manifest["signature_info"]["cert_serial_number"])


def test_say_writes_no_certificate_into_the_folder_where_somebody_is(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    run("say", "Hello there.", "-o", str(tmp_path / "hello.wav"))
    assert signature_of(tmp_path / "hello.wav") == ("intact", SELF_MADE)
    assert list((tmp_path / "data").iterdir()) == []


def test_a_file_names_no_request_and_what_goes_into_a_pipe_is_not_signed(tmp_path: Path) -> None:
    path = tmp_path / "hello.wav"
    run("say", "Hello there.", "-o", str(path))
    with path.open("rb") as file:
        statements = [mark.statement for mark in find_marks(file, name="a").marks if mark.statement is not None]
    assert len(statements) == 2  # of the metadata and of the signature
    assert [(each.request, each.server) for each in statements] == [(None, None)] * 2
    command = [sys.executable, "-m", "app", "say", "Hello there.", "-o", "-"]
    piped = subprocess.run(command, capture_output=True, check=True).stdout
    assert piped.startswith(b"RIFF")
    assert b"trainedAlgorithmicMedia" in piped
    assert b"jumb" not in piped


def test_a_folder_that_cannot_be_written_does_not_keep_say_from_signing(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"a file, no folder")
    run("say", "Hello there.", "-o", str(tmp_path / "hello.flac"))
    assert signature_of(tmp_path / "hello.flac") == ("intact", SELF_MADE)


def test_a_certificate_that_cannot_sign_is_refused_before_anything_is_spoken(
    tmp_path: Path, environ: pytest.MonkeyPatch
) -> None:
    environ.setenv("CHORUS_C2PA_CERT", str(tmp_path / "gone.pem"))
    environ.setenv("CHORUS_C2PA_KEY", str(tmp_path / "gone.pem"))
    (tmp_path / "novel.txt").write_text("One bell rang here.")
    for arguments in (("say", "Hello there."), ("book", str(tmp_path / "novel.txt"))):
        output = run(*arguments, "-o", str(tmp_path / "a.mp3"), exit_code=1)
        assert "CHORUS_C2PA_CERT:" in output
        assert "gone.pem cannot be read" in output
    assert not list(tmp_path.rglob("*.flac"))


@pytest.mark.slow
def test_a_book_is_signed(tmp_path: Path, environ: pytest.MonkeyPatch) -> None:
    source, output = tmp_path / "novel.txt", tmp_path / "novel.m4b"
    source.write_text("One bell rang here.")
    run("book", str(source), "-o", str(output))
    assert signature_of(output) == ("intact", SELF_MADE)
    assert (tmp_path / "data" / "c2pa.pem").is_file()
    certificate, key = write_certificate(tmp_path)
    environ.setenv("CHORUS_C2PA_CERT", str(certificate))
    environ.setenv("CHORUS_C2PA_KEY", str(key))
    run("book", str(source), "-o", str(output))
    assert signature_of(output) == ("intact", "Operator")
    environ.setenv("CHORUS_MARKS", "metadata")
    run("book", str(source), "-o", str(output))
    assert signature_of(output) is None


def test_doctor_tells_the_certificate_and_what_is_wrong_with_it(tmp_path: Path, environ: pytest.MonkeyPatch) -> None:
    assert "a self-made certificate, which the first start makes" in run("doctor")
    assert not (tmp_path / "data" / "c2pa.pem").exists()
    certificate, key = write_certificate(tmp_path, starts=datetime(2026, 1, 1, tzinfo=UTC), days=1)
    environ.setenv("CHORUS_C2PA_CERT", str(certificate))
    environ.setenv("CHORUS_C2PA_KEY", str(key))
    assert "ended on 2026-01-02; renew it" in run("doctor")
    write_certificate(tmp_path)
    assert f"files are signed with the certificate of CHORUS_C2PA_CERT ({certificate})" in run("doctor")
    key.write_bytes(b"no key")
    told = run("doctor", exit_code=1)
    assert "PROBLEM  CHORUS_C2PA_CERT and CHORUS_C2PA_KEY: the key is not in PEM" in told


@pytest.mark.slow
def test_a_server_with_a_key_that_does_not_fit_ends_and_says_why(tmp_path: Path) -> None:
    certificate, _ = write_certificate(tmp_path)
    (tmp_path / "other").mkdir()
    _, key = write_certificate(tmp_path / "other")
    done = chorus("serve", CHORUS_C2PA_CERT=str(certificate), CHORUS_C2PA_KEY=str(key), CHORUS_PORT="0")
    assert done.returncode == 1
    assert "the key does not fit the first certificate" in done.stderr
