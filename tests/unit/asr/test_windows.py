"""Windows: all speech once, in order, in bounded pieces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.asr.base import SAMPLE_RATE_HZ, Samples
from app.asr.windows import BLOCK, MAX_WINDOW, OVERLAP, Searched, Window, cut_windows
from tests.support.fake_network import SPEECH, find_speech


def recording(*parts: tuple[float, float]) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    """(seconds, value) ..."""
    return np.concatenate([np.full(round(seconds * SAMPLE_RATE_HZ), value, np.float32) for seconds, value in parts])


def windows_of(samples: Samples) -> list[Window]:
    return [piece for piece in cut_windows(samples, find_speech) if isinstance(piece, Window)]


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 400), st.integers(1, 40)), min_size=1, max_size=6))
def test_no_speech_is_lost_or_repeated_whatever_its_length(parts: list[tuple[int, int]]) -> None:
    samples = recording(*(part for speech, pause in parts for part in ((speech, SPEECH), (pause, 0.0))))
    windows = windows_of(samples)
    covered = np.zeros(len(samples), np.int8)
    for window in windows:
        assert len(window.samples) <= MAX_WINDOW
        assert len(window.samples) == sum(stop - start for start, stop in window.spans)
        for start, stop in window.spans:
            covered[start:stop] += 1
    assert np.array_equal(covered, samples != 0)


def test_a_recording_of_30_s_is_one_window() -> None:
    samples = recording((10, SPEECH), (2, 0), (18, SPEECH))
    [window] = windows_of(samples)
    assert window.duration_s == 28
    assert window.end_s == 30


def test_a_recording_without_speech_has_no_window() -> None:
    assert windows_of(recording((700, 0.0))) == []
    assert list(cut_windows(np.zeros(0, np.float32), find_speech)) == []


def test_each_step_searches_one_block_and_says_how_far() -> None:
    seen: list[int] = []
    pieces = cut_windows(recording((150, 0.0)), lambda block: seen.append(len(block)) or find_speech(block))
    assert next(pieces) == Searched((BLOCK - OVERLAP) / SAMPLE_RATE_HZ)
    assert seen == [BLOCK]
    assert next(pieces) == Searched(2 * (BLOCK - OVERLAP) / SAMPLE_RATE_HZ)
    assert seen == [BLOCK, BLOCK]


def test_the_only_speech_of_a_block_is_not_cut_at_its_end() -> None:
    samples = recording((50, 0.0), (20, SPEECH), (50, 0.0))
    [window] = windows_of(samples)
    assert window.spans == ((50 * SAMPLE_RATE_HZ, 70 * SAMPLE_RATE_HZ),)


def test_speech_that_is_in_no_window_yet_is_not_said_to_be_searched() -> None:
    pieces = list(cut_windows(recording((51, 0.0), (5, SPEECH), (4, 0.0), (5, SPEECH)), find_speech))
    assert pieces[0] == Searched(51)


@pytest.mark.parametrize(("pause_s", "num_windows"), [(5, 1), (5.1, 2), (600, 2)])
def test_no_window_has_a_silence_of_more_than_5_s(pause_s: float, num_windows: int) -> None:
    windows = windows_of(recording((3, SPEECH), (pause_s, 0.0), (3, SPEECH)))
    assert len(windows) == num_windows


def test_a_window_is_closed_in_the_block_whose_silence_ends_it() -> None:
    pieces = cut_windows(recording((3, SPEECH), (600, 0.0), (3, SPEECH)), find_speech)
    first = next(pieces)
    assert isinstance(first, Window)
    assert first.end_s == 3


def test_the_first_window_needs_one_block_of_a_long_recording() -> None:
    seen: list[int] = []
    samples = recording((1200, SPEECH))
    windows = cut_windows(samples, lambda block: seen.append(len(block)) or find_speech(block))
    next(windows)
    assert seen == [BLOCK]


def test_a_word_that_begins_at_the_end_of_a_block_is_looked_at_again() -> None:
    starts: list[int] = []
    samples = np.arange(2 * BLOCK, dtype=np.float32)
    list(cut_windows(samples, lambda block: starts.append(int(block[0])) or []))
    assert starts[:2] == [0, BLOCK - OVERLAP]


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_samples_are_given_as_float32_in_full_scale(dtype: type) -> None:
    full_scale = 16384 if dtype is np.int16 else 0.5
    [window] = windows_of(np.full(1600, full_scale, dtype))
    assert window.samples.dtype == np.float32
    assert np.all(window.samples == 0.5)


def test_the_rest_of_a_window_keeps_its_places_in_the_recording() -> None:
    samples = recording((4, SPEECH), (2, 0), (6, SPEECH), (1, 0), (3, SPEECH))
    [window] = windows_of(samples)
    rest = window.rest(5)
    [first, second] = [(start / SAMPLE_RATE_HZ, stop / SAMPLE_RATE_HZ) for start, stop in rest.spans]
    assert np.allclose(first, (7, 12), atol=0.02)
    assert second == (13, 16)
    assert len(rest.samples) == sum(stop - start for start, stop in rest.spans)


def test_the_rest_of_a_window_begins_in_the_pause_beside_the_time_of_the_model() -> None:
    [window] = windows_of(recording((4, SPEECH), (0.1, SPEECH / 100), (6, SPEECH)))
    assert 4.0 < window.rest(4.3).start_s < 4.1
    assert 4.0 < window.rest(3.8).start_s < 4.1
