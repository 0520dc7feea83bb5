"""Windows of the vocoder: every sample once, and the samples of the whole."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audio.pcm import float_to_int16
from app.engine.values import Samples
from app.engine.xtts.vocoder.upsampling import LatentUpsampler
from app.engine.xtts.vocoder.vocoder import Vocoder, VocoderJob
from app.engine.xtts.vocoder.windows import WINDOW_FRAMES, Window, plan_window, window_lengths
from tests.support.xtts import Pair

WHOLE = (1_000_000,)


@pytest.fixture(scope="module")
def vocoder(tiny: Pair) -> Vocoder:
    return Vocoder(copy.deepcopy(tiny.checkpoint.networks.generator))


def vocode(
    vocoder: Vocoder, pair: Pair, latents: torch.Tensor, sizes: tuple[int, ...], *, speed: float = 1.0, step: int = 1
) -> Samples:
    """The samples of a segment whose latents come `step` at a time."""
    upsampler = LatentUpsampler(pair.checkpoint.config.model_args, speed=speed)
    pieces: list[Samples] = []
    start = 0
    for count in [*range(step, len(latents), step), len(latents)]:
        is_final = count == len(latents)
        num_ready = upsampler.num_frames(count) if is_final else upsampler.num_ready(count)
        while window := plan_window(
            len(pieces), start, num_ready=num_ready, context=vocoder.context, is_final=is_final, sizes=sizes
        ):
            job = VocoderJob(
                latents=latents[:count],
                speaker_embedding=pair.voice.speaker_embedding,
                upsampler=upsampler,
                window=window,
                is_final=is_final,
            )
            pieces += [arrival.wait().numpy() for arrival in vocoder.run([job])]
            start = window.stop
    return np.concatenate(pieces)


@pytest.mark.parametrize("speed", [1.0, 0.7, 1.4])
@pytest.mark.parametrize("count", [5, 20, 61])
def test_the_waveform_is_the_references(vocoder: Vocoder, tiny: Pair, count: int, speed: float) -> None:
    latents = torch.randn(count, 64)
    stretched = latents.T[None]
    if speed != 1.0:
        stretched = torch.nn.functional.interpolate(stretched, scale_factor=1 / speed, mode="linear")
    with torch.no_grad():
        theirs = tiny.reference.hifigan_decoder(stretched.transpose(1, 2), g=tiny.voice.speaker_embedding[None])
    ours = vocode(vocoder, tiny, latents, WHOLE, speed=speed)
    np.testing.assert_allclose(ours, theirs.flatten().numpy(), atol=1e-3, rtol=0)
    np.testing.assert_allclose(ours, theirs.flatten().numpy(), atol=1e-5, rtol=0)  # and better than asked


@pytest.mark.slow
@given(
    count=st.integers(1, 120),
    sizes=st.lists(st.integers(1, 250), min_size=1, max_size=4).map(tuple),
    speed=st.sampled_from([1.0, 0.6, 1.9]),
    step=st.integers(5, 60),
)
@settings(max_examples=20, deadline=None)
def test_no_sample_is_lost_repeated_or_changed_at_the_edges_of_windows(
    vocoder: Vocoder, tiny: Pair, count: int, sizes: tuple[int, ...], speed: float, step: int
) -> None:
    latents = torch.randn(count, 64, generator=torch.Generator().manual_seed(count))
    upsampler = LatentUpsampler(tiny.checkpoint.config.model_args, speed=speed)
    if not upsampler.num_frames(count):
        return
    whole = vocode(vocoder, tiny, latents, WHOLE, speed=speed)
    assert len(whole) == upsampler.num_frames(count) * vocoder.frame_samples
    windowed = vocode(vocoder, tiny, latents, sizes, speed=speed, step=step)
    np.testing.assert_allclose(windowed, whole, atol=1e-5, rtol=0)


def test_less_context_than_the_generator_looks_at_would_be_heard(vocoder: Vocoder, tiny: Pair) -> None:
    """Guards the tests above: they see a window that is cut too short."""
    latents = torch.randn(60, 64)
    whole = vocode(vocoder, tiny, latents, WHOLE)
    context, vocoder.context = vocoder.context, 4
    try:
        assert np.abs(vocode(vocoder, tiny, latents, (24,)) - whole).max() > 1e-4
    finally:
        vocoder.context = context


def test_however_fast_latents_come_the_servers_windows_give_the_same_bytes(vocoder: Vocoder, tiny: Pair) -> None:
    latents = torch.randn(118, 64)
    one_by_one = vocode(vocoder, tiny, latents, WINDOW_FRAMES)
    at_once = vocode(vocoder, tiny, latents, WINDOW_FRAMES, step=118)
    assert float_to_int16(one_by_one).tobytes() == float_to_int16(at_once).tobytes()


def test_windows_of_several_segments_together_are_those_of_each_alone(vocoder: Vocoder, tiny: Pair) -> None:
    upsampler = LatentUpsampler(tiny.checkpoint.config.model_args)
    jobs: list[VocoderJob] = []
    for count in (40, 40, 55, 70, 40):
        window = plan_window(0, 0, num_ready=upsampler.num_frames(count), context=vocoder.context, is_final=True)
        assert window is not None
        embedding = torch.randn(512, 1)
        jobs.append(
            VocoderJob(
                latents=torch.randn(count, 64),
                speaker_embedding=embedding,
                upsampler=upsampler,
                window=window,
                is_final=True,
            )
        )
    for job, together in zip(jobs, vocoder.run(jobs), strict=True):
        torch.testing.assert_close(together.wait(), vocoder.run([job])[0].wait(), atol=1e-5, rtol=0)


def windows_of(num_frames: int, context: int, lengths: tuple[int, ...]) -> list[Window]:
    windows: list[Window] = []
    while window := plan_window(
        len(windows),
        windows[-1].stop if windows else 0,
        num_ready=num_frames,
        context=context,
        is_final=True,
        lengths=lengths,
    ):
        windows.append(window)
    return windows


@given(num_frames=st.integers(1, 2700), context=st.integers(3, 20))
def test_where_shapes_are_to_be_few_a_long_segment_has_four_and_its_windows_are_the_same(
    num_frames: int, context: int
) -> None:
    lengths = window_lengths(context)
    many, few = windows_of(num_frames, context, ()), windows_of(num_frames, context, lengths)
    assert [(window.start, window.stop, window.last) for window in many] == [
        (window.start, window.stop, window.last) for window in few
    ]
    assert all(0 <= ours.first <= theirs.first for ours, theirs in zip(few, many, strict=True))
    for window in few:
        assert window.last - window.first in lengths or window.first == 0


def test_few_shapes_change_no_sample_and_windows_that_are_made_twice_are_given_once(tiny: Pair) -> None:
    few = Vocoder(copy.deepcopy(tiny.checkpoint.networks.generator), few_shapes=True)
    many = Vocoder(copy.deepcopy(tiny.checkpoint.networks.generator))
    upsampler = LatentUpsampler(tiny.checkpoint.config.model_args)
    latents = torch.randn(77, 64)
    num_frames = upsampler.num_frames(77)
    jobs = [
        [
            VocoderJob(
                latents=latents,
                speaker_embedding=tiny.voice.speaker_embedding,
                upsampler=upsampler,
                window=window,
                is_final=True,
            )
            for window in windows_of(num_frames, vocoder.context, vocoder.lengths)
        ]
        for vocoder in (few, many)
    ]
    assert {job.window.last - job.window.first for job in jobs[0]} <= set(few.lengths)
    multiplied: list[int] = []
    hook = few._generator.conv_pre.register_forward_pre_hook(lambda _, inputs: multiplied.append(len(inputs[0])))
    ours, theirs = few.run([*jobs[0], *jobs[0], *jobs[0]]), many.run(jobs[1])
    hook.remove()
    assert len(ours) == 3 * len(theirs)
    assert set(multiplied) == {4}  # three of each, and one that nobody asked for
    for number, arrival in enumerate(ours):
        torch.testing.assert_close(arrival.wait(), theirs[number % len(theirs)].wait(), atol=1e-5, rtol=0)


def test_float16_is_fifty_decibels_below_what_is_heard(vocoder: Vocoder, tiny: Pair) -> None:
    halved = Vocoder(copy.deepcopy(tiny.checkpoint.networks.generator).half())
    latents = torch.randn(60, 64)
    exact, ours = vocode(vocoder, tiny, latents, WHOLE), vocode(halved, tiny, latents, WHOLE)
    noise_db = 10 * np.log10(np.mean(np.square(ours - exact)) / np.mean(np.square(exact)))
    assert -100 < noise_db < -50  # not nothing: it is float16 that is measured
    windowed = vocode(halved, tiny, latents, WINDOW_FRAMES)
    assert np.mean(np.square(windowed - ours)) < 1e-5 * np.mean(np.square(ours))
