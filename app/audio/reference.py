"""Reference clips: an uploaded recording, decoded and, for cloning, judged fit for it.

The bytes come from strangers. They are decoded from memory, and a file inside them that names other files or
addresses (a playlist) is not followed. Knows nothing of uploads and engines.
"""

import hashlib
import io
from collections.abc import Iterator
from typing import Any

import av
import av.error
import msgspec
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from app.audio.reference_check import check_reference
from app.errors import UnreadableAudio

MAX_RATE_HZ = 48_000
"""Clips above this rate are resampled to it: speech has nothing up there that a voice model hears."""
MAX_BROKEN_SHARE = 0.1
"""Share of packets that may fail to decode: a cut-off file breaks in its last one, noise breaks everywhere."""

# No protocol at all: with FFmpeg's default, an uploaded playlist could read the server's files and networks.
_OPEN_OPTIONS = {"protocol_whitelist": "none"}
# Before version 19, PyAV raises for tags that are not UTF-8 unless it is told to replace them; version 19 always
# replaces them and refuses the argument.
_TAG_OPTIONS: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}


class ReferenceClip(msgspec.Struct, frozen=True, kw_only=True):
    """A recording of the voice to clone.

    samples  [samples] float32 mono, in [-1, 1], at `sample_rate_hz`
    is_cut   whether the recording was longer than what is used of it
    """

    samples: NDArray[np.float32]
    sample_rate_hz: int
    sha256: str
    is_cut: bool = False


def decode_reference(data: bytes, *, filename: str | None = None, max_decode_s: float = 30.0) -> ReferenceClip:
    """A recording that a voice can be cloned from.

    Raises UnreadableAudio when it is not audio, UnusableReference when it is but no voice can be cloned from it.
    """
    clip = decode_recording(data, filename=filename, max_decode_s=max_decode_s)
    check_reference(clip.samples, clip.sample_rate_hz, _short(filename))
    return clip


def decode_recording(data: bytes, *, filename: str | None = None, max_decode_s: float = 30.0) -> ReferenceClip:
    """Any audio, or video with sound, that FFmpeg reads; channels are averaged. `filename` is for messages only.

    Raises UnreadableAudio when it is not audio. Whether a voice can be cloned from it is not asked. No more than the
    first `max_decode_s` are decoded. The length is counted while decoding: headers claim too much and too little.
    """
    name = _short(filename)
    if not data:
        raise UnreadableAudio(f"{name} is empty", param="reference_audio")
    try:
        with av.open(io.BytesIO(data), "r", options=_OPEN_OPTIONS, **_TAG_OPTIONS) as container:
            samples, sample_rate_hz, is_cut = _decode(container, name, max_decode_s)
    except av.error.FFmpegError as error:
        raise UnreadableAudio(
            f"{name} is not audio that can be decoded ({error.strerror}); send wav, flac, mp3, ogg or m4a",
            param="reference_audio",
        ) from error
    if not np.isfinite(samples).all():
        raise UnreadableAudio(
            f"{name} holds samples that are not numbers (NaN or infinity); export it again", param="reference_audio"
        )
    samples = samples.clip(-1, 1)  # lossy codecs overshoot
    return ReferenceClip(
        samples=samples, sample_rate_hz=sample_rate_hz, sha256=hashlib.sha256(data).hexdigest(), is_cut=is_cut
    )


def _short(filename: str | None) -> str:
    return (filename or "the recording")[-80:]


def _decode(container: InputContainer, name: str, max_s: float) -> tuple[NDArray[np.float32], int, bool]:
    """Mono samples, their rate, and whether there is more in the container."""
    pieces: list[NDArray[np.float32]] = []
    num_samples = 0
    rate_hz = 0
    resample = _Resample()
    for frame in _frames(container, name):
        if not rate_hz:
            rate_hz = min(frame.sample_rate, MAX_RATE_HZ)
        for piece in resample(frame, rate_hz):
            pieces.append(piece)
            num_samples += len(piece)
        if num_samples > max_s * rate_hz:
            return np.concatenate(pieces)[: round(max_s * rate_hz)], rate_hz, True
    pieces += resample.rest()
    if not any(map(len, pieces)):
        raise UnreadableAudio(f"{name} holds no audio: it may have been cut off", param="reference_audio")
    samples = np.concatenate(pieces)
    max_samples = round(max_s * rate_hz)
    return samples[:max_samples], rate_hz, len(samples) > max_samples


def _frames(container: InputContainer, name: str) -> Iterator[av.AudioFrame]:
    if not container.streams.audio:
        raise UnreadableAudio(f"{name} has no audio track", param="reference_audio")
    num_packets = num_broken = 0
    for packet in container.demux(container.streams.audio[0]):
        num_packets += 1
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            num_broken += 1
            continue
        for frame in frames:
            if frame.samples:
                yield frame
    if num_broken > max(1, MAX_BROKEN_SHARE * num_packets):
        raise UnreadableAudio(
            f"{name} is damaged: {num_broken} of its {num_packets} packets cannot be decoded", param="reference_audio"
        )


class _Resample:
    """Frames of any kind to mono pieces of one rate. The kind may change within a file (joined recordings)."""

    def __init__(self) -> None:
        self._resampler: av.AudioResampler | None = None
        self._kind: tuple[str, str, int] | None = None

    def __call__(self, frame: av.AudioFrame, rate_hz: int) -> list[NDArray[np.float32]]:
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        earlier: list[NDArray[np.float32]] = []
        if self._resampler is None or kind != self._kind:
            earlier = self.rest()
            self._kind = kind
            self._resampler = av.AudioResampler(format="fltp", layout=frame.layout, rate=rate_hz)
        frame.pts = None  # gaps and jumps in time stamps are not ours to mend
        return earlier + [_mono(resampled) for resampled in self._resampler.resample(frame)]

    def rest(self) -> list[NDArray[np.float32]]:
        """What the resampler still holds. Afterwards it takes no more frames."""
        if self._resampler is None:
            return []
        return [_mono(resampled) for resampled in self._resampler.resample(None)]


def _mono(frame: av.AudioFrame) -> NDArray[np.float32]:
    # An average cannot clip; FFmpeg's own mix to mono adds channels at -3 dB and can.
    return frame.to_ndarray().mean(axis=0, dtype=np.float32)
