"""Frames to samples, chunk by chunk; a stream has the samples of the whole segment.

Work grows linearly with length, and memory not at all.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec
import torch
from TTS.vocoder.models.hifigan_generator import HifiganGenerator

from app.engine.xtts.device.copies import HostCopy, to_device
from app.engine.xtts.vocoder.chunks import Chunk, chunk_frames, chunk_lengths
from app.engine.xtts.vocoder.fixed_shapes import COUNTS, FixedShapes, Shape
from app.engine.xtts.vocoder.generator import StreamingGenerator
from app.engine.xtts.vocoder.pieces import State
from app.engine.xtts.vocoder.upsampling import LatentUpsampler

if TYPE_CHECKING:
    from app.engine.xtts.vocoder.amx.generator import AmxGenerator

logger = logging.getLogger(__name__)

MAX_CHUNKS = COUNTS[-1]


class VocoderJob(msgspec.Struct, frozen=True, kw_only=True):
    latents: torch.Tensor
    """[latents so far, channels]"""
    speaker_embedding: torch.Tensor
    """[512, 1]"""
    upsampler: LatentUpsampler
    chunk: Chunk
    is_final: bool
    """whether `latents` are all of the segment"""
    state: State | None
    """from the chunk before; None for the first one"""


class VocodedChunk(msgspec.Struct, frozen=True):
    """samples   [samples] float32
    state     for the next chunk of the segment
    """

    samples: HostCopy
    num_samples: int
    state: State


class Vocoder:
    """The HiFi-GAN generator of the TTS package.

    Samples have the precision of the generator's weights; frames are stretched in float32. In bfloat16 on a CPU with
    AMX the products are those of `app/engine/xtts/vocoder/amx`, and one thread at a time may call `run`.

    few_shapes   for a GPU, whose library plans each of 83 convolutions anew for each shape: several chunks share a
                 call, in numbers of `COUNTS`, the rest being made twice, and the last chunk of a segment is filled up.
                 Without it chunks are made one by one: on a CPU they are no faster together, and so their rounding
                 does not depend on other segments
    use_graphs   capture a CUDA graph for each of the few shapes, now
    """

    def __init__(self, generator: HifiganGenerator, *, few_shapes: bool = False, use_graphs: bool = False) -> None:
        self._generator = streaming = StreamingGenerator(generator)
        if streaming.dtype == torch.bfloat16 and streaming.device.type == "cpu":
            self._generator = _with_amx(generator) or streaming
        self.few_shapes = few_shapes
        self.context = self._generator.context
        self.chunk_lengths = chunk_lengths(self.context, chunk_frames(few_lengths=few_shapes))
        self.frame_samples = self._generator.frame_samples
        self.device, self._dtype = self._generator.device, self._generator.dtype
        self._shapes: FixedShapes | None = None
        if few_shapes:
            self._shapes = FixedShapes(streaming, self.chunk_lengths, use_graphs=use_graphs)

    @torch.inference_mode()
    def run(self, jobs: Sequence[VocoderJob]) -> list[VocodedChunk]:
        """The samples of each chunk, as far as no later frame can change them."""
        alike: defaultdict[Shape, list[int]] = defaultdict(list)
        for number, job in enumerate(jobs):
            alike[_shape(job)].append(number)
        made: dict[int, VocodedChunk] = {}
        for shape, numbers in alike.items():
            if self._shapes is None:
                made |= {number: self._run_alone(jobs[number]) for number in numbers}
                continue
            for some in _groups(numbers, MAX_CHUNKS):
                chunks = _run_together(self._shapes, shape, [jobs[number] for number in some])
                made.update(zip(some, chunks, strict=True))
        return [made[number] for number in range(len(jobs))]

    def _run_alone(self, job: VocoderJob) -> VocodedChunk:
        chunk = job.chunk
        embedding = to_device(job.speaker_embedding.to(self._dtype), self.device)
        # [1, frames, channels] is [1, channels, 1, frames] in channels-last order: no copy is made.
        samples, state = self._generator(
            _frames(job).to(self._dtype)[None].transpose(1, 2)[:, :, None],
            embedding[None, :, None],
            job.state,
            num_valid=chunk.stop - chunk.start,
            is_last=chunk.is_last,
        )
        row = samples[0].float()
        return VocodedChunk(HostCopy(row), len(row), state)


def _with_amx(generator: HifiganGenerator) -> "AmxGenerator | None":
    """None where it cannot be compiled, or the CPU has no AMX: torch's convolutions take longer."""
    try:
        from app.engine.xtts.vocoder.amx.generator import AmxGenerator
    except ImportError as error:
        logger.info("the vocoder computes with torch's convolutions: %s", error)
        return None
    return AmxGenerator(generator)


def _run_together(shapes: FixedShapes, shape: Shape, jobs: Sequence[VocoderJob]) -> Iterable[VocodedChunk]:
    """Chunks of one kind, as many of them as the next larger shape has: the rest is made twice."""
    count = next(count for count in COUNTS if count >= len(jobs))
    filled = [*jobs, *[jobs[-1]] * (count - len(jobs))]
    rows, kept = shapes.run(
        msgspec.structs.replace(shape, count=count),
        torch.stack([_frames(job) for job in filled]),
        [job.chunk.stop - job.chunk.start for job in filled],
        torch.stack([job.speaker_embedding for job in filled]),
        [state for job in filled for state in job.state or ()],
    )
    for number, row in enumerate(rows[: len(jobs)]):
        # Copied: the next call of this shape writes to `kept`.
        yield VocodedChunk(HostCopy(row), len(row), [] if kept is None else [kept[number].clone()])


def _shape(job: VocoderJob) -> Shape:
    """Equal for jobs that can share a call of the generator."""
    return Shape(job.chunk.length, 1, is_first=job.state is None, is_last=job.chunk.is_last)


def _frames(job: VocoderJob) -> torch.Tensor:
    """[chunk's length, channels]"""
    chunk = job.chunk
    frames = job.upsampler.frames(job.latents, chunk.start, chunk.stop, is_final=job.is_final)
    return torch.nn.functional.pad(frames, (0, 0, 0, chunk.length - len(frames)))


def _groups(numbers: Sequence[int], size: int) -> Iterable[Sequence[int]]:
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]
