"""Chunks of the vocoder: every sample once, and the samples of the whole."""

import copy
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.xtts.vocoder.chunks import (
    FEW_CHUNK_FRAMES,
    GRADUAL_CHUNK_FRAMES,
    Chunk,
    chunk_frames,
    chunk_lengths,
    plan_chunk,
)
from app.engine.xtts.vocoder.generator import to_bfloat16
from app.engine.xtts.vocoder.pieces import State
from app.engine.xtts.vocoder.upsampling import LatentUpsampler
from app.engine.xtts.vocoder.vocoder import Vocoder, VocoderJob
from tests.support.vocode import vocode
from tests.support.xtts import Pair

WHOLE = (1_000_000,)


@pytest.fixture(scope="module")
def vocoder(tiny: Pair) -> Vocoder:
    return Vocoder(copy.deepcopy(tiny.checkpoint.networks.generator))


@pytest.fixture(scope="module")
def few(tiny: Pair) -> Vocoder:
    return Vocoder(copy.deepcopy(tiny.checkpoint.networks.generator), few_shapes=True)


@pytest.mark.slow
@pytest.mark.parametrize("speed", [1.0, 0.7, 1.4])
@pytest.mark.parametrize("count", [5, 20, 61])
def test_the_waveform_is_the_references(vocoder: Vocoder, tiny: Pair, count: int, speed: float) -> None:
    latents = torch.randn(count, 64)
    stretched = latents.T[None]
    if speed != 1.0:
        stretched = torch.nn.functional.interpolate(stretched, scale_factor=1 / speed, mode="linear")
    with torch.no_grad():
        theirs = tiny.reference.hifigan_decoder(stretched.transpose(1, 2), g=tiny.voice.speaker_embedding[None])
    for sizes in (WHOLE, GRADUAL_CHUNK_FRAMES):
        ours = vocode(vocoder, tiny, latents, sizes, speed=speed)
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
def test_no_sample_is_lost_repeated_or_changed_at_the_edges_of_chunks(
    vocoder: Vocoder, tiny: Pair, count: int, sizes: tuple[int, ...], speed: float, step: int
) -> None:
    latents = torch.randn(count, 64, generator=torch.Generator().manual_seed(count))
    upsampler = LatentUpsampler(tiny.checkpoint.config.model_args, speed=speed)
    if not upsampler.num_frames(count):
        return
    whole = vocode(vocoder, tiny, latents, WHOLE, speed=speed)
    assert len(whole) == upsampler.num_frames(count) * vocoder.frame_samples
    chunked = vocode(vocoder, tiny, latents, sizes, speed=speed, step=step)
    np.testing.assert_allclose(chunked, whole, atol=1e-5, rtol=0)


def test_a_frame_at_a_time_is_the_whole(vocoder: Vocoder, tiny: Pair) -> None:
    """Pieces that are shorter than what a layer keeps."""
    latents = torch.randn(9, 64)
    whole = vocode(vocoder, tiny, latents, WHOLE)
    np.testing.assert_allclose(vocode(vocoder, tiny, latents, (1,)), whole, atol=1e-5, rtol=0)


def test_however_fast_latents_come_the_samples_are_the_same_to_the_bit(vocoder: Vocoder, tiny: Pair) -> None:
    latents = torch.randn(118, 64)
    one_by_one = vocode(vocoder, tiny, latents)
    assert one_by_one.tobytes() == vocode(vocoder, tiny, latents, step=118).tobytes()
    assert one_by_one.tobytes() == vocode(vocoder, tiny, latents, step=7).tobytes()


def test_what_is_kept_between_chunks_does_not_grow(vocoder: Vocoder, tiny: Pair) -> None:
    states: list[State] = []
    vocode(vocoder, tiny, torch.randn(300, 64), states=states)
    kept = [sum(columns.numel() for columns in state) for state in states]
    assert len(kept) > 6
    assert set(kept[:-1]) == {kept[0]}
    assert not kept[-1]  # nothing follows the last one
    # A view would hold all that its chunk computed.
    assert all(columns.untyped_storage().nbytes() == columns.nbytes for columns in states[3])


def job_of(pair: Pair, latents: torch.Tensor, chunk: Chunk, state: State | None) -> VocoderJob:
    """A chunk of a segment that has ended."""
    return VocoderJob(
        latents=latents,
        speaker_embedding=pair.voice.speaker_embedding,
        upsampler=LatentUpsampler(pair.checkpoint.config.model_args),
        chunk=chunk,
        is_final=True,
        state=state,
    )


@pytest.mark.slow
def test_a_chunk_without_what_was_kept_sounds_otherwise(vocoder: Vocoder, tiny: Pair) -> None:
    """Guards the tests above: they see a layer that does not go on where it stopped."""
    latents = torch.randn(60, 64)
    first, second = chunks_of(200, vocoder.context)[:2]
    state = vocoder.run([job_of(tiny, latents, first, None)])[0].state
    exact = vocoder.run([job_of(tiny, latents, second, state)])[0].samples.wait()
    for number in range(len(state)):
        if not state[number].numel():  # of the branch that the others wait for
            continue
        damaged = [columns + (layer == number) for layer, columns in enumerate(state)]
        changed = vocoder.run([job_of(tiny, latents, second, damaged)])[0].samples.wait()
        assert changed.shape == exact.shape
        assert not torch.equal(changed, exact), f"nobody reads what layer {number} keeps"


@pytest.mark.parametrize(("few_shapes", "tolerance"), [(False, 0.0), (True, 1e-5)])
def test_chunks_of_several_segments_together_are_those_of_each_alone(
    tiny: Pair, few_shapes: bool, tolerance: float
) -> None:
    """At their start, in their midst and at their end; the state too, which the next chunk shows."""
    vocoder = Vocoder(copy.deepcopy(tiny.checkpoint.networks.generator), few_shapes=few_shapes)
    latents = [torch.randn(count, 64) for count in (40, 40, 55, 70, 40)]
    states: list[State | None] = [None] * len(latents)
    for number in range(3):
        jobs: list[VocoderJob] = []
        for some, state in zip(latents, states, strict=True):
            num_frames = LatentUpsampler(tiny.checkpoint.config.model_args).num_frames(len(some))
            jobs.append(
                job_of(tiny, some, chunks_of(num_frames, vocoder.context, few_lengths=few_shapes)[number], state)
            )
        together = vocoder.run(jobs)
        for job, made in zip(jobs, together, strict=True):
            [alone] = vocoder.run([job])
            torch.testing.assert_close(made.samples.wait(), alone.samples.wait(), atol=tolerance, rtol=0)
        states = [made.state for made in together]


def chunks_of(
    num_frames: int, context: int, *, few_lengths: bool = False, sizes: Sequence[int] | None = None
) -> list[Chunk]:
    chunks: list[Chunk] = []
    while chunk := plan_chunk(
        len(chunks),
        chunks[-1].stop if chunks else 0,
        num_ready=num_frames,
        context=context,
        is_final=True,
        few_lengths=few_lengths,
        sizes=sizes,
    ):
        chunks.append(chunk)
    return chunks


@given(num_frames=st.integers(1, 2700), context=st.integers(3, 20), few_lengths=st.booleans())
def test_chunks_follow_each_other_to_the_last_frame(num_frames: int, context: int, few_lengths: bool) -> None:
    chunks = chunks_of(num_frames, context, few_lengths=few_lengths)
    assert [chunk.start for chunk in chunks] == [0, *(chunk.stop for chunk in chunks[:-1])]
    assert chunks[-1].stop == num_frames
    assert [chunk.is_last for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    for chunk in chunks:
        assert chunk.start < chunk.stop <= chunk.start + chunk.length
        assert chunk.length in chunk_lengths(context, chunk_frames(few_lengths=few_lengths)) or (
            chunk.is_last and not few_lengths
        )


@given(num_frames=st.integers(1, 900), ready=st.lists(st.integers(0, 900)), context=st.integers(3, 20))
def test_the_chunks_of_a_segment_that_goes_on_are_those_of_the_whole(
    num_frames: int, ready: list[int], context: int
) -> None:
    chunks: list[Chunk] = []
    for count in [*sorted(frames for frames in ready if frames < num_frames), num_frames]:
        while chunk := plan_chunk(
            len(chunks),
            chunks[-1].stop if chunks else 0,
            num_ready=count,
            context=context,
            is_final=count == num_frames,
        ):
            chunks.append(chunk)
    assert chunks == chunks_of(num_frames, context)


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, 40, 77, 118])
def test_few_shapes_change_no_sample_and_chunks_that_are_made_twice_are_given_once(
    vocoder: Vocoder, few: Vocoder, tiny: Pair, count: int
) -> None:
    latents = torch.randn(count, 64)
    num_frames = LatentUpsampler(tiny.checkpoint.config.model_args).num_frames(count)
    ours, theirs = (
        chunks_of(num_frames, few.context, few_lengths=few_lengths, sizes=FEW_CHUNK_FRAMES)
        for few_lengths in (True, False)
    )
    assert {chunk.length for chunk in ours} <= set(few.chunk_lengths)
    states: list[State | None] = [None, None]
    for few_chunk, exact_chunk in zip(ours, theirs, strict=True):
        several = few.run([job_of(tiny, latents, few_chunk, states[0])] * 3)
        [exact] = vocoder.run([job_of(tiny, latents, exact_chunk, states[1])])
        assert len(several) == 3
        for made in several:
            torch.testing.assert_close(made.samples.wait(), exact.samples.wait(), atol=1e-5, rtol=0)
        states = [several[1].state, exact.state]


@pytest.mark.slow
def test_float16_is_fifty_decibels_below_what_is_heard(vocoder: Vocoder, tiny: Pair) -> None:
    halved = Vocoder(copy.deepcopy(tiny.checkpoint.networks.generator).half())
    latents = torch.randn(60, 64)
    exact, ours = vocode(vocoder, tiny, latents, WHOLE), vocode(halved, tiny, latents, WHOLE)
    noise_db = 10 * np.log10(np.mean(np.square(ours - exact)) / np.mean(np.square(exact)))
    assert -100 < noise_db < -50  # not nothing: it is float16 that is measured
    chunked = vocode(halved, tiny, latents)
    assert np.mean(np.square(chunked - ours)) < 1e-5 * np.mean(np.square(ours))


@pytest.mark.parametrize("has_speaker_in_each_layer", [True, False])
def test_bfloat16_is_forty_decibels_below_what_is_heard_and_a_stream_has_the_bits_of_the_whole(
    tiny: Pair, *, has_speaker_in_each_layer: bool
) -> None:
    generator = copy.deepcopy(tiny.checkpoint.networks.generator)
    generator.cond_in_each_up_layer = generator.cond_in_each_up_layer and has_speaker_in_each_layer
    exact_vocoder = Vocoder(copy.deepcopy(generator))
    to_bfloat16(generator)
    rounded = Vocoder(generator)
    latents = torch.randn(60, 64)
    exact, ours = vocode(exact_vocoder, tiny, latents), vocode(rounded, tiny, latents)
    noise_db = 10 * np.log10(np.mean(np.square(ours - exact)) / np.mean(np.square(exact)))
    assert -80 < noise_db < -40  # not nothing: it is bfloat16 that is measured
    assert ours.tobytes() == vocode(rounded, tiny, latents, step=len(latents)).tobytes()
    assert ours.tobytes() == vocode(rounded, tiny, latents, step=7).tobytes()
