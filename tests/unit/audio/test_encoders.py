"""Encoded audio is read back by other libraries: libsndfile, mpg123 inside it, and faad."""

import gc
import io
import math
import shutil
import struct
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audio.encoders import Encoder, open_encoder, wav_header
from app.audio.formats import AudioFormat, OutputFormat
from app.audio.output import encode_whole
from app.audio.pcm import float_to_int16

RATE_HZ = 24_000
LOSSLESS = [AudioFormat.WAV, AudioFormat.PCM, AudioFormat.FLAC]
LOSSY = [AudioFormat.MP3, AudioFormat.OPUS, AudioFormat.AAC]
# Samples that a decoder puts before and after: MPEG codecs have no length field outside their optional tags.
# mp3: encoder 576 + decoder 529; aac: one frame of 1024; both fill up their last frame. Opus states both ends.
MAX_EXTRA = {AudioFormat.MP3: 4 * 576, AudioFormat.AAC: 3 * 1024, AudioFormat.OPUS: 0}
# Measured 26, 45 and 18 dB: opus has half the bits and follows the ear more than the wave.
MIN_SNR_DB = {AudioFormat.MP3: 20.0, AudioFormat.AAC: 30.0, AudioFormat.OPUS: 12.0}

needs_faad = pytest.mark.skipif(shutil.which("faad") is None, reason="faad is not installed (Debian package faad)")


def speech_like(num_samples: int) -> Any:
    """Harmonics of 130 Hz in four syllables a second."""
    time_s = np.arange(num_samples) / RATE_HZ
    voice = sum(np.sin(2 * np.pi * 130 * k * time_s + k * k) / k for k in range(1, 25))
    return (0.12 * voice * np.sin(2 * np.pi * 2 * time_s) ** 2).astype(np.float32)


SPEECH = speech_like(2 * RATE_HZ + 137)


def encode_in_pieces(pieces: Sequence[Any], audio_format: AudioFormat, *, streaming: bool = True) -> bytes:
    encoder = open_encoder(audio_format, RATE_HZ, streaming=streaming)
    return b"".join([encoder.encode(piece) for piece in pieces]) + encoder.close()


def decode(data: bytes, audio_format: AudioFormat, folder: Path) -> Any:
    """By another library."""
    if audio_format is AudioFormat.PCM:
        return np.frombuffer(data, "<i2") / 32_768
    if audio_format in (AudioFormat.ULAW, AudioFormat.ALAW):
        return soundfile.read(
            io.BytesIO(data), samplerate=RATE_HZ, channels=1, format="RAW", subtype=audio_format.value.upper()
        )[0]
    if audio_format is AudioFormat.AAC:
        return decode_aac(data, folder)
    if audio_format is AudioFormat.FLAC:
        data = with_flac_length(data, len(SPEECH))
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        assert (file.samplerate, file.channels) == (RATE_HZ, 1)
        return file.read()


def with_flac_length(data: bytes, num_samples: int) -> bytes:
    """soundfile seeks after each read, and libsndfile cannot in a flac that leaves its length open: fill it in."""
    (fields,) = struct.unpack(">Q", data[18:26])  # rate, channels, bits, and 36 bits of length
    return data if fields % 2**36 else data[:18] + struct.pack(">Q", fields + num_samples) + data[26:]


def decode_aac(data: bytes, folder: Path) -> Any:
    """By faad, which expects a high band below 48 kHz and writes twice the rate, and mono as two equal channels."""
    (folder / "speech.aac").write_bytes(data)
    subprocess.run(["faad", "-q", "-o", folder / "speech.wav", folder / "speech.aac"], check=True)
    samples, rate_hz = soundfile.read(folder / "speech.wav", always_2d=True)
    assert rate_hz == 2 * RATE_HZ
    return samples[::2, 0]


def snr_db(original: Any, decoded: Any) -> float:
    """After alignment by the peak of the cross-correlation."""
    size = 1 << (len(original) + len(decoded)).bit_length()
    correlation = np.fft.irfft(np.fft.rfft(decoded, size) * np.conj(np.fft.rfft(original, size)))
    shift = int(np.argmax(correlation[: size // 2]))
    aligned = decoded[shift : shift + len(original)]
    reference = original[: len(aligned)]
    return 10 * math.log10(np.sum(reference**2) / np.sum((reference - aligned) ** 2))


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("audio_format", LOSSLESS)
def test_lossless_formats_give_back_the_16_bit_samples(
    audio_format: AudioFormat, streaming: bool, tmp_path: Path
) -> None:
    data = encode_in_pieces([SPEECH], audio_format, streaming=streaming)
    if audio_format is AudioFormat.WAV and streaming:  # libsndfile reads such a header as "until the end"
        assert soundfile.info(io.BytesIO(data)).frames == len(SPEECH)
    decoded = decode(data, audio_format, tmp_path)
    np.testing.assert_array_equal(decoded * 32_768, float_to_int16(SPEECH))


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    "audio_format", [AudioFormat.MP3, AudioFormat.OPUS, pytest.param(AudioFormat.AAC, marks=needs_faad)]
)
def test_lossy_formats_give_back_the_speech(audio_format: AudioFormat, streaming: bool, tmp_path: Path) -> None:
    decoded = decode(encode_in_pieces([SPEECH], audio_format, streaming=streaming), audio_format, tmp_path)
    assert np.isfinite(decoded).all()
    assert len(SPEECH) <= len(decoded) <= len(SPEECH) + MAX_EXTRA[audio_format]
    assert snr_db(SPEECH, decoded) > MIN_SNR_DB[audio_format]


@pytest.mark.parametrize("audio_format", LOSSY)
def test_whole_and_streamed_files_of_lossy_formats_are_the_same_bytes(audio_format: AudioFormat) -> None:
    assert encode_whole(SPEECH, OutputFormat(audio_format), RATE_HZ) == encode_in_pieces([SPEECH], audio_format)


@pytest.mark.parametrize("audio_format", list(AudioFormat))
def test_the_same_samples_give_the_same_bytes_each_time(audio_format: AudioFormat) -> None:
    assert encode_in_pieces([SPEECH], audio_format) == encode_in_pieces([SPEECH], audio_format)
    output = OutputFormat(audio_format)
    assert encode_whole(SPEECH, output, RATE_HZ) == encode_whole(SPEECH, output, RATE_HZ)


@pytest.mark.parametrize("audio_format", list(AudioFormat))
@settings(derandomize=True, deadline=None, max_examples=12)
@given(
    cuts=st.lists(st.one_of(st.integers(0, 12_000), st.sampled_from([0, 1, 480, 576, 1024, 1152, 2304])), max_size=12),
    streaming=st.booleans(),
)
def test_the_bytes_do_not_depend_on_how_the_samples_are_split(
    audio_format: AudioFormat, cuts: list[int], streaming: bool
) -> None:
    samples = SPEECH[:12_000]
    pieces = np.split(samples, sorted(cuts))
    expected = encode_in_pieces([samples], audio_format, streaming=streaming)
    assert encode_in_pieces(pieces, audio_format, streaming=streaming) == expected


@pytest.mark.parametrize("audio_format", list(AudioFormat))
def test_audio_leaves_the_encoder_within_a_quarter_of_a_second(audio_format: AudioFormat) -> None:
    encoder = open_encoder(audio_format, RATE_HZ, streaming=True)
    sizes = [len(encoder.encode(piece)) for piece in np.split(speech_like(RATE_HZ), 100)]
    encoder.close()
    filled = [index for index, size in enumerate(sizes) if size > 120]  # more than headers
    assert filled[0] < 25, "hundredths of a second until the first audio"
    assert max(np.diff(filled)) <= 15, "hundredths of a second between two pieces"


def test_a_whole_wav_states_its_sizes_and_a_streamed_one_leaves_them_open() -> None:
    whole = encode_whole(SPEECH, OutputFormat(AudioFormat.WAV), RATE_HZ)
    assert whole[:44] == wav_header(len(SPEECH), RATE_HZ)
    assert struct.unpack("<I", whole[4:8])[0] == len(whole) - 8
    assert struct.unpack("<I", whole[40:44])[0] == len(whole) - 44
    streamed = encode_in_pieces([SPEECH], AudioFormat.WAV)
    assert streamed[4:8] == streamed[40:44] == b"\xff" * 4
    assert streamed[44:] == whole[44:]


def test_a_whole_flac_states_its_length_and_a_streamed_one_has_the_same_frames() -> None:
    whole = encode_whole(SPEECH, OutputFormat(AudioFormat.FLAC), RATE_HZ)
    streamed = encode_in_pieces([SPEECH], AudioFormat.FLAC)
    assert soundfile.info(io.BytesIO(whole)).frames == len(SPEECH)
    stream_info_size = 4 + 4 + 34
    assert streamed[stream_info_size:] == whole[stream_info_size:]
    total_samples_and_md5 = slice(22, stream_info_size)
    assert streamed[total_samples_and_md5] == bytes(20)


@pytest.mark.parametrize("audio_format", [AudioFormat.WAV, AudioFormat.FLAC, AudioFormat.OPUS])
def test_the_header_leaves_with_the_first_samples_and_is_small(audio_format: AudioFormat) -> None:
    encoder = open_encoder(audio_format, RATE_HZ, streaming=True)
    assert 40 < len(encoder.encode(SPEECH[:10])) < 120
    encoder.close()


def test_mp3_begins_with_a_frame_and_has_no_length_tag_that_would_be_wrong() -> None:
    data = encode_in_pieces([SPEECH], AudioFormat.MP3)
    assert data[0] == 0xFF
    assert data[1] & 0xE0 == 0xE0
    assert not {tag for tag in (b"Xing", b"Info", b"ID3") if tag in data[:600]}


@pytest.mark.parametrize("audio_format", list(AudioFormat))
@pytest.mark.parametrize("num_samples", [1, 700])
def test_audio_shorter_than_a_codec_frame_is_not_lost(
    audio_format: AudioFormat, num_samples: int, tmp_path: Path
) -> None:
    data = encode_whole(SPEECH[:num_samples], OutputFormat(audio_format, RATE_HZ), RATE_HZ)
    if audio_format in (AudioFormat.MP3, AudioFormat.AAC):
        assert data  # too short for decoders that skip the codec's delay
    else:
        assert len(decode(data, audio_format, tmp_path)) == num_samples


@pytest.mark.parametrize("audio_format", list(AudioFormat))
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_sample_that_is_not_a_number_is_refused_by_every_format(audio_format: AudioFormat, bad: float) -> None:
    encoder = open_encoder(audio_format, RATE_HZ, streaming=True)
    with pytest.raises(ValueError, match="NaN"):
        encoder.encode(np.array([0.0, bad], np.float32))
    encoder.close()


@pytest.mark.parametrize("audio_format", list(AudioFormat))
@pytest.mark.parametrize("num_samples", [0, 100, 30_000])
def test_an_encoder_can_be_abandoned_closed_twice_and_then_takes_no_more(
    audio_format: AudioFormat, num_samples: int
) -> None:
    encoder = open_encoder(audio_format, RATE_HZ, streaming=True)
    encoder.encode(SPEECH[:num_samples])
    encoder.close()
    assert encoder.close() == b""
    with pytest.raises(ValueError, match="closed"):
        encoder.encode(SPEECH[:10])
    forgotten = open_encoder(audio_format, RATE_HZ, streaming=True)
    forgotten.encode(SPEECH[:num_samples])
    del forgotten
    gc.collect()


@pytest.mark.parametrize("audio_format", list(AudioFormat))
def test_an_encoder_moves_from_thread_to_thread(audio_format: AudioFormat) -> None:
    encoder = open_encoder(audio_format, RATE_HZ, streaming=True)
    pieces = np.array_split(SPEECH, 6)
    written: list[bytes] = []
    for piece in pieces:
        thread = threading.Thread(target=lambda piece=piece: written.append(encoder.encode(piece)))
        thread.start()
        thread.join()
    written.append(encoder.close())
    assert b"".join(written) == encode_in_pieces(pieces, audio_format)


@pytest.mark.parametrize("audio_format", list(AudioFormat))
def test_closing_while_another_thread_encodes_is_survived(audio_format: AudioFormat) -> None:
    for _ in range(10):
        encoder = open_encoder(audio_format, RATE_HZ, streaming=True)
        started = threading.Event()
        thread = threading.Thread(target=_encode_until_closed, args=(encoder, started))
        thread.start()
        assert started.wait(10)
        encoder.close()
        thread.join(10)
        assert not thread.is_alive()


def _encode_until_closed(encoder: Encoder, started: threading.Event) -> None:
    with pytest.raises(ValueError, match="closed"):
        while True:
            encoder.encode(SPEECH[:6000])
            started.set()
