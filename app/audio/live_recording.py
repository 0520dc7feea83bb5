"""Opus in WebM or Ogg, decoded in a child process while it arrives, to 16 kHz mono of 16 bits."""

from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import asynccontextmanager, closing
from typing import BinaryIO

import av
import av.error

from app.audio.channels import Downmix
from app.audio.pcm import float_to_int16
from app.audio.pyav import TAG_OPTIONS
from app.audio.recording import OPEN_OPTIONS, check_finite, frames_of, pieces_of
from app.audio.speech_recording import RATE_HZ
from app.errors import Unavailable, UnreadableAudio
from app.isolation.child import IsolationFailure, Limits
from app.isolation.pool import Sandbox
from app.isolation.stream import ChildStream, PieceFile, Take
from app.pools import LIVE_RECORDINGS, NUM_LIVE_RECORDINGS

DECODE = "app.audio.live_recording:decode_in_child"
CONTAINERS = {b"\x1aE\xdf\xa3": "matroska", b"OggS": "ogg"}
"""By a stream's first four bytes. WebM is Matroska."""
NAME = "the audio"
LIMITS = Limits(wall_s=24 * 3600, cpu_s=1800)
"""Limits of one stream. A day of Opus takes a quarter of an hour of a core."""
# FFmpeg reads seconds of audio before it gives the first, unless it is told not to.
LIVE_OPTIONS = {"fflags": "nobuffer", "probesize": "32", "analyzeduration": "0"}
BUFFER_BYTES = 4096


class LiveDecoder:
    """One stream. `take` gets samples at RATE_HZ as bytes, little-endian."""

    def __init__(self, stream: ChildStream) -> None:
        self._stream = stream

    async def convert(self, piece: bytes, take: Take) -> None:
        """Decode a piece, which may end anywhere. Raises UnreadableAudio."""
        await _told(self._stream.convert(piece, take))

    async def finish(self, take: Take) -> None:
        """Decode the end. Raises UnreadableAudio."""
        await _told(self._stream.finish(take))


class LiveDecoders:
    """A child process for each stream, at most NUM_LIVE_RECORDINGS. Lives on the event loop; its owner closes it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._sandbox = Sandbox(LIMITS, (DECODE,), environ=environ, pool=LIVE_RECORDINGS)
        self._num_open = 0

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[LiveDecoder]:
        """A decoder for the time of the block. Raises Unavailable."""
        if self._num_open >= NUM_LIVE_RECORDINGS:
            raise Unavailable(
                f"{self._num_open} streams of Opus are being decoded, which is the limit; send pcm16, or try again"
            )
        self._num_open += 1
        try:
            stream = ChildStream(self._sandbox, DECODE)
            await _told(stream.start())
            try:
                yield LiveDecoder(stream)
            finally:
                await stream.aclose()
        finally:
            self._num_open -= 1

    async def aclose(self) -> None:
        """End every child."""
        await self._sandbox.aclose()


async def _told(work: Awaitable[None]) -> None:
    try:
        await work
    except IsolationFailure as failure:
        raise UnreadableAudio(f"{NAME} {failure.says}; send pcm16", param="format") from failure


def decode_in_child(file: BinaryIO) -> tuple[None, bytes]:
    """Decode the stream that arrives on the socket `file`, and write its samples there. Raises UnreadableAudio."""
    with PieceFile(file) as pieces:
        head = pieces.peek(4)
        if not head:
            return None, b""
        container_name = CONTAINERS.get(head)
        if container_name is None:
            raise UnreadableAudio(f"{NAME} is neither WebM nor Ogg: send Opus in one of them, or pcm16", param="format")
        try:
            container = av.open(
                pieces,
                "r",
                format=container_name,
                options=OPEN_OPTIONS | LIVE_OPTIONS,
                buffer_size=BUFFER_BYTES,
                **TAG_OPTIONS,
            )
        except (av.error.FFmpegError, OSError) as error:
            raise UnreadableAudio(f"{NAME} cannot be decoded ({error.strerror}); send pcm16", param="format") from error
        with container:
            codecs = [stream.codec_context.name for stream in container.streams.audio]
            if codecs[:1] not in (["opus"], ["libopus"]):
                raise UnreadableAudio(f"{NAME} is {codecs or 'none'} and not Opus; send Opus or pcm16", param="format")
            with closing(pieces_of(frames_of(container, NAME), NAME, Downmix(), RATE_HZ)) as decoded:
                for _, samples in decoded:
                    check_finite(samples, NAME)
                    pieces.write(float_to_int16(samples).astype("<i2").tobytes())
    return None, b""
