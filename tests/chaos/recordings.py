"""Recordings as strangers send them: sound, odd and broken. Made from numbers; nothing is read from disk."""

import functools
import io
import random
import struct

import av
import numpy as np

RATE_HZ = 24_000


@functools.cache
def voice(seconds: float = 3.0, seed: int = 0, level: float = 0.1) -> np.ndarray:
    """[samples] float32: noise at the level of speech, which every check takes for a voice."""
    return np.random.default_rng(seed).normal(0, level, round(seconds * RATE_HZ)).clip(-0.9, 0.9).astype(np.float32)


def wav(samples: np.ndarray, *, rate_hz: int = RATE_HZ, mask: int | None = None) -> bytes:
    """16-bit WAV of [samples] or [samples, channels]; with `mask`, in the extensible form."""
    data = (samples * 32767).astype("<i2").tobytes()
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    return wav_of(data, channels=channels, rate_hz=rate_hz, mask=mask)


def wav_of(
    data: bytes, *, channels: int = 1, rate_hz: int = RATE_HZ, bits: int = 16, tag: int = 1, mask: int | None = None
) -> bytes:
    """A WAV file whose header says whatever is asked for."""
    block = max(1, channels * max(1, bits // 8)) & 0xFFFF
    form = struct.pack(
        "<HHIIHH", tag if mask is None else 0xFFFE, channels, rate_hz, (rate_hz * block) & 0xFFFFFFFF, block, bits
    )
    if mask is not None:
        guid = bytes.fromhex("0100000000001000800000aa00389b71")
        form += struct.pack("<HHI", 22, bits, mask) + guid
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def silent_channels(channels: int, frames: int = 100) -> bytes:
    return wav_of(bytes(2 * channels * frames), channels=channels)


def encoded(samples: np.ndarray, container: str, codec: str, *, layout: str = "mono", rate_hz: int = 48_000) -> bytes:
    """[samples] or [samples, channels] in another format, by FFmpeg."""
    file = io.BytesIO()
    table = samples[:, None] if samples.ndim == 1 else samples
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate_hz, layout=layout)
        # Interleaved, because PyAV mistakes the planes of eight channels and more.
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(table.reshape(1, -1)), format="flt", layout=layout)
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(format=stream.format, layout=layout, rate=rate_hz, frame_size=stream.frame_size)
        for resampled in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(resampled))
        output.mux(stream.encode(None))
    return file.getvalue()


@functools.cache
def sound_files() -> dict[str, bytes]:
    """The same second of voice in the formats that people send."""
    samples = voice(3.0)
    return {
        "wav": wav(samples),
        "flac": encoded(samples, "flac", "flac"),
        "mp3": encoded(samples, "mp3", "libmp3lame"),
        "ogg": encoded(samples, "ogg", "libopus"),
        "m4a": encoded(samples, "adts", "aac"),
        "mkv": encoded(samples, "matroska", "libopus"),
    }


@functools.cache
def long_mp3(seconds: float) -> bytes:
    return encoded(voice(seconds), "mp3", "libmp3lame")


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The file with bytes changed, cut out, repeated or cut off; three times of four in its first 200 bytes."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 12)):
        place = rng.randrange(min(200, len(changed))) if rng.random() < 0.75 else rng.randrange(len(changed))
        kind = rng.randrange(4)
        if kind == 0:
            changed[place] = rng.randrange(256)
        elif kind == 1:
            changed[place : place + 4] = rng.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"])
        elif kind == 2:
            changed[place:place] = changed[place : place + rng.randint(1, 64)]
        else:
            del changed[place : place + rng.randint(1, 64)]
        changed = changed or bytearray(b"x")
    return bytes(changed[: rng.randint(1, len(changed))] if rng.random() < 0.2 else changed)


ODD_FILES = {
    "empty": b"",
    "one byte": b"R",
    "rate 0": wav_of(bytes(2000), rate_hz=0),
    "rate 1": wav_of(bytes(2000), rate_hz=1),
    "rate 2^31": wav_of(bytes(2000), rate_hz=2**31),
    "0 channels": wav_of(bytes(2000), channels=0),
    "0 bits": wav_of(bytes(2000), bits=0),
    "1 bit": wav_of(bytes(2000), bits=1),
    "12 bits": wav_of(bytes(2000), bits=12),
    "255 bits": wav_of(bytes(2000), bits=255),
    "unknown codec": wav_of(bytes(2000), tag=0x7777),
    "sizes of 4 GiB": wav_of(bytes(2000)).replace(struct.pack("<I", 2000), b"\xff\xff\xff\xff"),
    "JPEG": bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb004300") + bytes(200),
    "GIF": b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0!\xf9\x04\0\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;",
    "MIDI": b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0\x04\0\xff/\0",
    "ZIP": b"PK\x03\x04" + bytes(200),
    "playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "concat script": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "subtitles": b"1\n00:00:01,000 --> 00:00:02,000\nHello\n",
    "HTML": b"<!doctype html><title>Not found</title>",
    "SDP": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
}
