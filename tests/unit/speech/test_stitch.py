import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.values import AudioChunk
from app.errors import EngineFailure, NothingToSpeak
from app.speech.events import SegmentEnded, SegmentStarted, SpeechEvent
from app.speech.stitch import FADE_MS, KEPT_SILENCE_MS, Pauses, Stitcher
from app.text.segments import Boundary, Segment

RATE_HZ = 24_000
MS = RATE_HZ // 1000


def silence(ms: float) -> Any:
    """As engines make it: faint noise, far below the threshold."""
    return np.random.default_rng(0).normal(0, 1e-4, round(ms * MS)).astype(np.float32)


def sound(ms: float, amplitude: float = 0.5) -> Any:
    """A cosine: it begins at its full height, which clicks where it is not faded."""
    time_s = np.arange(round(ms * MS)) / RATE_HZ
    return (amplitude * np.cos(2 * np.pi * 100 * time_s)).astype(np.float32)


def segments(*boundaries: Boundary) -> tuple[Segment, ...]:
    return tuple(Segment(index=i, text=f"Text {i}.", boundary=boundary) for i, boundary in enumerate(boundaries))


def samples_in(events: Sequence[SpeechEvent]) -> Any:
    """The samples of events, one array; empty where there are none."""
    return np.concatenate([np.zeros(0, np.float32), *(event for event in events if isinstance(event, np.ndarray))])


def stitch(parts: Sequence[Any], boundary: Boundary = Boundary.SENTENCE) -> Any:
    """Each part is one segment in one chunk."""
    stitcher = Stitcher(segments(*[boundary] * len(parts)), RATE_HZ)
    chunks = [AudioChunk(segment_index=i, samples=part, is_last=True) for i, part in enumerate(parts)]
    return samples_in([event for chunk in chunks for event in stitcher.push(chunk)])


def test_silence_around_each_segment_is_cut_to_40_ms() -> None:
    spoken = np.concatenate([silence(190), sound(300), silence(250)])
    stitched = stitch([spoken])
    assert len(stitched) == (KEPT_SILENCE_MS + 300 + KEPT_SILENCE_MS) * MS
    # Between the faded edges not one sample differs.
    start = (190 - KEPT_SILENCE_MS) * MS
    inner = slice(FADE_MS * MS, -FADE_MS * MS)
    np.testing.assert_array_equal(stitched[inner], spoken[start : start + len(stitched)][inner])


def test_silence_shorter_than_that_is_left_as_it_is() -> None:
    assert len(stitch([np.concatenate([silence(10), sound(300), silence(20)])])) == 330 * MS


def test_pauses_inside_a_segment_are_left_as_they_are() -> None:
    spoken = np.concatenate([sound(100), silence(700), sound(100)])
    stitched = stitch([spoken])
    assert len(stitched) == len(spoken)
    np.testing.assert_array_equal(stitched[100 * MS : 800 * MS], spoken[100 * MS : 800 * MS])


@pytest.mark.parametrize(("boundary", "pause_ms"), [("clause", 60), ("sentence", 260), ("paragraph", 600)])
def test_the_pause_follows_from_what_ended_the_segment(boundary: str, pause_ms: int) -> None:
    stitched = stitch([sound(100)] * 3, Boundary(boundary))
    assert len(stitched) == (3 * 100 + 2 * pause_ms) * MS, "none after the last segment"
    assert not stitched[100 * MS : (100 + pause_ms) * MS].any()
    assert np.abs(stitched[(100 + pause_ms) * MS :][: 100 * MS]).max() > 0.49


def test_pauses_can_be_chosen() -> None:
    stitcher = Stitcher(segments(Boundary.CLAUSE, Boundary.CLAUSE), RATE_HZ, pauses=Pauses(clause_ms=10))
    first = samples_in(stitcher.push(AudioChunk(segment_index=0, samples=sound(100), is_last=True)))
    assert len(first) == 110 * MS


def test_joins_do_not_click() -> None:
    """Largest step between neighbours: a fade of 5 ms moves by at most 0.5 * pi / 2 / 120 a sample, plus the tone."""
    stitched = stitch([sound(83), sound(91)], Boundary.CLAUSE)
    largest = np.abs(np.diff(np.concatenate([[0], stitched, [0]]))).max()
    assert largest < 0.5 * math.pi / 2 / (FADE_MS * MS) + 0.5 * 2 * math.pi * 100 / RATE_HZ


@pytest.mark.parametrize("num_samples", [1, 2, 119, 120, 121, 239])
def test_sound_shorter_than_its_fades_is_kept(num_samples: int) -> None:
    stitched = stitch([np.full(num_samples, 0.5, np.float32)])
    assert len(stitched) == num_samples
    assert stitched.any()
    assert stitched.max() <= 0.5


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [np.zeros(0, np.float32)],
        [np.zeros(5000, np.float32), silence(300), np.zeros(0, np.float32)],
    ],
    ids=["only the end", "no samples", "only silence"],
)
def test_a_segment_without_sound_is_an_error_that_names_its_text(parts: list[Any]) -> None:
    text = "Nobody heard this sentence, although it is long enough to be cut short."
    stitcher = Stitcher((Segment(index=0, text=text, boundary=Boundary.SENTENCE),), RATE_HZ)
    for part in parts:
        assert stitcher.push(AudioChunk(segment_index=0, samples=part, is_last=False)) == []
    with pytest.raises(NothingToSpeak, match="Nobody heard this sentence") as failure:
        stitcher.push(AudioChunk(segment_index=0, samples=np.zeros(0, np.float32), is_last=True))
    assert text[:59] in failure.value.message
    assert text[:60] not in failure.value.message


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_samples_that_are_not_numbers_fail_the_segment_by_name(bad: float) -> None:
    stitcher = Stitcher(segments(Boundary.CLAUSE, Boundary.CLAUSE), RATE_HZ)
    stitcher.push(AudioChunk(segment_index=0, samples=sound(100), is_last=True))
    with pytest.raises(EngineFailure, match=r"segment 1 \('Text 1\.'\)"):
        stitcher.push(AudioChunk(segment_index=1, samples=np.array([0.1, bad], np.float32), is_last=False))


def test_chunks_out_of_order_are_never_spoken() -> None:
    stitcher = Stitcher(segments(Boundary.CLAUSE, Boundary.CLAUSE), RATE_HZ)
    with pytest.raises(EngineFailure, match="segment 1 came where segment 0 was due"):
        stitcher.push(AudioChunk(segment_index=1, samples=sound(100), is_last=True))


def test_chunks_are_never_modified_nor_handed_on() -> None:
    samples = np.concatenate([silence(100), sound(100), silence(100)])
    before = samples.copy()
    stitcher = Stitcher(segments(Boundary.CLAUSE), RATE_HZ)
    for is_last in (False, True):
        for event in stitcher.push(AudioChunk(segment_index=0, samples=samples, is_last=is_last)):
            if isinstance(event, np.ndarray):
                assert not np.shares_memory(event, samples)
                event[:] = 9
    np.testing.assert_array_equal(samples, before)


def test_sound_is_handed_on_before_its_segment_ends() -> None:
    stitcher = Stitcher(segments(Boundary.CLAUSE), RATE_HZ)
    first = samples_in(stitcher.push(AudioChunk(segment_index=0, samples=sound(100), is_last=False)))
    assert len(first) == (100 - FADE_MS) * MS, "all but what the fade at the end may need"


_PIECE = st.one_of(
    st.builds(silence, st.sampled_from([0.1, 3, 39, 41, 120])), st.builds(sound, st.sampled_from([0.1, 2, 5, 30]))
)


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=300)
@given(data=st.data())
def test_the_stream_does_not_depend_on_how_segments_are_cut_into_chunks(data: st.DataObject) -> None:
    parts: list[Any] = []
    for _ in range(data.draw(st.integers(1, 3))):
        pieces = data.draw(st.lists(_PIECE, max_size=5))
        parts.append(np.concatenate([*pieces, sound(data.draw(st.sampled_from([0.05, 4, 20]))), silence(0.1)]))
    stitcher = Stitcher(segments(*[Boundary.CLAUSE] * len(parts)), RATE_HZ)
    given_out: list[Any] = []
    for index, part in enumerate(parts):
        cuts = sorted(data.draw(st.lists(st.integers(0, len(part)), max_size=12)))
        chunks = np.split(part, cuts)
        for number, samples in enumerate(chunks, start=1):
            chunk = AudioChunk(segment_index=index, samples=samples, is_last=number == len(chunks))
            given_out.append(samples_in(stitcher.push(chunk)))
    np.testing.assert_array_equal(np.concatenate(given_out), stitch(parts, Boundary.CLAUSE))


def test_the_stream_is_the_same_one_sample_at_a_time() -> None:
    part = np.concatenate([silence(50), sound(30), silence(20), sound(3), silence(50)])
    stitcher = Stitcher(segments(Boundary.CLAUSE), RATE_HZ)
    single = [
        samples_in(stitcher.push(AudioChunk(segment_index=0, samples=part[i : i + 1], is_last=i == len(part) - 1)))
        for i in range(len(part))
    ]
    np.testing.assert_array_equal(np.concatenate(single), stitch([part]))


@pytest.mark.parametrize("num_chunks", [1, 3, 40])
def test_a_segment_starts_before_its_first_sample_and_ends_after_its_last(num_chunks: int) -> None:
    stitcher = Stitcher(segments(Boundary.SENTENCE, Boundary.CLAUSE), RATE_HZ, pauses=Pauses(sentence_ms=300))
    events: list[SpeechEvent] = []
    for index, length_ms in enumerate((200, 500)):
        parts = np.array_split(np.concatenate([silence(190), sound(length_ms), silence(250)]), num_chunks)
        for number, part in enumerate(parts):
            chunk = AudioChunk(segment_index=index, samples=part, is_last=number == num_chunks - 1)
            events += stitcher.push(chunk)
    assert all(event.size for event in events if isinstance(event, np.ndarray))
    marks = [event for event in events if not isinstance(event, np.ndarray)]
    assert marks == [
        SegmentStarted(0, "Text 0.", 0.0),
        SegmentEnded(0, "Text 0.", 0.0, 0.28),
        SegmentStarted(1, "Text 1.", 0.58),
        SegmentEnded(1, "Text 1.", 0.58, 1.16),
    ]
    first_end = next(at for at, event in enumerate(events) if event is marks[1])
    assert events[0] is marks[0]
    assert len(samples_in(events[:first_end])) == 580 * MS
    assert events[first_end + 1] is marks[2]
    assert events[-1] is marks[3]


def with_pauses(*pauses_s: float | None, lead_s: float = 0.0) -> Stitcher:
    texts = [
        Segment(index=i, text=f"Text {i}.", boundary=Boundary.SENTENCE, pause_s=pause_s)
        for i, pause_s in enumerate(pauses_s)
    ]
    return Stitcher(texts, RATE_HZ, lead_s=lead_s)


@pytest.mark.parametrize("pause_s", [0.0, 0.5, 10.0])
def test_a_segments_own_pause_replaces_that_of_its_boundary(pause_s: float) -> None:
    stitcher = with_pauses(pause_s, None)
    given = [stitcher.push(AudioChunk(i, sound(300), is_last=True)) for i in range(2)]
    assert [len(samples_in(events)) for events in given] == [(300 + round(1000 * pause_s)) * MS, 300 * MS]
    ended = [event for events in given for event in events if isinstance(event, SegmentEnded)]
    assert [(event.start_s, event.end_s) for event in ended] == [(0.0, 0.3), (0.3 + pause_s, 0.6 + pause_s)]


def test_a_pause_at_the_end_is_heard() -> None:
    assert len(samples_in(with_pauses(1.0).push(AudioChunk(0, sound(300), is_last=True)))) == 1300 * MS


@pytest.mark.parametrize("num_chunks", [1, 2, 7, 300])
def test_silence_at_the_start_comes_before_the_first_sound_in_however_many_chunks(num_chunks: int) -> None:
    stitcher = with_pauses(None, lead_s=0.5)
    chunks = np.array_split(np.concatenate([silence(100), sound(300)]), num_chunks)
    events = [
        event
        for i, chunk in enumerate(chunks)
        for event in stitcher.push(AudioChunk(0, chunk.astype(np.float32), is_last=i == num_chunks - 1))
    ]
    stream = samples_in(events)
    assert len(stream) == (500 + KEPT_SILENCE_MS + 300) * MS
    assert not stream[: 500 * MS].any()
    marks = [event for event in events if not isinstance(event, np.ndarray)]
    assert marks == [SegmentStarted(0, "Text 0.", 0.5), SegmentEnded(0, "Text 0.", 0.5, 0.84)]
