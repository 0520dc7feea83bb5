"""Raw PCM of any common form, converted as it arrives to what speech recognisers read: 16 kHz, mono, 16 bits."""

from typing import Annotated

import av
import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from app.audio.channels import Downmix
from app.audio.pcm import float_to_int16
from app.audio.pyav import ONE_THREAD
from app.audio.recording import MAX_CHANNELS
from app.audio.speech_recording import RATE_HZ

MIN_RATE_HZ, MAX_RATE_HZ = 4_000, 384_000
RateHz = Annotated[int, Meta(ge=MIN_RATE_HZ, le=MAX_RATE_HZ)]


class PcmForm(msgspec.Struct, frozen=True):
    """Interleaved, little-endian; one byte a sample is unsigned, more are signed."""

    rate_hz: int
    width: int
    """bytes a sample: 1 to 4"""
    channels: int
    """1 to MAX_CHANNELS; their average is taken"""


class PcmStream:
    """The samples of a recording that arrives in pieces of bytes, which may end anywhere in a sample.

    Blocking: a megabyte takes some milliseconds. For one thread at a time.
    """

    def __init__(self, form: PcmForm) -> None:
        assert 1 <= form.width <= 4
        assert 1 <= form.channels <= MAX_CHANNELS
        self.form = form
        self._rest = b""
        self._downmix = Downmix()
        self._resampler = (
            None
            if form.rate_hz == RATE_HZ
            else av.AudioResampler(format="flt", layout="mono", rate=RATE_HZ, **ONE_THREAD)
        )

    def convert(self, data: bytes) -> NDArray[np.int16]:
        """[samples] at RATE_HZ. The last few milliseconds come with the next piece, or with `close`."""
        data = self._rest + data
        num_bytes = len(data) // (self.form.width * self.form.channels) * (self.form.width * self.form.channels)
        whole, self._rest = data[:num_bytes], data[num_bytes:]
        if not whole:
            return np.zeros(0, np.int16)
        if self._resampler is None and self.form.width == 2 and self.form.channels == 1:
            return np.frombuffer(whole, "<i2").astype(np.int16)
        mono = self._downmix(_to_float(whole, self.form.width).reshape(-1, self.form.channels))
        return float_to_int16(mono if self._resampler is None else self._resample(mono))

    def close(self) -> NDArray[np.int16]:
        """The last samples. Call it once; nothing is converted afterwards."""
        return np.zeros(0, np.int16) if self._resampler is None else float_to_int16(self._resample(None))

    def _resample(self, mono: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """None flushes."""
        assert self._resampler is not None
        frame = None
        if mono is not None:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(mono)[np.newaxis], format="flt", layout="mono")
            frame.sample_rate = self.form.rate_hz
        pieces = [np.asarray(piece.to_ndarray(), np.float32)[0] for piece in self._resampler.resample(frame)]
        return np.concatenate([np.zeros(0, np.float32), *pieces])


def _to_float(data: bytes, width: int) -> NDArray[np.float32]:
    """[samples] in [-1, 1)."""
    if width == 1:
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / np.float32(128)
    # To 32 bits: the sample's own bytes are the highest ones.
    padded = np.zeros((len(data) // width, 4), np.uint8)
    padded[:, 4 - width :] = np.frombuffer(data, np.uint8).reshape(-1, width)
    return padded.reshape(-1).view("<i4").astype(np.float32) / np.float32(2**31)
