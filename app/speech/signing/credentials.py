"""Certificate and key that sign files: those of the settings, or self-made ones on the data volume."""

import contextlib
import logging
import os
import secrets
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from app.errors import InvalidSetting
from app.settings import Settings
from app.speech.signing.self_made import make_credentials
from app.voices.files import write_atomically

logger = logging.getLogger(__name__)

CERT, KEY = "CHORUS_C2PA_CERT", "CHORUS_C2PA_KEY"
MAX_PEM_BYTES = 64 * 1024
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    chain: bytes
    """certificates in PEM, that of the key first"""
    key: bytes
    """PEM (PKCS 8)"""
    algorithm: str
    """C2PA's name, such as `es256`"""
    not_before: datetime
    not_after: datetime
    source: str
    """for messages: the setting with its file, or the file of self-made ones"""


def load_credentials(settings: Settings, self_made: Path, *, keeps: bool = True) -> Credentials:
    """Credentials of the settings, else those of the file `self_made`, as `load_or_make` gives them. Blocking.

    Raises InvalidSetting for a certificate or a key of the settings that cannot be used.
    """
    if not settings.c2pa_cert and not settings.c2pa_key:
        return load_or_make(self_made, keeps=keeps)
    for name, other, value in ((CERT, KEY, settings.c2pa_cert), (KEY, CERT, settings.c2pa_key)):
        if not value:
            raise InvalidSetting(f"{other} is set and {name} is not: they go together", param=name)
    chain, key = _read(CERT, settings.c2pa_cert), _read(KEY, settings.c2pa_key)
    try:
        return parse_credentials(chain, key, f"{CERT} ({settings.c2pa_cert})")
    except ValueError as error:
        raise InvalidSetting(f"{CERT} and {KEY}: {error}", param=CERT) from error


def load_or_make(path: Path, *, keeps: bool = True) -> Credentials:
    """Self-made credentials of the file `path`; made where there are none, or where the file is damaged. Blocking.

    keeps   False: nothing is written, and this process gets credentials of its own where there are none

    Where the file cannot be read or written, this process gets credentials of its own, and the reason is logged.
    """
    try:
        pem = path.read_bytes()
        return parse_credentials(pem, pem, str(path))
    except FileNotFoundError:
        pass
    except ValueError as error:
        logger.warning("the certificate in %s cannot be used (%s); another one is made", path, error)
        if keeps:
            with contextlib.suppress(OSError):  # told by what is written next
                path.rename(path.with_name(f"{path.name}.damaged"))
    except OSError as error:
        return _make_for_this_process(path, error)
    pem = make_credentials()
    if not keeps:
        return parse_credentials(pem, pem, "this process")
    try:
        if _is_first(path, pem):
            logger.info("made a certificate for C2PA in %s; validators call it untrusted", path)
        else:  # another server that starts on the same folder
            pem = path.read_bytes()
    except OSError as error:
        return _make_for_this_process(path, error)
    return parse_credentials(pem, pem, str(path))


def _is_first(path: Path, pem: bytes) -> bool:
    """Write the file with mode 0600, whole, unless it is there. Raises OSError."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    write_atomically(new, pem)
    try:
        os.link(new, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links: of servers that start at once, the file of the last one stays
        if path.exists():
            return False
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    return True


def parse_credentials(chain: bytes, key: bytes, source: str) -> Credentials:
    """Raises ValueError that says what does not fit."""
    if max(len(chain), len(key)) > MAX_PEM_BYTES:
        raise ValueError(f"a file has more than {MAX_PEM_BYTES // 1024} KiB")
    try:
        certificates = x509.load_pem_x509_certificates(chain)
    except ValueError as error:
        raise ValueError("the certificate is not in PEM") from error
    try:
        private = load_pem_private_key(key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError("the key is not in PEM without a password") from error
    leaf = certificates[0]
    der = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if leaf.public_key().public_bytes(*der) != private.public_key().public_bytes(*der):
        raise ValueError("the key does not fit the first certificate")
    return Credentials(
        chain=b"".join(each.public_bytes(Encoding.PEM) for each in certificates),
        key=private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        algorithm=_algorithm(private),
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        source=source,
    )


def _make_for_this_process(path: Path, error: OSError) -> Credentials:
    logger.warning(
        "the certificate for C2PA cannot be kept in %s (%s): this process signs with one of its own",
        path,
        error.strerror or error,
    )
    pem = make_credentials()
    return parse_credentials(pem, pem, "this process")


def _read(setting: str, path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_PEM_BYTES + 1)
    except OSError as error:
        raise InvalidSetting(f"{setting}: {path} cannot be read: {error.strerror or error}", param=setting) from error


def _algorithm(key: object) -> str:
    match key:
        case ec.EllipticCurvePrivateKey() if key.curve.name in _CURVES:
            return _CURVES[key.curve.name]
        case rsa.RSAPrivateKey():
            return "ps256"
        case ed25519.Ed25519PrivateKey():
            return "ed25519"
        case _:
            raise ValueError("C2PA signs with keys of P-256, P-384, P-521, RSA and Ed25519 only")
