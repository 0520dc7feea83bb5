"""Tensors between host and device, so that neither waits for the other.

A plain `.to(device)` waits until the device has done everything that it was asked for before. Through pinned memory the
copy is one more thing that it is asked for.
"""

import torch


def send(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """`tensor`, of the host, on the device by the time that the device needs it."""
    if device.type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


class Arrival:
    """A tensor on its way to the host: asked for now, read later.

    It is a copy of `tensor` as it is at this point of the device's work, whatever is written into it afterwards.
    """

    def __init__(self, tensor: torch.Tensor) -> None:
        self._copy = tensor.to("cpu", non_blocking=True, copy=True)  # from a GPU: into pinned memory
        self._has_come: torch.cuda.Event | None = None
        if tensor.is_cuda:
            self._has_come = torch.cuda.Event()
            self._has_come.record()

    def read(self) -> torch.Tensor:
        """The copy, on the CPU; waits until it has come."""
        if self._has_come is not None:
            self._has_come.synchronize()
        return self._copy
