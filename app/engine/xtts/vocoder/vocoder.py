"""Frames to samples, chunk by chunk; a stream has the samples of the whole segment.

Work grows linearly with length, and memory not at all.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec
import torch
from TTS.vocoder.models.hifigan_generator import HifiganGenerator

from app.engine.xtts.device.copies import HostCopy, to_device
from app.engine.xtts.vocoder.chunks import Chunk, chunk_frames, chunk_lengths
from app.engine.xtts.vocoder.generator import State, StreamingGenerator
from app.engine.xtts.vocoder.upsampling import LatentUpsampler

COUNTS = (1, 2, 4, 8)
"""Chunks in one call of the generator on a GPU."""
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

    Samples have the precision of the generator's weights; frames are stretched in float32.

    few_shapes   for a GPU, whose library plans each of 83 convolutions anew for each shape: several chunks share a
                 call, in numbers of `COUNTS`, the rest being made twice, and the last chunk of a segment is filled up.
                 Without it chunks are made one by one: on a CPU they are no faster together, and so their rounding
                 does not depend on other segments
    """

    def __init__(self, generator: HifiganGenerator, *, few_shapes: bool = False) -> None:
        self._generator = StreamingGenerator(generator)
        self.few_shapes = few_shapes
        self.context = self._generator.context
        self.chunk_lengths = chunk_lengths(self.context, chunk_frames(few_lengths=few_shapes))
        self.frame_samples = self._generator.frame_samples
        self.device, self._dtype = self._generator.device, self._generator.dtype

    @torch.inference_mode()
    def run(self, jobs: Sequence[VocoderJob]) -> list[VocodedChunk]:
        """The samples of each chunk, as far as no later frame can change them."""
        alike: defaultdict[object, list[int]] = defaultdict(list)
        for number, job in enumerate(jobs):
            alike[_shape(job)].append(number)
        made: dict[int, VocodedChunk] = {}
        for numbers in alike.values():
            for some in _groups(numbers, MAX_CHUNKS if self.few_shapes else 1):
                made.update(zip(some, self._run_together([jobs[number] for number in some]), strict=True))
        return [made[number] for number in range(len(jobs))]

    def _run_together(self, jobs: Sequence[VocoderJob]) -> Iterable[VocodedChunk]:
        count = next(count for count in COUNTS if count >= len(jobs)) if self.few_shapes else len(jobs)
        filled = [*jobs, *[jobs[-1]] * (count - len(jobs))]
        frames = torch.stack([_frames(job) for job in filled]).to(self._dtype)
        embeddings = to_device(torch.stack([job.speaker_embedding for job in filled]).to(self._dtype), self.device)
        chunk = jobs[0].chunk
        # [jobs, frames, channels] is [jobs, channels, 1, frames] in channels-last order: no copy is made.
        samples, state = self._generator(
            frames.transpose(1, 2)[:, :, None],
            embeddings[:, :, None],
            _stacked([job.state for job in filled]),
            num_valid=chunk.stop - chunk.start,
            is_last=chunk.is_last,
        )
        for number, row in enumerate(samples[: len(jobs)].float()):
            kept = [] if chunk.is_last else [columns[number : number + 1] for columns in state]
            yield VocodedChunk(HostCopy(row), len(row), kept)


def _shape(job: VocoderJob) -> object:
    """Equal for jobs that can share a call of the generator."""
    chunk = job.chunk
    widths = () if job.state is None else tuple(columns.shape[3] for columns in job.state)
    return chunk.stop - chunk.start, chunk.length, chunk.is_last, job.state is None, widths


def _frames(job: VocoderJob) -> torch.Tensor:
    """[chunk's length, channels]"""
    chunk = job.chunk
    frames = job.upsampler.frames(job.latents, chunk.start, chunk.stop, is_final=job.is_final)
    return torch.nn.functional.pad(frames, (0, 0, 0, chunk.length - len(frames)))


def _stacked(states: Sequence[State | None]) -> State | None:
    layers = [state for state in states if state is not None]
    return [torch.cat(columns) for columns in zip(*layers, strict=True)] or None


def _groups(numbers: Sequence[int], size: int) -> Iterable[Sequence[int]]:
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]
