"""The form of a saved voice: one safetensors file with the manifest in its header.

    8 bytes   length of the header, little-endian
    header    JSON: {"__metadata__": {"chorus.voice": manifest, ...}, name: {dtype, shape, data_offsets}, ...}
    data      tensors of the engine; the metadata also holds the level of the voice

Reads and writes the header only: an engine that cannot clone can list voices too. `Engine.unpack_voice` checks the
tensors. Nothing in the format is executed or unpacked.
"""

import hashlib
import re
from typing import BinaryIO
from urllib.parse import quote

import msgspec

from app.errors import UnusableVoiceFile, UploadTooLarge
from app.isolation.child import Child, IsolationFailure
from app.voices.earlier import is_archive, unpack_archive
from app.voices.manifest import SavedVoice

SUFFIX = ".safetensors"
MANIFEST_KEY = "chorus.voice"
METADATA = "__metadata__"
READ = "app.voices.voice_file:read_in_child"
MAX_BYTES = 4 * 1024 * 1024
"""A voice of XTTS takes 130 KB."""

_LENGTH_BYTES = 8
_ALIGNMENT = 8
"""Data must begin at a multiple of this."""

_Header = dict[str, msgspec.Raw]


def with_manifest(packed: bytes, voice: SavedVoice) -> bytes:
    """The voice file of `voice`. `packed` is a safetensors file, with another manifest or none.

    Raises ValueError when `packed` is no safetensors file. Equal arguments give equal bytes.
    """
    end = _LENGTH_BYTES + _header_length(packed)
    header = _decode_header(packed[_LENGTH_BYTES:end])
    metadata = _metadata(header) | {MANIFEST_KEY: msgspec.json.encode(voice).decode()}
    tensors = {name: value for name, value in header.items() if name != METADATA}
    encoded = msgspec.json.encode({METADATA: metadata, **tensors})
    encoded += b" " * (-len(encoded) % _ALIGNMENT)
    return len(encoded).to_bytes(_LENGTH_BYTES, "little") + encoded + packed[end:]


def content_digest(packed: bytes) -> str:
    """32 hexadecimal digits of the tensors of a safetensors file, whatever its manifest is. Raises ValueError."""
    end = _LENGTH_BYTES + _header_length(packed)
    header = _decode_header(packed[_LENGTH_BYTES:end])
    tensors = {name: value for name, value in header.items() if name != METADATA}
    digest = hashlib.sha256(msgspec.json.encode(tensors, order="sorted"))
    digest.update(packed[end:])
    return digest.hexdigest()[:32]


def read_manifest(file: BinaryIO) -> SavedVoice:
    """The checked manifest of a voice file. Raises ValueError, and OSError where `file` cannot be read."""
    length = _header_length(file.read(_LENGTH_BYTES))
    metadata = _metadata(_decode_header(file.read(length)))
    if MANIFEST_KEY not in metadata:
        raise ValueError(f"its metadata has no {MANIFEST_KEY!r}")
    try:
        return msgspec.json.decode(metadata[MANIFEST_KEY], type=SavedVoice)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
        raise ValueError(f"its manifest does not fit: {error}") from error


def read_sent_file(child: Child, file: BinaryIO) -> tuple[SavedVoice, bytes]:
    """`read_in_child`, called in a child process. Blocking. Raises UploadTooLarge or UnusableVoiceFile."""
    try:
        voice, packed = child.call(READ, file, SavedVoice, max_bytes=MAX_BYTES)
    except IsolationFailure as failure:
        raise unusable(f"it {failure.says}") from failure
    return voice, bytes(packed)


def read_in_child(file: BinaryIO) -> tuple[SavedVoice, bytes]:
    """The manifest and the safetensors file of a voice that a client sent, in any version's form.

    Raises UploadTooLarge or UnusableVoiceFile. The tensors are not checked.
    """
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise UploadTooLarge(f"the voice file has more than {MAX_BYTES} bytes, which is the limit", param="voice")
    try:
        if is_archive(data):
            return unpack_archive(data)
        file.seek(0)
        return read_manifest(file), data
    except ValueError as error:
        raise unusable(str(error)) from error


def unusable(reason: str) -> UnusableVoiceFile:
    return UnusableVoiceFile(
        f"this voice file cannot be imported: {reason}; send what GET /voices/{{voice_id}}/export gave",
        param="voice",
    )


def disposition(voice: SavedVoice) -> str:
    """`Content-Disposition` after RFC 6266: the voice's name in ASCII and in UTF-8."""
    name = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]', "_", voice.name).strip(" .") or voice.id
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "_", name)
    return f"attachment; filename=\"{plain}{SUFFIX}\"; filename*=UTF-8''{quote(name, safe='')}{SUFFIX}"


def _header_length(data: bytes) -> int:
    length = int.from_bytes(data[:_LENGTH_BYTES], "little")
    if len(data) < _LENGTH_BYTES or length > MAX_BYTES:
        raise ValueError("it is not a safetensors file")
    return length


def _decode_header(data: bytes) -> _Header:
    try:
        return msgspec.json.decode(data, type=_Header)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("it is not a safetensors file: its header cannot be read") from error


def _metadata(header: _Header) -> dict[str, str]:
    try:
        return msgspec.json.decode(header.get(METADATA, b"{}"), type=dict[str, str])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("it is not a safetensors file: its metadata cannot be read") from error
