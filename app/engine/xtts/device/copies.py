"""Copies between host and device that keep neither waiting for the other.

A plain `.to(device)` waits for all work queued on the device; a copy through pinned memory is queued behind it.
"""

import torch


def to_device(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Queue a copy of a host tensor; kernels that are launched later see it complete."""
    if device.type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def copy_into(target: torch.Tensor, source: torch.Tensor) -> None:
    """Queue a copy, of a host tensor or of one on the device, into a tensor that stays where it is."""
    if target.is_cuda and not source.is_cuda:
        source = source.pin_memory()
    target.copy_(source, non_blocking=True)


class HostCopy:
    """An asynchronous device-to-host copy. `wait()` blocks until it is done and returns the CPU tensor.

    It is queued on the current stream, so later kernels that overwrite `tensor` do not change it.
    """

    def __init__(self, tensor: torch.Tensor) -> None:
        self._copy = tensor.to("cpu", non_blocking=True, copy=True)  # from a GPU: into pinned memory
        self._copied: torch.cuda.Event | None = None
        if tensor.is_cuda:
            self._copied = torch.cuda.Event()
            self._copied.record()

    def wait(self) -> torch.Tensor:
        if self._copied is not None:
            self._copied.synchronize()
        return self._copy
