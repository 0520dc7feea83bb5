"""Recordings of any common format, decoded with FFmpeg to one channel of float32.

The bytes come from strangers, so the server calls this in a child process (app/isolation). Playlists, which name other
files or addresses, are not followed.
"""

import io
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from typing import BinaryIO, Literal

import av
import av.error
import msgspec
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from app.audio.channels import Downmix
from app.audio.pyav import ONE_THREAD, TAG_OPTIONS
from app.audio.reference_check import MAX_RATE_HZ
from app.errors import UnreadableAudio

MAX_CHANNELS = 64
"""The limit of FFmpeg's conversion."""
MAX_BROKEN_SHARE = 0.1
"""Share of packets that may fail to decode: a cut-off file breaks in its last one, noise breaks everywhere."""
MAX_PARTS = 100
"""WAV or AIFF files in one file, one behind the other."""

_PARTS: dict[tuple[bytes, bytes], Literal["little", "big"]] = {
    (b"RIFF", b"WAVE"): "little",
    (b"FORM", b"AIFF"): "big",
    (b"FORM", b"AIFC"): "big",
}
# With FFmpeg's default protocols, an uploaded playlist could read the server's files and networks.
OPEN_OPTIONS = {"protocol_whitelist": "none"}


class DecodedRecording(msgspec.Struct, frozen=True, kw_only=True):
    """samples  [samples] float32 mono, finite, in [-1, 1], at `sample_rate_hz`
    is_cut   whether the recording was longer than what was asked for
    """

    samples: NDArray[np.float32]
    sample_rate_hz: int
    is_cut: bool


def decode_in_child(file: BinaryIO, *, name: str, max_s: float) -> tuple[tuple[int, bool], bytes]:
    """`decode_recording` as app/isolation calls it: (`sample_rate_hz`, `is_cut`), and the samples as bytes.

    The file is read into memory first. FFmpeg seeks at each chunk: 35 MB of empty ones take 2.7 s of the processor from
    memory, and 13 s from a file.
    """
    decoded = decode_recording(io.BytesIO(file.read()), name=name, max_s=max_s)
    return (decoded.sample_rate_hz, decoded.is_cut), decoded.samples.tobytes()


def decode_recording(file: BinaryIO, *, name: str, max_s: float) -> DecodedRecording:
    """The first `max_s` seconds of any audio, or video with sound, that FFmpeg reads. `name` is for messages only.

    Raises UnreadableAudio when it is not audio. The length is counted while decoding, because headers may be wrong. The
    file is decoded twice where the average of its channels loses the voice (app/audio/channels.py).
    """
    downmix = Downmix()
    decoded = _collect(file, name, max_s, downmix)
    if better := downmix.better_channels():
        decoded = _collect(file, name, max_s, Downmix(better))
    check_finite(decoded.samples, name)
    return msgspec.structs.replace(decoded, samples=decoded.samples.clip(-1, 1))  # lossy codecs overshoot


def mono_pieces(
    file: BinaryIO, name: str, downmix: Downmix, rate_hz: int | None = None
) -> Generator[tuple[int, NDArray[np.float32]]]:
    """(rate in Hz, [samples]) of the recording, piece by piece as it is decoded; samples may exceed [-1, 1].

    rate_hz   of all pieces; by default that of the file's first frame, at most MAX_RATE_HZ

    Raises UnreadableAudio, also in the middle, and at the end where there was no sample.
    """
    return pieces_of(_frames(file, name), name, downmix, rate_hz)


def pieces_of(
    frames: Iterable[av.AudioFrame], name: str, downmix: Downmix, rate_hz: int | None = None
) -> Generator[tuple[int, NDArray[np.float32]]]:
    """As `mono_pieces`, of `frames`, whose errors are FFmpeg's or OSError."""
    resample = _Resample(downmix)
    num_samples = 0
    try:
        for frame in frames:
            rate_hz = rate_hz or min(frame.sample_rate, MAX_RATE_HZ)
            for piece in resample(frame, rate_hz):
                num_samples += len(piece)
                yield rate_hz, piece
        for piece in resample.rest():
            num_samples += len(piece)
            yield rate_hz or MAX_RATE_HZ, piece
    except MemoryError:
        raise
    except (av.error.FFmpegError, OSError) as error:  # OSError: a damaged head names a place before the file's begin
        raise UnreadableAudio(
            f"{name} is not audio that can be decoded ({error.strerror}); send wav, flac, mp3, ogg or m4a",
            param="reference_audio",
        ) from error
    if num_samples == 0:
        raise UnreadableAudio(f"{name} holds no audio: it may have been cut off", param="reference_audio")


def check_finite(samples: NDArray[np.float32], name: str) -> None:
    """Raises UnreadableAudio."""
    if not np.isfinite(samples).all():
        raise UnreadableAudio(
            f"{name} holds samples that are not numbers (NaN or infinity); export it again", param="reference_audio"
        )


def _collect(file: BinaryIO, name: str, max_s: float, downmix: Downmix) -> DecodedRecording:
    kept: list[NDArray[np.float32]] = []
    num_samples = 0
    rate_hz = 0
    with closing(mono_pieces(file, name, downmix)) as pieces:
        for rate_hz, piece in pieces:
            kept.append(piece)
            num_samples += len(piece)
            if num_samples > max_s * rate_hz:
                break
    samples = np.concatenate(kept)
    max_samples = round(max_s * rate_hz)
    return DecodedRecording(samples=samples[:max_samples], sample_rate_hz=rate_hz, is_cut=len(samples) > max_samples)


def _frames(file: BinaryIO, name: str) -> Iterator[av.AudioFrame]:
    for part in _parts(file):
        with av.open(part, "r", options=OPEN_OPTIONS, **TAG_OPTIONS) as container:
            yield from frames_of(container, name)


def frames_of(container: InputContainer, name: str) -> Iterator[av.AudioFrame]:
    """Decoded frames of the first audio track. Raises UnreadableAudio and FFmpegError."""
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
            if frame.layout.nb_channels > MAX_CHANNELS:
                raise UnreadableAudio(
                    f"{name} has {frame.layout.nb_channels} channels; at most {MAX_CHANNELS} are read, and one is "
                    "enough",
                    param="reference_audio",
                )
            if frame.samples:
                yield frame
    if num_broken > max(1, MAX_BROKEN_SHARE * num_packets):
        raise UnreadableAudio(
            f"{name} is damaged: {num_broken} of its {num_packets} packets cannot be decoded", param="reference_audio"
        )


class _Resample:
    """Frames of any kind to mono pieces of one rate. The kind may change within a file (joined recordings).

    The samples are taken interleaved, because PyAV reads beyond the end of a frame's table of planes where a planar
    frame has eight channels or more, and crashes.
    """

    def __init__(self, downmix: Downmix) -> None:
        self._downmix = downmix
        self._resampler: av.AudioResampler | None = None
        self._kind: tuple[str, str, int] | None = None
        self._num_channels = 0
        self._effects: list[int] = []

    def __call__(self, frame: av.AudioFrame, rate_hz: int) -> list[NDArray[np.float32]]:
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        earlier: list[NDArray[np.float32]] = []
        if self._resampler is None or kind != self._kind:
            earlier = self.rest()
            self._kind = kind
            self._num_channels = frame.layout.nb_channels
            self._effects = [i for i, channel in enumerate(frame.layout.channels) if channel.name.startswith("LFE")]
            self._resampler = av.AudioResampler(format="flt", layout=frame.layout, rate=rate_hz, **ONE_THREAD)
        frame.pts = None  # gaps and jumps in time stamps stay
        return earlier + self._take(frame)

    def rest(self) -> list[NDArray[np.float32]]:
        """Flush the resampler and return its last pieces. Afterwards it takes no more frames."""
        return [] if self._resampler is None else self._take(None)

    def _take(self, frame: av.AudioFrame | None) -> list[NDArray[np.float32]]:
        assert self._resampler is not None
        shape = (-1, self._num_channels)
        resampled = self._resampler.resample(frame)
        pieces = [np.asarray(piece.to_ndarray(), np.float32).reshape(shape) for piece in resampled]
        return [self._downmix(piece, self._effects) for piece in pieces]


def _parts(file: BinaryIO) -> Iterator[BinaryIO]:
    """The file, or each of the WAV or AIFF files joined end to end, because FFmpeg stops at the end of the first."""
    file.seek(0, io.SEEK_END)
    num_bytes = file.tell()
    starts = [0]
    while len(starts) < MAX_PARTS and (next_start := _start_of_next(file, starts[-1])) is not None:
        starts.append(next_start)
    if len(starts) == 1:
        file.seek(0)
        yield file
        return
    for start, end in zip(starts, [*starts[1:], num_bytes], strict=True):
        file.seek(start)
        yield io.BytesIO(file.read(end - start))


def _start_of_next(file: BinaryIO, start: int) -> int | None:
    """Offset of the end of the WAV or AIFF file at `start`, if another one begins there."""
    size = _size_of_part(file, start)
    if size is None:
        return None
    # A last chunk of odd length is padded, and some programs do not count the padding.
    return next((end for end in (start + size, start + size + 1) if _size_of_part(file, end) is not None), None)


def _size_of_part(file: BinaryIO, start: int) -> int | None:
    file.seek(start)
    head = file.read(12)
    byte_order = _PARTS.get((head[:4], head[8:]))
    return None if byte_order is None else 8 + int.from_bytes(head[4:8], byte_order)
