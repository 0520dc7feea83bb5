"""Samples to bytes of a format, as they come.

Bytes depend on the samples alone: not on how they were cut into chunks, not on the time of day. WAV and PCM are
written here; the rest is FFmpeg's, through PyAV.
"""

import io
import struct
from typing import Any, Protocol, cast

import av
import av.audio.fifo
import numpy as np
from av.audio import AudioStream
from numpy.typing import NDArray

from app.audio.formats import AudioFormat
from app.audio.pcm import to_int16

UNKNOWN_LENGTH = 0xFFFFFFFF


class Encoder(Protocol):
    """Called by one thread at a time. Who opens it closes it, also when the audio is not wanted any more."""

    def encode(self, samples: NDArray[np.float32]) -> bytes:
        """The bytes that are ready; b"" when a frame is not full yet."""
        ...

    def close(self) -> bytes:
        """What is left; b"" the second time."""
        ...


def open_encoder(audio_format: AudioFormat, sample_rate_hz: int, *, streaming: bool) -> Encoder:
    """`streaming` headers do not state a length. The others need all the samples first: see `encode_whole`."""
    match audio_format:
        case AudioFormat.PCM:
            return _PcmEncoder(b"")
        case AudioFormat.WAV:
            return _PcmEncoder(wav_header(None, sample_rate_hz))
        case _:
            return _FFmpegEncoder(audio_format, sample_rate_hz, seekable=not streaming)


def encode_whole(samples: NDArray[np.float32], audio_format: AudioFormat, sample_rate_hz: int) -> bytes:
    """All of it, with a header that states the length where the format has one."""
    if audio_format is AudioFormat.WAV:
        return wav_header(len(samples), sample_rate_hz) + to_int16(samples).tobytes()
    encoder = open_encoder(audio_format, sample_rate_hz, streaming=False)
    try:
        return encoder.encode(samples) + encoder.close()
    finally:
        encoder.close()


def wav_header(num_samples: int | None, sample_rate_hz: int) -> bytes:
    """44 bytes for 16-bit mono. None: the length is not known yet, which players read as "until the end"."""
    num_bytes = UNKNOWN_LENGTH if num_samples is None else min(num_samples * 2, UNKNOWN_LENGTH)
    riff_bytes = min(num_bytes + 36, UNKNOWN_LENGTH)
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", riff_bytes, b"WAVE", b"fmt ", 16, 1, 1),
        *(sample_rate_hz, sample_rate_hz * 2, 2, 16, b"data", num_bytes),
    )


class _PcmEncoder:
    def __init__(self, header: bytes) -> None:
        self._header = header

    def encode(self, samples: NDArray[np.float32]) -> bytes:
        header, self._header = self._header, b""
        return header + to_int16(samples).tobytes()

    def close(self) -> bytes:
        header, self._header = self._header, b""
        return header


# format -> (container, codec, bit rate, container options). Bit-exact muxing leaves out times and random serials.
_CODECS: dict[AudioFormat, tuple[str, str, int | None, dict[str, str]]] = {
    AudioFormat.MP3: ("mp3", "libmp3lame", 128_000, {"id3v2_version": "0"}),
    AudioFormat.OPUS: ("ogg", "libopus", 48_000, {"page_duration": "100000"}),
    AudioFormat.AAC: ("adts", "aac", 96_000, {}),
    AudioFormat.FLAC: ("flac", "flac", None, {}),
}


class _Pipe(io.RawIOBase):
    """What FFmpeg writes to when nothing may be written twice: it sees that there is no way back."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:  # Any: FFmpeg hands over a buffer of its own
        self._written += data
        return len(data)

    def take(self) -> bytes:
        taken, self._written = bytes(self._written), bytearray()
        return taken


class _FFmpegEncoder:
    def __init__(self, audio_format: AudioFormat, sample_rate_hz: int, *, seekable: bool) -> None:
        container, codec, bit_rate, options = _CODECS[audio_format]
        self._file: io.BytesIO | _Pipe = io.BytesIO() if seekable else _Pipe()
        if audio_format is AudioFormat.MP3 and not seekable:
            options = options | {"write_xing": "0"}  # it would promise a length of nothing
        self._sample_rate_hz = sample_rate_hz
        self._num_samples = 0
        self._is_open = True
        options = options | {"fflags": "+bitexact", "flush_packets": "1"}
        self._container = av.open(self._file, "w", format=container, options=options)
        self._stream = cast("AudioStream", self._container.add_stream(codec, rate=sample_rate_hz, layout="mono"))
        self._stream.codec_context.flags |= av.codec.context.Flags.bitexact
        if bit_rate is not None:
            self._stream.bit_rate = bit_rate

    def encode(self, samples: NDArray[np.float32]) -> bytes:
        if len(samples):
            frame = av.AudioFrame.from_ndarray(to_int16(samples)[np.newaxis, :], format="s16", layout="mono")
            frame.sample_rate = self._sample_rate_hz
            frame.pts = self._num_samples
            self._num_samples += len(samples)
            # The codec context takes what it needs: PyAV converts and cuts frames to the encoder's own size.
            self._container.mux(self._stream.encode(frame))
        return self._take()

    def close(self) -> bytes:
        if not self._is_open:
            return b""
        self._is_open = False
        # The last Ogg page is written while closing, so the bytes are taken after it.
        if self._num_samples:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._file.take() if isinstance(self._file, _Pipe) else self._file.getvalue()

    def _take(self) -> bytes:
        return self._file.take() if isinstance(self._file, _Pipe) else b""
