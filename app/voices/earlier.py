"""Reads voices of earlier versions: a folder with two files, or a ZIP archive of them.

    manifest.json               SavedVoice
    conditioning.safetensors    tensors of the engine

Names in an archive are compared, and never used as paths.
"""

import io
import struct
import zipfile
from pathlib import Path

import msgspec

from app.voices.manifest import SavedVoice

MANIFEST, CONDITIONING = "manifest.json", "conditioning.safetensors"

_UNREADABLE = (zipfile.BadZipFile, struct.error, EOFError, NotImplementedError, OSError, RuntimeError, ValueError)
"""Exceptions of zipfile for archives that are damaged, encrypted, or of a later version."""


def read_folder_manifest(folder: Path) -> SavedVoice:
    """Raises OSError, and ValueError where the manifest does not fit."""
    return _decode((folder / MANIFEST).read_bytes())


def read_folder_conditioning(folder: Path) -> bytes:
    """Raises OSError."""
    return (folder / CONDITIONING).read_bytes()


def is_archive(data: bytes) -> bool:
    """(A safetensors file would begin so with a header of 67,324,752 bytes or more.)"""
    return data.startswith(b"PK")


def unpack_archive(data: bytes) -> tuple[SavedVoice, bytes]:
    """The checked manifest, and the conditioning, unchecked. Raises ValueError."""
    try:
        manifest, conditioning = _unpack(data)
    except _UNREADABLE as error:
        raise ValueError(f"it is not a whole ZIP archive ({error})") from error
    return _decode(manifest), conditioning


def _decode(manifest: bytes) -> SavedVoice:
    try:
        return msgspec.json.decode(manifest, type=SavedVoice)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"its {MANIFEST} does not fit: {error}") from error


def _unpack(data: bytes) -> tuple[bytes, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        if [entry.filename for entry in entries] != [MANIFEST, CONDITIONING]:
            raise ValueError(f"it must hold {MANIFEST} and {CONDITIONING}, in this order and nothing else")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("its files must be stored, not compressed")
        if sum(entry.file_size for entry in entries) > len(data):
            raise ValueError("its files overlap")
        manifest, conditioning = (archive.read(entry) for entry in entries)
        return manifest, conditioning
