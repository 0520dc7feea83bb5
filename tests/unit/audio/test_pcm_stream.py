"""PCM of every form becomes the same 16 kHz signal, however it is cut into pieces."""

import numpy as np
import pytest
from numpy.typing import NDArray

from app.audio.pcm_stream import PcmForm, PcmStream

SECONDS, TONE_HZ = 0.5, 440.0


def tone(rate_hz: int) -> NDArray[np.float64]:
    return 0.5 * np.sin(2 * np.pi * TONE_HZ * np.arange(round(SECONDS * rate_hz)) / rate_hz)


def as_pcm(samples: NDArray[np.float64], width: int, channels: int) -> bytes:
    interleaved = np.repeat(samples[:, np.newaxis], channels, axis=1).reshape(-1)
    if width == 1:
        return np.rint(interleaved * 127 + 128).astype(np.uint8).tobytes()
    steps = np.rint(interleaved * (2 ** (8 * width - 1) - 1)).astype("<i4")
    return steps.view(np.uint8).reshape(-1, 4)[:, :width].tobytes()


def converted(form: PcmForm, data: bytes, piece: int) -> NDArray[np.int16]:
    stream = PcmStream(form)
    pieces = [stream.convert(data[at : at + piece]) for at in range(0, len(data), piece)]
    return np.concatenate([*pieces, stream.close()])


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_every_form_becomes_the_same_signal(rate_hz: int, width: int, channels: int) -> None:
    form = PcmForm(rate_hz=rate_hz, width=width, channels=channels)
    heard = converted(form, as_pcm(tone(rate_hz), width, channels), 4096)
    expected = tone(16_000)
    assert abs(len(heard) - len(expected)) <= 32
    middle = slice(800, -800)  # the ends ring in the resampler's filter
    num = min(len(heard), len(expected))
    error = heard[:num][middle] / 32768 - expected[:num][middle]
    assert np.abs(error).max() < 0.02  # 8 bits have steps of 0.008


@pytest.mark.parametrize("form", [PcmForm(16_000, 2, 1), PcmForm(44_100, 3, 2), PcmForm(8_000, 1, 1)])
@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_the_samples_do_not_depend_on_how_the_bytes_are_cut(form: PcmForm, piece: int) -> None:
    data = as_pcm(tone(form.rate_hz)[:2000], form.width, form.channels)
    np.testing.assert_array_equal(converted(form, data, piece), converted(form, data, len(data)))


def test_full_scale_stays_full_scale_without_wrapping() -> None:
    data = np.array([-32768, 32767] * 500, "<i2").repeat(2).tobytes()
    heard = converted(PcmForm(16_000, 2, 2), data, 999)
    np.testing.assert_array_equal(heard, np.array([-32768, 32767] * 500))


def test_nothing_gives_no_samples() -> None:
    assert len(converted(PcmForm(48_000, 2, 1), b"", 10)) == 0
    assert len(converted(PcmForm(16_000, 2, 1), b"x", 10)) == 0
