"""Frames to samples, window by window; a stream has the samples of the whole segment.

Work grows linearly with length, and memory not at all.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import cast

import msgspec
import torch
from torch import nn
from TTS.vocoder.models.hifigan_generator import HifiganGenerator, ResBlock1

from app.engine.xtts.device.copies import HostCopy, to_device
from app.engine.xtts.vocoder.upsampling import LatentUpsampler
from app.engine.xtts.vocoder.windows import Window, window_lengths

COUNTS = (1, 2, 4, 8)
"""Windows in one call of the generator, where its shapes must be few. The last bounds its memory everywhere."""
MAX_WINDOWS = COUNTS[-1]


class VocoderJob(msgspec.Struct, frozen=True, kw_only=True):
    latents: torch.Tensor
    """[latents so far, channels]"""
    speaker_embedding: torch.Tensor
    """[512, 1]"""
    upsampler: LatentUpsampler
    window: Window
    is_final: bool
    """True if `latents` are all of the segment"""


class Vocoder:
    """The HiFi-GAN generator of the TTS package.

    Samples have the precision of the generator's weights; frames are stretched in float32.

    few_shapes   for a device whose library plans each of 83 convolutions anew for each shape: windows at the end of a
                 segment take more frames along, and windows are counted in `COUNTS`, the rest being made twice
    """

    def __init__(self, generator: HifiganGenerator, *, few_shapes: bool = False) -> None:
        self.context = context_frames(generator)
        self.lengths = window_lengths(self.context) if few_shapes else ()
        self.frame_samples = samples_per_frame(generator)
        weight = next(generator.parameters())
        self.device, self._dtype = weight.device, weight.dtype
        self._generator = _as_2d(generator)

    @torch.inference_mode()
    def run(self, jobs: Sequence[VocoderJob]) -> list[HostCopy]:
        """The samples of each window, [samples] float32. Windows of one length share a call of the generator."""
        by_length: defaultdict[int, list[int]] = defaultdict(list)
        for number, job in enumerate(jobs):
            by_length[job.window.last - job.window.first].append(number)
        samples: dict[int, HostCopy] = {}
        for numbers in by_length.values():
            for some in _groups(numbers, MAX_WINDOWS):
                samples.update(zip(some, self._run_together([jobs[number] for number in some]), strict=True))
        return [samples[number] for number in range(len(jobs))]

    def _run_together(self, jobs: Sequence[VocoderJob]) -> Iterable[HostCopy]:
        count = next(count for count in COUNTS if count >= len(jobs)) if self.lengths else len(jobs)
        made = [*jobs, *[jobs[-1]] * (count - len(jobs))]
        frames = torch.stack(
            [
                job.upsampler.frames(job.latents, job.window.first, job.window.last, is_final=job.is_final)
                for job in made
            ]
        )
        frames = frames.to(self._dtype)
        embeddings = to_device(torch.stack([job.speaker_embedding for job in made]).to(self._dtype), self.device)
        # [jobs, frames, channels] is [jobs, channels, 1, frames] in channels-last order: no copy is made.
        samples = self._generator(frames.transpose(1, 2)[:, :, None], embeddings[:, :, None])
        for job, row in zip(jobs, samples[: len(jobs), 0, 0], strict=True):
            kept = slice(
                (job.window.start - job.window.first) * self.frame_samples,
                (job.window.stop - job.window.first) * self.frame_samples,
            )
            yield HostCopy(row[kept].float())


def samples_per_frame(generator: HifiganGenerator) -> int:
    return math.prod(layer.stride[0] for layer in _upsamplers(generator))


def context_frames(generator: HifiganGenerator) -> int:
    """The generator's receptive field in frames to each side, layer by layer from its end."""
    blocks = cast("list[ResBlock1]", list(generator.resblocks))
    radius = _radius(generator.conv_post)
    for number, upsample in reversed(list(enumerate(_upsamplers(generator)))):
        parallel = blocks[number * generator.num_kernels : (number + 1) * generator.num_kernels]
        radius += max(sum(_radius(layer) for layer in (*block.convs1, *block.convs2)) for block in parallel)
        radius = math.ceil((radius + upsample.kernel_size[0] // 2) / upsample.stride[0])
    return radius + _radius(generator.conv_pre)


def _upsamplers(generator: HifiganGenerator) -> list[nn.ConvTranspose1d]:
    return cast("list[nn.ConvTranspose1d]", list(generator.ups))


def _radius(layer: nn.Module) -> int:
    assert isinstance(layer, nn.Conv1d)
    return (layer.kernel_size[0] - 1) // 2 * layer.dilation[0]


def _as_2d(generator: HifiganGenerator) -> HifiganGenerator:
    """The same network over [batch, channels, 1, time], with channels innermost in memory.

    On a CPU that is 1.4 times as fast as one-dimensional convolutions; results differ by rounding only.
    """
    for parent in list(generator.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
                parent.add_module(name, _layer_as_2d(layer))
    return generator


def _layer_as_2d(layer: nn.Conv1d | nn.ConvTranspose1d) -> nn.Module:
    kind = nn.Conv2d if isinstance(layer, nn.Conv1d) else nn.ConvTranspose2d
    flat = kind(
        layer.in_channels,
        layer.out_channels,
        (1, layer.kernel_size[0]),
        stride=(1, layer.stride[0]),
        padding=(0, int(layer.padding[0])),
        dilation=(1, layer.dilation[0]),
        device="meta",
    )
    weight = layer.weight[:, :, None].contiguous(memory_format=torch.channels_last)
    flat.weight = nn.Parameter(weight, requires_grad=False)
    flat.bias = layer.bias
    return flat


def _groups(numbers: Sequence[int], size: int) -> Iterable[Sequence[int]]:
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]
