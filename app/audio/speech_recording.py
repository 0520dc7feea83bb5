"""Recordings to transcribe: any audio, decoded in a child process to 16 kHz mono of 16 bits."""

import io
from contextlib import closing
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from app.audio.channels import Downmix
from app.audio.pcm import float_to_int16
from app.audio.recording import check_finite, mono_pieces
from app.errors import RecordingTooLong, UnreadableAudio
from app.isolation.child import Child, IsolationFailure

RATE_HZ = 16_000
"""The rate that speech recognisers read."""
BYTES_PER_S = 2 * RATE_HZ
BLOCK_SAMPLES = 4 * RATE_HZ
"""Samples that are converted together: a frame of MP3 has a few hundred."""
DECODE = "app.audio.speech_recording:decode_in_child"
MAX_NAME_CHARS = 80


def decode_speech(child: Child, file: BinaryIO, *, name: str, max_s: float) -> NDArray[np.int16]:
    """[samples] at RATE_HZ of any audio, or video with sound. `name` is for messages only.

    Blocking. Raises UnreadableAudio when it is not audio, or when decoding it crashes, takes too long or needs too much
    memory; RecordingTooLong when it is longer than `max_s` seconds, of which no more are decoded.
    """
    shown = (name or "the recording")[-MAX_NAME_CHARS:]
    if file.seek(0, io.SEEK_END) == 0:
        raise UnreadableAudio(f"{shown} is empty", param="file")
    try:
        _, data = child.call(DECODE, file, type(None), max_bytes=round(max_s * BYTES_PER_S), name=shown, max_s=max_s)
    except IsolationFailure as failure:
        raise UnreadableAudio(
            f"{shown} {failure.says}; convert it to WAV or FLAC and send that", param="file"
        ) from failure
    return np.frombuffer(data, np.int16)


def decode_in_child(file: BinaryIO, *, name: str, max_s: float) -> tuple[None, bytes | memoryview]:
    """`read_speech` as app/isolation calls it. The file is read into memory first, as in app/audio/recording.py."""
    return None, memoryview(read_speech(io.BytesIO(file.read()), name=name, max_s=max_s))


def read_speech(file: BinaryIO, *, name: str, max_s: float) -> bytearray:
    """The recording at RATE_HZ as 16-bit integers in the machine's byte order.

    Raises UnreadableAudio and RecordingTooLong. An hour takes 115 MB; the samples are held once.
    """
    downmix = Downmix()
    samples = _collect(file, name, max_s, downmix)
    if better := downmix.better_channels():
        del samples  # the memory of this process is limited
        samples = _collect(file, name, max_s, Downmix(better))
    return samples


def _collect(file: BinaryIO, name: str, max_s: float, downmix: Downmix) -> bytearray:
    samples = bytearray()
    waiting: list[NDArray[np.float32]] = []
    num_waiting = 0

    def convert() -> None:
        joined = np.concatenate(waiting)
        waiting.clear()
        check_finite(joined, name)
        samples.extend(float_to_int16(joined).data.cast("B"))
        if len(samples) > max_s * BYTES_PER_S:
            raise RecordingTooLong(
                f"{name} is longer than {max_s:g} s (CHORUS_MAX_RECORDING_S); send it in parts", param="file"
            )

    with closing(mono_pieces(file, name, downmix, RATE_HZ)) as pieces:
        for _, piece in pieces:
            waiting.append(piece)
            num_waiting += len(piece)
            if num_waiting >= BLOCK_SAMPLES:
                convert()
                num_waiting = 0
    if waiting:
        convert()
    return samples
