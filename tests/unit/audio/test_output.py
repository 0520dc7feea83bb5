"""Answers at other sample rates, and of telephones."""

import io
import math
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audio.formats import AudioFormat, OutputFormat
from app.audio.output import encode_whole, open_output_encoder
from app.audio.resampling import Resampler
from app.errors import UnsupportedSampleRate

ENGINE_HZ = 24_000
RATES = [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000]
SECONDS = 2


def tone(frequency_hz: float, rate_hz: int = ENGINE_HZ, amplitude: float = 0.5) -> Any:
    time_s = np.arange(SECONDS * rate_hz) / rate_hz
    return (amplitude * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)


def level_db(samples: Any) -> float:
    """Root mean square of the middle, where the filter has settled."""
    middle = samples[len(samples) // 4 : -len(samples) // 4].astype(np.float64)
    return 20 * math.log10(math.sqrt((middle**2).mean()) + 1e-12)


def resampled(samples: Any, rate_hz: int, piece: int = 10**9) -> Any:
    resampler = Resampler(ENGINE_HZ, rate_hz)
    pieces = [resampler.convert(samples[at : at + piece]) for at in range(0, len(samples), piece)]
    return np.concatenate([*pieces, resampler.finish()])


def without_tone(samples: Any, frequency_hz: float, rate_hz: int) -> Any:
    """`samples` less the tone of that frequency that fits them best."""
    phase = 2 * np.pi * frequency_hz * np.arange(len(samples)) / rate_hz
    basis = np.stack([np.sin(phase), np.cos(phase)], axis=1)
    middle = slice(len(samples) // 8, -len(samples) // 8)
    fit, *_ = np.linalg.lstsq(basis[middle], samples[middle].astype(np.float64), rcond=None)
    return (samples - basis @ fit)[middle]


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 22_050])
def test_a_tone_that_the_lower_rate_cannot_hold_is_below_minus_80_db(rate_hz: int) -> None:
    for frequency_hz in np.linspace(rate_hz / 2, ENGINE_HZ / 2 - 100, 12):
        assert level_db(resampled(tone(frequency_hz), rate_hz)) - level_db(tone(frequency_hz)) < -80


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("share", [0.05, 0.5, 0.85])
def test_a_tone_stays_that_tone_and_no_image_or_click_is_above_minus_80_db(rate_hz: int, share: float) -> None:
    frequency_hz = share * min(rate_hz, ENGINE_HZ) / 2
    heard = resampled(tone(frequency_hz), rate_hz, piece=777)
    assert level_db(heard) == pytest.approx(level_db(tone(frequency_hz)), abs=0.05)
    assert level_db(without_tone(heard, frequency_hz, rate_hz)) < level_db(heard) - 80


@settings(max_examples=30, deadline=None)
@given(rate_hz=st.integers(8_000, 48_000), cuts=st.lists(st.integers(0, SECONDS * ENGINE_HZ), max_size=8))
def test_streamed_samples_equal_whole_ones_at_every_rate(rate_hz: int, cuts: list[int]) -> None:
    output = OutputFormat(AudioFormat.PCM, rate_hz)
    samples = tone(440) + tone(2_500, amplitude=0.2)
    encoder = open_output_encoder(output, ENGINE_HZ, streaming=True)
    pieces = np.split(samples, sorted(cuts))
    assert b"".join([*map(encoder.encode, pieces), encoder.close()]) == encode_whole(samples, output, ENGINE_HZ)


@pytest.mark.parametrize("rate_hz", RATES)
def test_a_wav_file_states_its_rate_and_lasts_as_long(rate_hz: int) -> None:
    data = encode_whole(tone(440), OutputFormat(AudioFormat.WAV, rate_hz), ENGINE_HZ)
    samples, rate = soundfile.read(io.BytesIO(data))
    assert rate == rate_hz
    assert len(samples) == pytest.approx(SECONDS * rate_hz, abs=1)


@pytest.mark.parametrize("audio_format", [AudioFormat.ULAW, AudioFormat.ALAW])
def test_g711_is_a_byte_a_sample_at_8_khz_that_another_library_reads(audio_format: AudioFormat) -> None:
    data = encode_whole(tone(440), OutputFormat(audio_format), ENGINE_HZ)
    assert len(data) == SECONDS * 8_000
    heard, _ = soundfile.read(
        io.BytesIO(data), samplerate=8_000, channels=1, format="RAW", subtype=audio_format.value.upper()
    )
    assert level_db(heard) == pytest.approx(level_db(tone(440)), abs=0.1)
    assert level_db(without_tone(heard, 440, 8_000)) < level_db(heard) - 30


@pytest.mark.parametrize("rate_hz", [-1, 0, 7_999, 48_001, 10**9, 10**400])
@pytest.mark.parametrize("audio_format", list(AudioFormat))
def test_a_rate_out_of_bounds_is_refused_in_every_format(audio_format: AudioFormat, rate_hz: int) -> None:
    with pytest.raises(UnsupportedSampleRate, match="not from 8000 to 48000") as refusal:
        OutputFormat(audio_format, rate_hz)
    assert refusal.value.param == "sample_rate"
    assert len(refusal.value.message) < 300


def test_a_rate_that_a_codec_does_not_have_is_refused_with_those_that_it_has() -> None:
    with pytest.raises(UnsupportedSampleRate, match="opus has no 44100; it has 8000, 12000, 16000, 24000, 48000"):
        OutputFormat(AudioFormat.OPUS, 44_100)


@pytest.mark.parametrize("audio_format", [AudioFormat.MP3, AudioFormat.AAC, AudioFormat.OPUS])
@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000])
def test_every_rate_that_is_not_refused_can_be_encoded(audio_format: AudioFormat, rate_hz: int) -> None:
    try:
        output = OutputFormat(audio_format, rate_hz)
    except UnsupportedSampleRate:
        assert audio_format is AudioFormat.OPUS
        return
    assert len(encode_whole(tone(440), output, ENGINE_HZ)) > 1000


def test_an_encoder_of_another_rate_closes_once_and_takes_no_more() -> None:
    encoder = open_output_encoder(OutputFormat(AudioFormat.PCM, 8_000), ENGINE_HZ, streaming=True)
    data = encoder.encode(tone(440)) + encoder.close()
    assert len(data) == 2 * SECONDS * 8_000
    assert encoder.close() == b""
    with pytest.raises(ValueError, match="closed"):
        encoder.encode(tone(440))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_sample_that_is_not_a_number_is_refused_at_another_rate_too(bad: float) -> None:
    encoder = open_output_encoder(OutputFormat(AudioFormat.WAV, 8_000), ENGINE_HZ, streaming=True)
    with pytest.raises(ValueError, match="NaN"):
        encoder.encode(np.array([0.0, bad], np.float32))
