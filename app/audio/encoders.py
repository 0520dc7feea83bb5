"""Encoders: samples in, bytes of a file out, while the samples are still coming.

The same samples and marks give the same bytes, in whatever pieces they come. Whole and streamed files differ in their
headers (wav, flac) or not at all. An encoder may move from thread to thread.
"""

import io
import struct
import threading
from fractions import Fraction
from typing import Literal, Protocol

import av
import msgspec
import numpy as np
from numpy.typing import NDArray

from app.audio.formats import AudioFormat
from app.audio.marks import id3_tags, vorbis_tags, wav_chunks
from app.audio.pcm import float_to_bytes, float_to_int16, require_finite
from app.audio.provenance import Provenance

UNKNOWN_SIZE = 0xFFFF_FFFF


class Encoder(Protocol):
    def encode(self, samples: NDArray[np.float32]) -> bytes:
        """The bytes that are ready now; often none. Raises ValueError for NaN, infinity, or after `close`."""
        ...

    def close(self) -> bytes:
        """The rest of the file; releases everything. May be called again, then without bytes."""
        ...


def open_encoder(
    audio_format: AudioFormat,
    sample_rate_hz: int,
    *,
    streaming: bool,
    bit_rate: int | None = None,
    provenance: Provenance | None = None,
) -> Encoder:
    """Mono. Without `streaming` all bytes come from `close`, and the header tells the length.

    bit_rate     bits a second of mp3, opus and aac; None: the usual one of the format
    provenance   is written into the file (app/audio/marks.py); pcm, aac, ulaw and alaw have no room for it
    """
    match audio_format:
        case AudioFormat.PCM:
            return _PcmEncoder(None, streaming=streaming)
        case AudioFormat.WAV:
            return _PcmEncoder(sample_rate_hz, streaming=streaming, chunks=wav_chunks(provenance))
        case _:
            codec = _CODECS[audio_format]
            if bit_rate is not None and codec.bit_rate is not None:
                codec = msgspec.structs.replace(codec, bit_rate=bit_rate)
            if audio_format is AudioFormat.MP3 and provenance is not None:
                codec = msgspec.structs.replace(codec, options=codec.options | {"id3v2_version": "3"})
            return _ContainerEncoder(codec, sample_rate_hz, streaming=streaming, provenance=provenance)


def wav_header(num_samples: int | None, sample_rate_hz: int, chunks: bytes = b"") -> bytes:
    """44 bytes, and `chunks`, before 16-bit mono samples.

    An unknown length is all ones, which players and FFmpeg read as a stream.
    """
    data_size = UNKNOWN_SIZE if num_samples is None else min(2 * num_samples, UNKNOWN_SIZE)
    riff_size = min(data_size + 36 + len(chunks), UNKNOWN_SIZE)
    pcm, num_channels, frame_bytes, bits = 1, 1, 2, 16
    head = struct.pack(
        "<4sI4s4sIHHIIHH",
        *(b"RIFF", riff_size, b"WAVE"),
        *(b"fmt ", 16, pcm, num_channels, sample_rate_hz, frame_bytes * sample_rate_hz, frame_bytes, bits),
    )
    return head + chunks + struct.pack("<4sI", b"data", data_size)


class _PcmEncoder:
    """16-bit samples; behind a wav header when there is a sample rate to write into it."""

    def __init__(self, wav_rate_hz: int | None, *, streaming: bool, chunks: bytes = b"") -> None:
        self._wav_rate_hz = wav_rate_hz
        self._chunks = chunks
        self._streaming = streaming
        self._ready = bytearray()
        self._is_closed = False
        if streaming and wav_rate_hz is not None:
            self._ready += wav_header(None, wav_rate_hz, chunks)

    def encode(self, samples: NDArray[np.float32]) -> bytes:
        if self._is_closed:
            raise ValueError("the encoder is closed")
        self._ready += float_to_bytes(samples)
        return self._take() if self._streaming else b""

    def close(self) -> bytes:
        if self._is_closed:
            return b""
        self._is_closed = True
        if self._wav_rate_hz is None or self._streaming:
            return self._take()
        return wav_header(len(self._ready) // 2, self._wav_rate_hz, self._chunks) + self._take()

    def _take(self) -> bytes:
        data = bytes(self._ready)
        self._ready.clear()
        return data


class _Codec(msgspec.Struct, frozen=True, kw_only=True):
    container: str
    encoder: Literal["libmp3lame", "libopus", "aac", "flac", "pcm_mulaw", "pcm_alaw"]
    sample_format: Literal["s16", "flt", "fltp"]
    bit_rate: int | None = None
    options: dict[str, str] = {}


_CODECS = {
    # A Xing frame's length field cannot be filled in a stream, and players then show a wrong duration.
    AudioFormat.MP3: _Codec(
        container="mp3",
        encoder="libmp3lame",
        sample_format="fltp",
        bit_rate=96_000,
        options={"write_xing": "0", "id3v2_version": "0", "metadata_header_padding": "0"},
    ),
    # Pages of 0.1 s (the default is 1 s) so that the first audio leaves early.
    AudioFormat.OPUS: _Codec(
        container="ogg",
        encoder="libopus",
        sample_format="flt",
        bit_rate=48_000,
        options={"page_duration": "100000"},
    ),
    AudioFormat.AAC: _Codec(container="adts", encoder="aac", sample_format="fltp", bit_rate=96_000),
    # Padding would put 8 KiB of zeros before the first sample.
    AudioFormat.FLAC: _Codec(
        container="flac", encoder="flac", sample_format="s16", options={"metadata_header_padding": "0"}
    ),
    # Containers without a header.
    AudioFormat.ULAW: _Codec(container="mulaw", encoder="pcm_mulaw", sample_format="s16"),
    AudioFormat.ALAW: _Codec(container="alaw", encoder="pcm_alaw", sample_format="s16"),
}


class _Pipe:
    """FFmpeg's output when streaming, without `seek`, so that it never goes back to a header that has left."""

    def __init__(self) -> None:
        self._ready = bytearray()

    def write(self, data: bytes) -> int:
        self._ready += data
        return len(data)

    def take(self) -> bytes:
        data = bytes(self._ready)
        self._ready.clear()
        return data


class _ContainerEncoder:
    """A codec and its container, by FFmpeg. PyAV cuts the samples into frames of the codec's own size."""

    def __init__(self, codec: _Codec, sample_rate_hz: int, *, streaming: bool, provenance: Provenance | None) -> None:
        self._codec = codec
        self._time_base = Fraction(1, sample_rate_hz)
        self._num_samples = 0
        self._is_closed = False
        self._file = _Pipe() if streaming else io.BytesIO()
        # A cancelled request closes its encoder while a worker thread may be inside `encode`; FFmpeg would then free
        # memory that it is writing to.
        self._lock = threading.Lock()
        self._container = av.open(
            self._file,
            "w",
            format=codec.container,
            # Otherwise Ogg draws a random serial number, and tags name the version of FFmpeg.
            container_options={**codec.options, "fflags": "+bitexact"},
        )
        self._stream = self._container.add_stream(  # pyright: ignore[reportUnknownMemberType] - untyped **kwargs
            codec.encoder,
            rate=sample_rate_hz,
            layout="mono",
            format=codec.sample_format,
        )
        tags = id3_tags(provenance) if codec.container == "mp3" else vorbis_tags(provenance)
        self._container.metadata.update(tags)
        if codec.bit_rate is not None:
            self._stream.codec_context.bit_rate = codec.bit_rate
        self._container.start_encoding()

    def encode(self, samples: NDArray[np.float32]) -> bytes:
        require_finite(samples)
        with self._lock:
            if self._is_closed:
                raise ValueError("the encoder is closed")
            if samples.size:
                self._write(self._frame(samples))
            return self._file.take() if isinstance(self._file, _Pipe) else b""

    def close(self) -> bytes:
        with self._lock:
            if self._is_closed:
                return b""
            self._is_closed = True
            try:
                self._write(None)
            finally:
                self._container.close()
            return self._file.take() if isinstance(self._file, _Pipe) else self._file.getvalue()

    def _write(self, frame: av.AudioFrame | None) -> None:
        """None flushes the codec."""
        self._container.mux(self._stream.encode(frame))  # pyright: ignore[reportUnknownMemberType] - generic Packet

    def _frame(self, samples: NDArray[np.float32]) -> av.AudioFrame:
        plane = float_to_int16(samples) if self._codec.sample_format == "s16" else samples.clip(-1, 1)
        frame = av.AudioFrame.from_ndarray(plane.reshape(1, -1), format=self._codec.sample_format, layout="mono")
        frame.sample_rate = self._time_base.denominator
        frame.time_base = self._time_base
        frame.pts = self._num_samples
        self._num_samples += len(samples)
        return frame
