"""Every tensor of the engine is on its device: run on fake CUDA tensors, which know
devices and shapes and hold no values.

What a GPU computes is for tests/gpu; what a machine without one can see is a tensor left on the CPU.
"""

import copy
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    FakeTensor,
    FakeTensorMode,
    unset_fake_temporarily,
)
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from app.audio.reference import ReferenceClip
from app.engine.xtts.checkpoint.networks import Networks
from app.engine.xtts.runner.batch import Batch
from app.engine.xtts.runner.state import BatchState
from app.engine.xtts.runner.step import take_step
from app.engine.xtts.sequence import XttsSequence
from app.engine.xtts.step_times import measure_loads
from app.engine.xtts.vocoder.chunks import Chunk
from app.engine.xtts.vocoder.upsampling import LatentUpsampler
from app.engine.xtts.vocoder.vocoder import Vocoder, VocoderJob
from app.engine.xtts.voice.conditioning import Conditioner
from tests.support.xtts import Pair, codes_of, seeded

pytestmark = pytest.mark.slow

CUDA = torch.device("cuda:0")


class NoEvent:
    """A CUDA event without a stream."""

    def record(self) -> None:
        pass

    def synchronize(self) -> None:
        pass


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeTensorMode]:
    # Values are read in these places only, and there are none.
    monkeypatch.setattr(FakeTensor, "__bool__", lambda tensor: True, raising=False)
    monkeypatch.setattr(FakeTensor, "tolist", lambda tensor: [0] * tensor.shape[0])
    monkeypatch.setattr(torch.cuda, "Event", NoEvent)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    monkeypatch.setattr(FakeTensor, "numpy", array_of)
    # Under inference mode new tensors would be real ones.
    for owner, names in (
        (Batch, ("join", "step", "leave", "reset")),
        (Conditioner, ("pieces",)),
        (Vocoder, ("run",)),
    ):
        for name in names:
            monkeypatch.setattr(owner, name, getattr(owner, name).__wrapped__)
    with FakeTensorMode() as mode:
        yield mode


def array_of(tensor: torch.Tensor) -> np.ndarray:
    """Zeros of the tensor's shape; as with a real tensor, a device's memory cannot be an array."""
    if tensor.device.type != "cpu":
        raise TypeError(f"can't convert {tensor.device} device type tensor to numpy")
    return np.zeros(tuple(tensor.shape), np.float32)


def faked(value: Any, mode: FakeTensorMode) -> Any:
    """A tensor, or a copy of a module, with fakes on the device in the place of its tensors."""
    if isinstance(value, torch.Tensor):
        return mode.from_tensor(value).to(CUDA)
    with unset_fake_temporarily():
        module = copy.deepcopy(value)
    for part in module.modules():
        for name, tensor in part._parameters.items():
            if tensor is not None:
                part._parameters[name] = nn.Parameter(mode.from_tensor(tensor).to(CUDA), requires_grad=False)
        for name, tensor in part._buffers.items():
            if tensor is not None:
                part._buffers[name] = mode.from_tensor(tensor).to(CUDA)
    return module


def on_cuda(networks: Networks, mode: FakeTensorMode) -> Networks:
    return Networks(**{name: faked(getattr(networks, name), mode) for name in Networks.__struct_fields__})


def test_a_tensor_left_on_the_cpu_is_seen(fake: FakeTensorMode) -> None:
    """Guards the tests below."""
    with pytest.raises(RuntimeError, match="different devices"):
        torch.zeros(3, device=CUDA) + torch.zeros(3)


def test_the_batch_is_on_its_device(fake: FakeTensorMode, tiny: Pair) -> None:
    batch = Batch(on_cuda(tiny.checkpoint.networks, fake).decoder, slots=3, max_codes=40, device=CUDA)
    # Voices and texts come from the CPU.
    row = sequence_on_the_cpu(tiny, fake)
    assert codes_of(batch.join([row, row])) == [0, 0]
    assert codes_of(batch.step()) == [0, 0]
    batch.leave(0)
    batch.join([row])
    batch.leave(1)
    batch.reset()
    assert batch.latents.device == CUDA


def sequence_on_the_cpu(tiny: Pair, mode: FakeTensorMode) -> XttsSequence:
    with unset_fake_temporarily():
        tokens = torch.tensor([5, 6, 7])
        return tiny.sequence(tokens, seeded(1), latents=mode.from_tensor(tiny.voice.gpt_conditioning_latents))


def test_the_measured_loads_are_of_sequences_on_their_device(fake: FakeTensorMode, tiny: Pair) -> None:
    """Runs at every start: it stopped each server with a GPU while its silent voice lay on the device."""
    networks = on_cuda(tiny.checkpoint.networks, fake)
    batch = Batch(networks.decoder, slots=3, max_codes=40, device=CUDA)
    vocoder = Vocoder(networks.generator, few_shapes=True)
    loads = measure_loads(batch, vocoder, tiny.checkpoint.config, clock=lambda: 0.0)
    assert list(loads) == [1, 2, 3]


class OnTheDeviceOnly(TorchDispatchMode):
    """Fails where a CUDA graph would: at a tensor of the host, and at a value that is asked for."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves((args, kwargs, result)):
            assert not isinstance(tensor, torch.Tensor) or tensor.device == CUDA, f"{func} met a tensor on the CPU"
        return result


class NoWaiting(TorchDispatchMode):
    """Fails at a copy between host and device that waits until the device has done all that came before it."""

    COPIES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in self.COPIES:
            sides = {tensor.device.type for tensor in tree_leaves((args, result)) if isinstance(tensor, torch.Tensor)}
            waits = not (kwargs or {}).get("non_blocking") and args[-1] is not True
            assert len(sides) == 1 or not waits, f"{func} waits for the device"
        return result


@pytest.mark.parametrize("few_shapes", [True, False])
def test_nothing_that_a_turn_does_waits_for_the_device(fake: FakeTensorMode, tiny: Pair, few_shapes: bool) -> None:
    networks = on_cuda(tiny.checkpoint.networks, fake)
    batch = Batch(networks.decoder, slots=3, max_codes=40, device=CUDA)
    vocoder = Vocoder(networks.generator, few_shapes=few_shapes)
    length = vocoder.chunk_lengths[0]
    row = sequence_on_the_cpu(tiny, fake)
    job = VocoderJob(
        latents=batch.latents[0],
        speaker_embedding=fake.from_tensor(tiny.voice.speaker_embedding),
        upsampler=LatentUpsampler(tiny.checkpoint.config.model_args, speed=1.3),
        chunk=Chunk(0, length, length, is_last=False),
        is_final=False,
        state=None,
    )
    with NoWaiting():
        arrivals = [batch.join([row, row]), batch.step(), *(made.samples for made in vocoder.run([job, job]))]
        batch.leave(0)
        batch.join([row])
        batch.leave(1)
        for arrival in arrivals:
            arrival.wait()


def test_a_copy_that_waits_is_seen(fake: FakeTensorMode) -> None:
    """Guards the test above."""
    for wait in (
        lambda: torch.zeros(3).to(CUDA),
        lambda: torch.zeros(3, device=CUDA).cpu(),
        lambda: torch.zeros(3, device=CUDA).copy_(torch.zeros(3)),
    ):
        with NoWaiting(), pytest.raises(AssertionError, match="waits for the device"):
            wait()


@pytest.mark.parametrize("count", [1, 3])
def test_a_step_asks_for_no_value_and_stays_on_the_device(tiny: Pair, count: int) -> None:
    """A step that keeps to this can be captured as a CUDA graph; the capture itself is in tests/gpu."""
    halved = copy.deepcopy(tiny.checkpoint.networks.decoder)
    halved.to_half()
    with FakeTensorMode() as mode:
        decoder = faked(halved, mode)
        rows = BatchState(decoder, slots=3, max_codes=40, device=CUDA)
        with OnTheDeviceOnly():
            take_step(decoder, rows, count, 64)


def test_what_a_graph_may_not_hold_is_seen(tiny: Pair) -> None:
    """Guards the test above."""
    with FakeTensorMode(), OnTheDeviceOnly():
        with pytest.raises(DataDependentOutputException):
            torch.zeros(1, device=CUDA).item()
        with pytest.raises(AssertionError, match="on the CPU"):
            torch.zeros(3, device=CUDA)[torch.arange(2)]


@pytest.mark.parametrize("speed", [1.0, 1.3])
def test_the_vocoder_is_on_its_device(fake: FakeTensorMode, tiny: Pair, speed: float) -> None:
    args = tiny.checkpoint.config.model_args
    vocoder = Vocoder(on_cuda(tiny.checkpoint.networks, fake).generator)
    job = VocoderJob(
        latents=torch.zeros(40, args.gpt_n_model_channels, device=CUDA),
        speaker_embedding=fake.from_tensor(tiny.voice.speaker_embedding),
        upsampler=LatentUpsampler(args, speed=speed),
        chunk=Chunk(0, 40, 40, is_last=False),
        is_final=False,
        state=None,
    )
    first = vocoder.run([job, job])
    following = msgspec.structs.replace(job, chunk=Chunk(40, 88, 48, is_last=False), state=first[0].state)
    for made in (*first, *vocoder.run([following, following])):
        assert len(made.samples.wait()) == made.num_samples > 0
    last = msgspec.structs.replace(job, chunk=Chunk(40, 60, 48, is_last=True), state=first[0].state)
    [end] = vocoder.run([last])
    assert first[0].num_samples + len(end.samples.wait()) == 60 * vocoder.frame_samples


def test_the_conditioner_is_on_its_device_and_its_voices_are_not(fake: FakeTensorMode, tiny: Pair) -> None:
    networks = on_cuda(tiny.checkpoint.networks, fake)
    with unset_fake_temporarily():  # its filter bank is made of values
        conditioner = Conditioner(networks, tiny.checkpoint.config, torch.device("cpu"))
    conditioner._mel, conditioner._device = faked(conditioner._mel, fake), CUDA
    clip = ReferenceClip(samples=np.zeros(72_000, np.float32), sample_rate_hz=24_000, sha256="")
    voice = conditioner.condition([clip])
    assert {voice.gpt_conditioning_latents.device.type, voice.speaker_embedding.device.type} == {"cpu"}
