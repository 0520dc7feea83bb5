"""The generator in products of AMX, fed piece by piece as StreamingGenerator is.

Products are in bfloat16 and added up in float32. Between the layers values are in float32, but for the inputs of
convolutions. A sample has the same bits however a segment is cut into chunks.
"""

from typing import cast

import numpy as np
import torch
from torch import nn
from TTS.vocoder.models.hifigan_generator import HifiganGenerator

from app.engine.xtts.model.tiles import CONFIG
from app.engine.xtts.vocoder.amx.kernel import CALL, SCRATCH_BYTES, run_operations
from app.engine.xtts.vocoder.amx.memory import Reservations
from app.engine.xtts.vocoder.amx.network import Network
from app.engine.xtts.vocoder.amx.plan import Operations, Plan
from app.engine.xtts.vocoder.generator import context_of
from app.engine.xtts.vocoder.pieces import State

PIECE_FRAMES = 16
"""Frames that go through all layers together: what they become stays in the cache of the cores."""
MAX_PLANS = 64

MAX_THREADS = 8
"""The first layers of 16 frames have no more blocks than that, and more threads only wait for each other."""


class AmxGenerator:
    """Used by one thread at a time. Fields as StreamingGenerator has them."""

    @torch.inference_mode(False)  # else a call outside of it could not write
    def __init__(self, generator: HifiganGenerator) -> None:
        self.context = context_of(generator)
        weight = cast("nn.Conv1d", generator.conv_pre).weight
        self.device, self.dtype = weight.device, torch.bfloat16
        reservations = Reservations(PIECE_FRAMES + self.context)
        self._network = Network(generator, reservations)
        self._memory, self._state = reservations.allocate()
        self.frame_samples = self._network.rate
        self.num_channels = int(weight.shape[1])
        self._samples = torch.empty((PIECE_FRAMES + self.context + 1) * self.frame_samples)
        self._speakers = [_linear(layer) for layer in (generator.cond_layer, *_conditions(generator))]
        self.num_embedding = self._speakers[0].in_features
        self._plans: dict[tuple[int, int, bool], tuple[Operations, int]] = {}
        first = self._network.input
        start = first.buffer - self._memory.data_ptr()
        rows = self._memory[start : start + PIECE_FRAMES * first.column_bytes].view(torch.bfloat16)
        self._input = rows.view(PIECE_FRAMES, -1)[:, : self.num_channels]

    @torch.inference_mode()
    def __call__(
        self, frames: torch.Tensor, embeddings: torch.Tensor, state: State | None, *, num_valid: int, is_last: bool
    ) -> tuple[torch.Tensor, State]:
        """As StreamingGenerator, for one stream."""
        [rows] = frames[:, :, 0, :num_valid].unbind()
        self._set_speaker(embeddings.flatten().float())
        num_before = 0
        if state is None:
            self._state.zero_()
        else:
            kept, count = state
            self._state.copy_(kept)
            num_before = int(count)
        made: list[torch.Tensor] = []
        pieces = rows.T.tensor_split(max(1, -(-num_valid // PIECE_FRAMES)))
        for number, piece in enumerate(pieces):
            made.append(self._run(piece, num_before, is_last=is_last and number == len(pieces) - 1))
            num_before += len(piece)
        samples = torch.cat(made)[None]
        return samples, [] if is_last else [self._state.clone(), torch.tensor(num_before)]

    def _set_speaker(self, embedding: torch.Tensor) -> None:
        """Add what the embedding gives to the biases of the first convolution and of upsamplers."""
        layers = [self._network.first, *(stage.upsampler.layer for stage in self._network.stages)]
        network = self._network
        for speaker, layer, bias, stride in zip(self._speakers, layers, network.biases, network.strides, strict=False):
            added = speaker(embedding)
            here = slice(len(added))
            bias.view(stride, -1)[:, here] = layer.bias.view(stride, -1)[:, here] + added

    def _run(self, frames: torch.Tensor, num_before: int, *, is_last: bool) -> torch.Tensor:
        """The samples that these frames complete."""
        self._input[: len(frames)] = frames
        operations, num_samples = self._find_plan(num_before, len(frames), is_last=is_last)
        num_threads = min(torch.get_num_threads(), MAX_THREADS)
        scratch = torch.empty(num_threads * SCRATCH_BYTES + 64, dtype=torch.uint8)
        call = np.zeros(1, CALL)
        at = scratch.data_ptr() + -scratch.data_ptr() % 64
        call[0] = operations.ctypes.data, len(operations), CONFIG.ctypes.data, at
        run_operations.run(call.ctypes.data, num_threads=num_threads)
        return self._samples[:num_samples].tanh()

    def _find_plan(self, num_before: int, num_frames: int, *, is_last: bool) -> tuple[Operations, int]:
        """Behind the first frames of a segment all pieces of one length have one plan."""
        start = min(num_before, self.context + 1)
        key = start, num_frames, is_last
        if key not in self._plans:
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            plan = Plan(is_last=is_last)
            num_samples = self._network.plan(plan, start, start + num_frames, self._samples)
            self._plans[key] = plan.operations(), num_samples
        return self._plans[key]


def _conditions(generator: HifiganGenerator) -> list[nn.Module]:
    return list(generator.conds) if generator.cond_in_each_up_layer else []


def _linear(layer: nn.Module) -> nn.Linear:
    """The same layer for one embedding, [embedding], in float32."""
    assert isinstance(layer, nn.Conv1d)
    linear = nn.Linear(layer.in_channels, layer.out_channels)
    linear.load_state_dict({"weight": layer.weight[:, :, 0], "bias": layer.bias})
    return linear
