"""Recordings to transcribe, decoded in this process and in a child."""

import contextlib
import io
import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import pytest
import soundfile

from app.audio.speech_recording import DECODE, RATE_HZ, decode_speech, read_speech
from app.errors import RecordingTooLong, UnreadableAudio
from app.isolation.child import Child, Limits
from app.settings import child_environment


def tone(seconds: float, rate_hz: int, frequency_hz: float = 440.0) -> Any:
    return 0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def file_of(samples: Any, rate_hz: int, container: str = "WAV", subtype: str | None = None) -> io.BytesIO:
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format=container, subtype=subtype)
    file.seek(0)
    return file


def read(file: io.BytesIO, max_s: float = 60.0) -> Any:
    return np.frombuffer(read_speech(file, name="clip", max_s=max_s), np.int16)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_every_rate_becomes_16_khz_without_a_change_of_pitch(rate_hz: int) -> None:
    samples = read(file_of(tone(2, rate_hz), rate_hz))
    assert len(samples) == pytest.approx(2 * RATE_HZ, abs=20)
    assert np.abs(np.fft.rfft(samples[:RATE_HZ])).argmax() == 440
    assert np.std(samples / 32_768) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_16_khz_of_16_bits_comes_back_as_it_is() -> None:
    samples = np.random.default_rng(0).integers(-32_768, 32_768, 5 * RATE_HZ).astype(np.int16)
    np.testing.assert_array_equal(read(file_of(samples, RATE_HZ)), samples)


def test_what_16_khz_cannot_hold_does_not_alias() -> None:
    samples = read(file_of(tone(1, 48_000, 11_000), 48_000))
    assert np.std(samples[100:-100] / 32_768) < 0.01


def test_a_voice_in_one_channel_of_two_that_cancel_is_found() -> None:
    left = tone(1, 48_000)
    samples = read(file_of(np.stack([left, -left], axis=1), 48_000))
    assert np.std(samples / 32_768) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_a_recording_of_the_greatest_length_is_taken_and_a_longer_one_refused() -> None:
    samples = np.zeros(3 * RATE_HZ, np.int16)
    assert len(read(file_of(samples, RATE_HZ), max_s=3.0)) == 3 * RATE_HZ
    with pytest.raises(RecordingTooLong, match=r"clip is longer than 2\.9 s") as refusal:
        read(file_of(samples, RATE_HZ), max_s=2.9)
    assert refusal.value.param == "file"


def test_numbers_that_are_none_are_refused_wherever_they_are() -> None:
    samples = np.zeros(20 * RATE_HZ, np.float32)
    samples[-1] = np.nan
    with pytest.raises(UnreadableAudio, match="NaN"):
        read(file_of(samples, RATE_HZ, subtype="FLOAT"))


def test_peaks_above_full_scale_are_cut_to_it() -> None:
    samples = np.zeros(RATE_HZ, np.float32)
    samples[100:200], samples[200:300] = 1.5, -1.5
    read_back = read(file_of(samples, RATE_HZ, subtype="FLOAT"))
    assert (read_back.max(), read_back.min()) == (32_767, -32_768)


def test_a_child_gives_the_same_samples() -> None:
    child = Child(Limits(), (DECODE,), child_environment())
    try:
        child.lease()
        with soundfile_on_disk(tone(2, 44_100), 44_100) as file:
            samples = decode_speech(child, file, name="a.wav", max_s=60.0)
        np.testing.assert_array_equal(samples, read(file_of(tone(2, 44_100), 44_100)))
        with soundfile_on_disk(tone(2, 44_100), 44_100) as file, pytest.raises(RecordingTooLong, match=r"a\.wav"):
            decode_speech(child, file, name="a.wav", max_s=1.0)
    finally:
        child.close()


@contextlib.contextmanager
def soundfile_on_disk(samples: Any, rate_hz: int) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as file:
        file.write(file_of(samples, rate_hz).getvalue())
        yield file
