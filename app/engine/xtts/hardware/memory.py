"""How much of the GPU's memory this process holds.

Asked on any thread, at any moment: these are figures that torch keeps in the host's memory, so that nothing here waits
for the device or calls the driver (`cudaMemGetInfo` is such a call, and may not come while a CUDA graph is captured).
"""

import torch

from app.engine.base import DeviceMemory


def read_device_memory(device: torch.device) -> DeviceMemory | None:
    """None on a CPU."""
    if device.type != "cuda":
        return None
    return DeviceMemory(
        allocated=torch.cuda.memory_allocated(device),
        reserved=torch.cuda.memory_reserved(device),
        limit=torch.cuda.get_device_properties(device).total_memory,
    )
