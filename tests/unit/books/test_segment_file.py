"""The file of a segment."""

import io
import wave

import av
import numpy as np
import pytest

from app.books.segment_file import DIGEST_CHUNK, HEAD_BYTES, decode_segment, encode_segment

STEPS = np.arange(-32_768, 32_768, 7, dtype=np.int16)
SAMPLES = STEPS.astype(np.float32) / 32_768


def test_other_programs_play_it() -> None:
    data = encode_segment(SAMPLES, 24_000)
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
        assert np.array_equal(np.frombuffer(file.readframes(file.getnframes()), "<i2"), STEPS)
    with av.open(io.BytesIO(data)) as container:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert np.array_equal(heard, STEPS)


@pytest.mark.parametrize("rate_hz", [24_000, 48_000])
@pytest.mark.parametrize("samples", [SAMPLES, SAMPLES[:1], SAMPLES[:0]], ids=["many", "one", "none"])
def test_samples_come_back(samples: np.ndarray, rate_hz: int) -> None:
    assert np.array_equal(decode_segment(encode_segment(samples, rate_hz)), samples)


def test_every_changed_bit_and_every_cut_is_found() -> None:
    data = encode_segment(SAMPLES[:40], 24_000)
    for at in range(len(data)):
        with pytest.raises(ValueError, match="not as it was written"):
            decode_segment(data[:at])
        for bit in range(8):
            with pytest.raises(ValueError, match="not as it was written"):
                decode_segment(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])


def test_the_head_tells_readings_of_one_length_apart() -> None:
    heads = {encode_segment(samples, 24_000)[:HEAD_BYTES] for samples in (SAMPLES, -SAMPLES)}
    assert len(heads) == 2
    assert all(DIGEST_CHUNK in head for head in heads)


def test_samples_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        encode_segment(np.full(3, np.nan, np.float32), 24_000)
