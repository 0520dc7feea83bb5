"""Reference clips: an uploaded recording, decoded in a child process and, for cloning, checked."""

import hashlib
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.audio.reference_check import MAX_RATE_HZ, check_reference
from app.errors import UnreadableAudio
from app.isolation.child import Child, IsolationFailure

DECODE = "app.audio.recording:decode_in_child"
MAX_NAME_CHARS = 80


class ReferenceClip(msgspec.Struct, frozen=True, kw_only=True):
    """A recording of the voice to clone.

    samples  [samples] float32 mono, in [-1, 1], at `sample_rate_hz`
    is_cut   whether the recording was longer than what is used of it
    """

    samples: NDArray[np.float32]
    sample_rate_hz: int
    sha256: str
    is_cut: bool = False


def decode_reference(child: Child, file: BinaryIO, *, name: str, max_s: float) -> ReferenceClip:
    """A recording that a voice can be cloned from.

    Blocking. Raises UnreadableAudio when it is not audio, UnusableReference when no voice can be cloned from it.
    """
    clip = decode_clip(child, file, name=name, max_s=max_s)
    check_reference(clip.samples, clip.sample_rate_hz, _short(name))
    return clip


def decode_clip(child: Child, file: BinaryIO, *, name: str, max_s: float) -> ReferenceClip:
    """Any audio, or video with sound, whether or not a voice can be cloned from it. `name` is for messages only.

    Blocking. Raises UnreadableAudio when it is not audio, or when decoding it crashes, takes too long or needs too much
    memory. Only the first `max_s` seconds are decoded.
    """
    shown = _short(name)
    file.seek(0)
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()  # pyright: ignore[reportArgumentType] - it is buffered
    if file.tell() == 0:
        raise UnreadableAudio(f"{shown} is empty", param="reference_audio")
    try:
        max_bytes = round(max_s * MAX_RATE_HZ) * np.dtype(np.float32).itemsize
        (rate_hz, is_cut), data = child.call(
            DECODE, file, tuple[int, bool], max_bytes=max_bytes, name=shown, max_s=max_s
        )
    except IsolationFailure as failure:
        raise UnreadableAudio(
            f"{shown} {failure.says}; convert it to WAV or FLAC and send that", param="reference_audio"
        ) from failure
    samples = np.frombuffer(data, np.float32)
    return ReferenceClip(samples=samples, sample_rate_hz=rate_hz, sha256=sha256, is_cut=is_cut)


def _short(name: str) -> str:
    return (name or "the recording")[-MAX_NAME_CHARS:]
