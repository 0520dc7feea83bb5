"""A saved voice as one file, to be carried from one server to another.

A ZIP archive of what the voice's folder holds, stored and not compressed: any tool opens it, nothing in it can unfold
into more than was sent, and there is nothing in it that runs (no pickle). What comes back is bytes in memory: the names
in the archive are compared, and never used as paths.

Knows the form of the file. Whether its voice may be taken in is for others to say.
"""

import io
import re
import struct
import zipfile
from typing import BinaryIO
from urllib.parse import quote

import msgspec

from app.errors import UnusableVoiceFile, UploadTooLarge
from app.isolation.child import Child, IsolationFailure
from app.voices.store import CONDITIONING, MANIFEST, SavedVoice

SUFFIX = ".chorus-voice"
UNPACK = "app.voices.voice_file:unpack_in_child"
MAX_BYTES = 4 * 1024 * 1024
"""Of a whole file. A voice of XTTS takes 130 KB."""

_OLDEST = (1980, 1, 1, 0, 0, 0)  # the first moment that ZIP knows: the same voice gives the same bytes on any day
_UNREADABLE = (zipfile.BadZipFile, struct.error, EOFError, NotImplementedError, OSError, RuntimeError, ValueError)
"""What zipfile raises for what is damaged, encrypted, or of a later version of the format."""


def pack_voice_file(voice: SavedVoice, conditioning: bytes) -> bytes:
    """The same bytes for the same voice, wherever it has been: when a server took it in is that server's own matter."""
    manifest = msgspec.json.format(msgspec.json.encode(msgspec.structs.replace(voice, imported_at=None)))
    return _pack(manifest, conditioning)


def read_voice_file(child: Child, file: BinaryIO) -> tuple[SavedVoice, bytes]:
    """`unpack_voice_file` in a child process. Blocking. Raises UploadTooLarge or UnusableVoiceFile."""
    try:
        voice, conditioning = child.call(UNPACK, file, SavedVoice, max_bytes=MAX_BYTES)
    except IsolationFailure as failure:
        raise unusable(f"it {failure.says}") from failure
    return voice, bytes(conditioning)


def unpack_voice_file(data: bytes) -> tuple[SavedVoice, bytes]:
    """The manifest, whose bounds hold, and the conditioning, which nobody has looked at yet.

    Raises UploadTooLarge, or UnusableVoiceFile with the reason.
    """
    if len(data) > MAX_BYTES:
        raise UploadTooLarge(f"the voice file has more than {MAX_BYTES} bytes, which is the limit", param="voice")
    try:
        manifest, conditioning = _unpack(data)
    except _UNREADABLE as error:
        raise unusable(f"it is not a whole ZIP archive ({error})") from error
    try:
        return msgspec.json.decode(manifest, type=SavedVoice), conditioning
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise unusable(f"its {MANIFEST} does not fit: {error}") from error


def unpack_in_child(file: BinaryIO) -> tuple[SavedVoice, bytes]:
    """`unpack_voice_file` as app/isolation calls it."""
    return unpack_voice_file(file.read(MAX_BYTES + 1))


def unusable(reason: str) -> UnusableVoiceFile:
    return UnusableVoiceFile(
        f"this is no voice file that can be taken in: {reason}; send what GET /voices/{{voice_id}}/export gave",
        param="voice",
    )


def disposition(voice: SavedVoice) -> str:
    """`Content-Disposition` after RFC 6266: the voice's name as the file's, in ASCII and as it is."""
    name = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]', "_", voice.name).strip(" .") or voice.id
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "_", name)
    return f"attachment; filename=\"{plain}{SUFFIX}\"; filename*=UTF-8''{quote(name, safe='')}{SUFFIX}"


def _pack(manifest: bytes, conditioning: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in ((MANIFEST, manifest), (CONDITIONING, conditioning)):
            archive.writestr(zipfile.ZipInfo(name, _OLDEST), content)
    return file.getvalue()


_OVERHEAD = len(_pack(b"", b""))


def _unpack(data: bytes) -> tuple[bytes, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        if [entry.filename for entry in entries] != [MANIFEST, CONDITIONING]:
            raise ValueError(f"it must hold {MANIFEST} and {CONDITIONING}, in this order and nothing else")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("its files must be stored, not compressed")
        # Comments, extra fields, something before the archive or between its parts: each is bytes that nobody reads.
        if len(data) != _OVERHEAD + sum(entry.file_size for entry in entries):
            raise ValueError("it holds more than a voice")
        manifest, conditioning = (archive.read(entry) for entry in entries)
        return manifest, conditioning
