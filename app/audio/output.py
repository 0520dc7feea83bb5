"""Encoders of answers: the engine's samples in, bytes of a file of any format and sample rate out."""

import threading

import numpy as np
from numpy.typing import NDArray

from app.audio.encoders import Encoder, open_encoder
from app.audio.formats import OutputFormat
from app.audio.pcm import require_finite
from app.audio.provenance import Provenance
from app.audio.resampling import Resampler


def open_output_encoder(
    output: OutputFormat, engine_rate_hz: int, *, streaming: bool, provenance: Provenance | None = None
) -> Encoder:
    """An encoder of samples at `engine_rate_hz`; the other properties are those of `open_encoder`."""
    rate_hz = output.rate_hz(engine_rate_hz)
    encoder = open_encoder(output.format, rate_hz, streaming=streaming, bit_rate=output.bit_rate, provenance=provenance)
    return encoder if rate_hz == engine_rate_hz else _ResamplingEncoder(encoder, Resampler(engine_rate_hz, rate_hz))


def encode_whole(
    samples: NDArray[np.float32], output: OutputFormat, engine_rate_hz: int, provenance: Provenance | None = None
) -> bytes:
    """The file of all `samples`, [samples] at `engine_rate_hz`. Blocking."""
    encoder = open_output_encoder(output, engine_rate_hz, streaming=False, provenance=provenance)
    try:
        return encoder.encode(samples) + encoder.close()
    finally:
        encoder.close()


class _ResamplingEncoder:
    def __init__(self, encoder: Encoder, resampler: Resampler) -> None:
        self._encoder = encoder
        self._resampler = resampler
        self._is_closed = False
        # A cancelled request closes its encoder while a worker thread may be inside `encode`.
        self._lock = threading.Lock()

    def encode(self, samples: NDArray[np.float32]) -> bytes:
        require_finite(samples)
        with self._lock:
            if self._is_closed:
                raise ValueError("the encoder is closed")
            return self._encoder.encode(self._resampler.convert(samples))

    def close(self) -> bytes:
        with self._lock:
            if self._is_closed:
                return b""
            self._is_closed = True
            try:
                return self._encoder.encode(self._resampler.finish()) + self._encoder.close()
            finally:
                self._encoder.close()
