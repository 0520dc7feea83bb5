"""A small recording in each format that people upload, and seeded damage to it."""

import io
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

import av
import numpy as np

RATE_HZ = 48_000
FORMATS = {
    "wav": ("wav", "pcm_s16le", "stereo"),
    "wav-float": ("wav", "pcm_f32le", "mono"),
    "wav-adpcm": ("wav", "adpcm_ms", "mono"),
    "wav-7.1": ("wav", "pcm_s24le", "7.1"),
    "flac": ("flac", "flac", "stereo"),
    "flac-7.1": ("flac", "flac", "7.1"),
    "mp3": ("mp3", "libmp3lame", "stereo"),
    "opus": ("ogg", "libopus", "mono"),
    "opus-7.1": ("ogg", "libopus", "7.1"),
    "vorbis": ("ogg", "vorbis", "stereo"),
    "m4a": ("mp4", "aac", "stereo"),
    "m4a-alac": ("mp4", "alac", "stereo"),
    "aac": ("adts", "aac", "5.1"),
    "mkv": ("matroska", "pcm_s16le", "stereo"),
    "webm": ("webm", "libopus", "stereo"),
    "aiff": ("aiff", "pcm_s16be", "stereo"),
    "caf": ("caf", "pcm_s16le", "mono"),
    "au": ("au", "pcm_mulaw", "mono"),
    "avi": ("avi", "ac3", "stereo"),
    "wma": ("asf", "wmav2", "stereo"),
}


def make_recording(name: str, seconds: float = 2.5) -> bytes:
    """Syllables of a tone in every channel, in the format FORMATS[name]."""
    container, codec, layout = FORMATS[name]
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    mono = 0.2 * np.sin(2 * np.pi * 2 * time_s) ** 2 * np.sin(2 * np.pi * 220 * time_s)
    num_channels = av.AudioLayout(layout).nb_channels
    frame = av.AudioFrame.from_ndarray(
        np.repeat(mono.astype(np.float32), num_channels).reshape(1, -1), format="flt", layout=layout
    )
    frame.sample_rate = RATE_HZ
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=RATE_HZ, layout=layout)
        stream.bit_rate = 128_000
        stream.codec_context.options = {"strict": "experimental"}  # FFmpeg's own encoder of Vorbis
        stream.codec_context.open()
        resampler = av.AudioResampler(stream.format, layout, RATE_HZ, frame_size=stream.codec_context.frame_size or 0)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return file.getvalue()


def damage(data: bytes, random: Random) -> bytes:
    """One to four of: changed bytes (heads more often), extreme numbers, cut off, a piece removed, doubled or moved."""
    damaged = bytearray(data)
    for _ in range(random.randint(1, 4)):
        if len(damaged) < 16:
            break
        near_start = random.random() < 0.5
        place = random.randrange(min(len(damaged) - 8, 512) if near_start else len(damaged) - 8)
        length = random.randint(1, min(4096, len(damaged) - place))
        match random.randrange(6):
            case 0:
                for _ in range(random.randint(1, 20)):
                    damaged[random.randrange(place, min(place + 64, len(damaged)))] = random.randrange(256)
            case 1:
                number = random.choice([0, 1, 0x7F, 0x80, 0xFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF])
                size = random.choice([1, 2, 4])
                order = random.choice(["little", "big"])
                damaged[place : place + size] = (number % 256**size).to_bytes(size, order)
            case 2:
                del damaged[max(16, place) :]
            case 3:
                del damaged[place : place + length]
            case 4:
                damaged[place:place] = damaged[place : place + length]
            case _:
                damaged[place : place + length] = random.randbytes(length)
    return bytes(damaged)


def damaged_recordings(num: int, seed: int, seconds: float = 2.5) -> Iterator[tuple[str, bytes]]:
    """`num` names and files, the formats in turn; `seconds` is their length before the damage."""
    yield from damaged_files({name: make_recording(name, seconds) for name in FORMATS}, num, seed)


def damaged_files(whole: Mapping[str, bytes], num: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """`num` names and damaged copies of the files `whole`, in turn."""
    random = Random(seed)
    for number in range(num):
        name = list(whole)[number % len(whole)]
        yield f"{name}-{number}", damage(whole[name], random)
