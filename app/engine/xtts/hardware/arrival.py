"""A tensor on its way from the device to the host: asked for now, read later, so that nobody waits in between."""

import torch


class Arrival:
    """A copy of `tensor` as it is at this point of the device's work, whatever is written into it afterwards."""

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
