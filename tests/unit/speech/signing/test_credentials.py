"""Certificate and key of C2PA: self-made once, or those of the settings, with a line for each fault."""

import errno
import logging
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("c2pa", reason="c2pa-python is not installed (make c2pa)")

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from app import setting_values
from app.errors import InvalidSetting
from app.setting_values import Marks
from app.settings import Settings
from app.speech.signing.credentials import MAX_PEM_BYTES, Credentials, load_credentials, load_or_make
from app.speech.signing.opening import open_signer
from tests.support.c2pa_certificates import write_certificate


def load(folder: Path, certificate: Path | str, key: Path | str) -> Credentials:
    settings = Settings(data=folder, c2pa_cert=str(certificate), c2pa_key=str(key))
    return load_credentials(settings, folder / "self-made.pem")


def test_a_self_made_certificate_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "c2pa.pem"
    first, second = load_or_make(path), load_or_make(path)
    assert first == second
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["c2pa.pem"]
    leaf, authority = x509.load_pem_x509_certificates(first.chain)
    leaf.verify_directly_issued_by(authority)
    assert first.source == str(path)


def test_two_servers_have_different_certificates(tmp_path: Path) -> None:
    assert load_or_make(tmp_path / "a.pem").key != load_or_make(tmp_path / "b.pem").key


@pytest.mark.parametrize("content", [b"", b"\0\xff", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_damaged_self_made_file_is_replaced_and_this_is_logged(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "c2pa.pem"
    path.write_bytes(content)
    load_or_make(path, keeps=False)
    assert path.read_bytes() == content
    made = load_or_make(path)
    assert load_or_make(path) == made
    assert "cannot be used" in caplog.text
    assert (tmp_path / "c2pa.pem.damaged").read_bytes() == content


def test_servers_that_start_at_once_on_one_folder_have_one_certificate(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: load_or_make(tmp_path / "c2pa.pem"), range(4)))
    assert len({each.key for each in made}) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["c2pa.pem"]


def test_a_certificate_is_kept_on_a_file_system_without_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    made = load_or_make(tmp_path / "c2pa.pem")
    assert made.source == str(tmp_path / "c2pa.pem")
    assert load_or_make(tmp_path / "c2pa.pem") == made
    assert [entry.name for entry in tmp_path.iterdir()] == ["c2pa.pem"]


def test_a_certificate_that_nothing_can_sign_with_ends_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setting_values, "_can_sign", lambda: False)
    with pytest.raises(InvalidSetting, match="make c2pa"):
        open_signer(Settings(data=tmp_path, marks=Marks("auto"), c2pa_cert="a.pem", c2pa_key="b.pem"))
    assert open_signer(Settings(data=tmp_path, marks=Marks("auto"))) is None
    assert open_signer(Settings(data=tmp_path, marks=Marks("off"), c2pa_cert="a.pem", c2pa_key="b.pem")) is None


@pytest.mark.parametrize("place", ["file/c2pa.pem", "missing/c2pa.pem", "folder"])
def test_a_place_that_cannot_be_used_gives_credentials_of_this_process_and_stays_as_it_is(
    tmp_path: Path, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"a file in the place of the folder")
    (tmp_path / "folder").mkdir()
    credentials = load_or_make(tmp_path / place)
    assert credentials.source == "this process"
    assert "this process signs with one of its own" in caplog.text
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize(
    ("make_key", "algorithm"),
    [
        (lambda: ec.generate_private_key(ec.SECP256R1()), "es256"),
        (lambda: ec.generate_private_key(ec.SECP384R1()), "es384"),
        (lambda: ec.generate_private_key(ec.SECP521R1()), "es512"),
        (lambda: rsa.generate_private_key(65537, 2048), "ps256"),
        (ed25519.Ed25519PrivateKey.generate, "ed25519"),
    ],
)
def test_keys_of_each_kind_that_c2pa_knows_are_read(
    tmp_path: Path, make_key: Callable[[], Any], algorithm: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    certificate, key = write_certificate(tmp_path, key=make_key())
    credentials = load(tmp_path, certificate, key)
    assert credentials.algorithm == algorithm
    assert credentials.source == f"CHORUS_C2PA_CERT ({certificate})"
    assert not (tmp_path / "self-made.pem").exists()
    assert caplog.text == ""


def test_a_certificate_without_its_key_or_a_key_alone_is_refused(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    with pytest.raises(InvalidSetting, match="CHORUS_C2PA_CERT is set and CHORUS_C2PA_KEY is not") as refused:
        load(tmp_path, certificate, "")
    assert refused.value.param == "CHORUS_C2PA_KEY"
    with pytest.raises(InvalidSetting, match="CHORUS_C2PA_KEY is set and CHORUS_C2PA_CERT is not"):
        load(tmp_path, "", key)


def _key_of_another(folder: Path) -> None:
    certificate = (folder / "certificate.pem").read_bytes()
    write_certificate(folder)
    (folder / "certificate.pem").write_bytes(certificate)


def _password(folder: Path) -> None:
    key = load_pem_private_key((folder / "key.pem").read_bytes(), None)
    sealed = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    (folder / "key.pem").write_bytes(sealed)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "certificate.pem").unlink(), "certificate.pem cannot be read: No such file"),
        (lambda folder: (folder / "key.pem").unlink(), "key.pem cannot be read: No such file"),
        (lambda folder: (folder / "certificate.pem").write_bytes(b"no PEM"), "the certificate is not in PEM"),
        (lambda folder: (folder / "key.pem").write_bytes(b"no PEM"), "the key is not in PEM without a password"),
        (lambda folder: (folder / "key.pem").write_bytes(bytes(MAX_PEM_BYTES + 1)), "more than 64 KiB"),
        (_password, "the key is not in PEM without a password"),
        (_key_of_another, "the key does not fit the first certificate"),
        (lambda folder: write_certificate(folder, key=ec.generate_private_key(ec.SECP256K1())), "P-256, P-384, P-521"),
    ],
)
def test_a_pair_that_cannot_be_used_is_refused_with_its_fault(
    tmp_path: Path, spoil: Callable[[Path], object], says: str
) -> None:
    certificate, key = write_certificate(tmp_path)
    spoil(tmp_path)
    with pytest.raises(InvalidSetting, match=says) as refused:
        load(tmp_path, certificate, key)
    assert "PRIVATE KEY" not in str(refused.value)
