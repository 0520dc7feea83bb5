"""Reference clips: an uploaded recording, decoded, within limits whatever the file claims.

Reads bytes in memory only: no name is opened and no address followed.
"""

import hashlib
import io

import av
import av.error
import msgspec
import numpy as np
from numpy.typing import NDArray

from app.audio.reference_check import check_reference
from app.errors import UnreadableAudio, UnusableReference

MAX_SECONDS = 600.0
MIN_RATE_HZ = 8_000
MAX_RATE_HZ = 48_000


class ReferenceClip(msgspec.Struct, frozen=True, kw_only=True):
    """A recording of the voice to clone.

    samples  [samples] float32 mono, in [-1, 1], at `sample_rate_hz`
    sha256   of the uploaded bytes
    """

    samples: NDArray[np.float32]
    sample_rate_hz: int
    sha256: str


def decode_reference(data: bytes, *, filename: str, max_seconds: float = MAX_SECONDS) -> ReferenceClip:
    """Decode and judge a recording in any format that FFmpeg reads.

    Raises UnreadableAudio for what is not audio, and UnusableReference for what is too long, too short, silent or
    clipped. Decoding stops at `max_seconds`, so a small file that unpacks to hours costs no more than that.
    """
    try:
        samples, rate_hz = _decode(data, filename, max_seconds)
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise UnreadableAudio(
            f"{filename}: not audio that can be decoded ({error}); send wav, mp3, flac, ogg, m4a or the like",
            param="reference_audio",
        ) from error
    check_reference(samples, rate_hz, filename)
    return ReferenceClip(samples=samples, sample_rate_hz=rate_hz, sha256=hashlib.sha256(data).hexdigest())


def _decode(data: bytes, filename: str, max_seconds: float) -> tuple[NDArray[np.float32], int]:
    with av.open(io.BytesIO(data), "r") as container:
        if not container.streams.audio:
            raise ValueError("it has no audio")
        stream = container.streams.audio[0]
        seconds = _claimed_seconds(container, stream)
        if seconds is not None and seconds > max_seconds:
            raise _too_long(filename, max_seconds, f"{seconds:.0f} seconds long")
        source_rate_hz = stream.codec_context.sample_rate
        if source_rate_hz < MIN_RATE_HZ:
            raise ValueError(f"its sample rate is {source_rate_hz} Hz; at least {MIN_RATE_HZ} is needed")
        rate_hz = min(source_rate_hz, MAX_RATE_HZ)
        resampler = av.AudioResampler(format="flt", layout="mono", rate=rate_hz)
        parts: list[NDArray[np.float32]] = []
        num_left = round(max_seconds * rate_hz)
        for frame in container.decode(stream):
            for mono in resampler.resample(frame):
                parts.append(mono.to_ndarray().reshape(-1))
                num_left -= len(parts[-1])
            if num_left < 0:
                raise _too_long(filename, max_seconds, "longer")
        parts += [mono.to_ndarray().reshape(-1) for mono in resampler.resample(None)]
    if not parts:
        raise ValueError("it holds no sound")
    return np.concatenate(parts), rate_hz


def _claimed_seconds(container: av.container.InputContainer, stream: av.AudioStream) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return None if container.duration is None else container.duration / 1_000_000


def _too_long(filename: str, max_seconds: float, how_long: str) -> UnusableReference:
    return UnusableReference(
        f"{filename}: the recording is {how_long} and the limit is {max_seconds:.0f} seconds; 6 to 30 are best",
        param="reference_audio",
    )
