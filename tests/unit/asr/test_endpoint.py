"""Utterances in a stream of probabilities: each frame of 32 ms is numbered, so that its samples can be told."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from app.asr.endpoint import BEGIN_FRAMES, FRAME, LEAD_FRAMES, MAX_UTTERANCE_S, Edge, Endpointer, Utterance

SILENCE_S = 10 * FRAME / 16_000


def run(probabilities: list[float], *, silence_s: float = SILENCE_S) -> list[tuple[Edge, Utterance]]:
    endpointer = Endpointer(silence_s=silence_s)
    edges = [
        (edge.edge, edge.utterance)
        for number, probability in enumerate(probabilities)
        for edge in endpointer.take(np.full(FRAME, number, np.int16), probability)
    ]
    return edges + [(edge.edge, edge.utterance) for edge in endpointer.flush()]


def numbers(utterance: Utterance) -> list[int]:
    """The numbers of the frames in it."""
    frames: NDArray[np.int16] = utterance.samples.reshape(-1, FRAME)
    assert (frames == frames[:, :1]).all()
    return frames[:, 0].tolist()


def test_an_utterance_has_the_sound_before_it_and_ends_after_the_silence() -> None:
    (began, first), (ended, utterance) = run([0.0] * 50 + [0.9] * 20 + [0.0] * 30)
    assert (began, ended, first) == (Edge.BEGAN, Edge.ENDED, utterance)
    assert numbers(utterance) == list(range(50 - LEAD_FRAMES, 80))
    assert (utterance.speech_start, utterance.speech_end) == (50 * FRAME, 70 * FRAME)
    assert utterance.start == (50 - LEAD_FRAMES) * FRAME


def test_speech_at_the_very_start_has_no_sound_before_it() -> None:
    _, (_, utterance) = run([0.9] * 20)
    assert (utterance.start, utterance.speech_start, numbers(utterance)) == (0, 0, list(range(20)))


@pytest.mark.parametrize("probabilities", [[0.0] * 100, [0.0, 0.9, 0.0] * 30, [0.49] * 100])
def test_silence_clicks_and_unlikely_speech_are_no_utterance(probabilities: list[float]) -> None:
    assert run(probabilities) == []


def test_a_shorter_silence_goes_on_and_a_softer_frame_counts_as_speech() -> None:
    _, (_, utterance) = run([0.9] * 10 + [0.0] * 9 + [0.4] * 10 + [0.0] * 10 + [0.0] * 50)
    assert utterance.speech_end == 29 * FRAME


def test_two_utterances_are_numbered_and_share_no_frame() -> None:
    edges = run(([0.9] * 10 + [0.0] * 11) * 2)
    first, second = (utterance for edge, utterance in edges if edge is Edge.ENDED)
    assert (first.index, second.index) == (0, 1)
    assert set(numbers(first)).isdisjoint(numbers(second))


def test_flush_ends_an_utterance_at_once_and_does_nothing_without_one() -> None:
    endpointer = Endpointer(silence_s=SILENCE_S)
    assert list(endpointer.flush()) == []
    for _ in range(BEGIN_FRAMES):
        edges = list(endpointer.take(np.zeros(FRAME, np.int16), 0.9))
    assert [edge.edge for edge in edges] == [Edge.BEGAN]
    assert [edge.edge for edge in endpointer.flush()] == [Edge.ENDED]
    assert endpointer.open is None


def test_long_speech_is_cut_at_its_quietest_frame_and_nothing_of_it_is_lost() -> None:
    num = round(2.5 * MAX_UTTERANCE_S * 16_000 / FRAME)
    probabilities = [0.9] * num
    probabilities[800] = 0.6
    edges = run(probabilities)
    assert [edge for edge, _ in edges] == [Edge.BEGAN, Edge.ENDED] * 3
    ended = [utterance for edge, utterance in edges if edge is Edge.ENDED]
    assert [utterance.index for utterance in ended] == [0, 1, 2]
    assert numbers(ended[0])[-1] == 799
    assert [*itertools.chain(*map(numbers, ended))] == list(range(num))
    assert all(utterance.duration_s <= MAX_UTTERANCE_S for utterance in ended)
    assert all(utterance.speech_end == utterance.end for utterance in ended)


def test_half_the_silence_ends_a_long_utterance() -> None:
    edges = run([0.9] * 300 + [0.0] * 6 + [0.9] * 20)
    assert [edge for edge, _ in edges] == [Edge.BEGAN, Edge.ENDED] * 2


def test_an_utterance_is_paused_before_it_is_ended() -> None:
    endpointer = Endpointer(silence_s=SILENCE_S)
    paused: list[bool] = []
    for probability in [0.9] * 5 + [0.0] * 9 + [0.9]:
        list(endpointer.take(np.zeros(FRAME, np.int16), probability))
        paused.append(endpointer.open is not None and endpointer.open.is_paused)
    assert paused == [False] * 8 + [True] * 6 + [False]
