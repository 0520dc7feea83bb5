"""Audio of an answer without the marks in its file, which name the request: two answers have the same samples."""

import io
import struct
from typing import Any

import av
import numpy as np

from app.audio.formats import AudioFormat


def sample_bytes(file: bytes) -> bytes:
    """Samples of a WAV, FLAC or Ogg file, frames of an MP3 file; the file itself in formats that have no marks."""
    if file.startswith(b"RIFF"):
        return riff_chunks(file)[b"data"]
    if file.startswith(b"ID3"):
        size = sum(byte << 7 * (3 - index) for index, byte in enumerate(file[6:10]))
        rest = file[10 + size :]
        return sample_bytes(rest) if rest.startswith(b"fLaC") else rest
    if not file.startswith((b"fLaC", b"OggS")):
        return file
    with av.open(io.BytesIO(file)) as container:
        return b"".join(frame.to_ndarray().tobytes() for frame in container.decode(audio=0))


def riff_chunks(file: bytes) -> dict[bytes, bytes]:
    """Chunks of a WAV file in their order. A chunk of unknown size ends with the file."""
    chunks: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(file):
        name, size = struct.unpack_from("<4sI", file, at)
        chunks[name] = file[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return chunks


def decoded(file: bytes, audio_format: AudioFormat | None = None) -> Any:
    """Samples of any audio file, as FFmpeg decodes them; raw samples need their format."""
    raw = {AudioFormat.ULAW: "mulaw", AudioFormat.ALAW: "alaw", AudioFormat.PCM: "s16le"}
    with av.open(io.BytesIO(file), format=None if audio_format is None else raw.get(audio_format)) as container:
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])
