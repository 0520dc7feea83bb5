"""GPU memory of this process, and the number of slots that fit into the rest.

The figures for any thread are kept by torch in the host's memory: a call of the driver (`cudaMemGetInfo`) would wait
for the device and break the capture of a CUDA graph.
"""

import torch

from app.engine.base import DeviceMemory
from app.errors import EngineUnavailable

RESERVE_BYTES = 5 << 28
"""Left free beside the slots: for graphs of steps and prompts with their libraries, for what comes together in a
prefill, and for torch's own rounding. An estimate that no small GPU has confirmed yet."""


def read_device_memory(device: torch.device) -> DeviceMemory | None:
    """None on a CPU."""
    if device.type != "cuda":
        return None
    return DeviceMemory(
        allocated=torch.cuda.memory_allocated(device),
        reserved=torch.cuda.memory_reserved(device),
        limit=torch.cuda.get_device_properties(device).total_memory,
    )


def read_free_bytes(device: torch.device) -> int | None:
    """Bytes that the driver has left; None on a CPU. For the thread of the device."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None


def slots_that_fit(asked: int, default: int, *, free_bytes: int | None, bytes_per_slot: int) -> int:
    """Slots to allocate: `asked`, or as many as fit, `default` at most.

    asked        0 leaves it open
    free_bytes   of the device; None where nothing is counted

    Raises EngineUnavailable when `asked` slots, or a single one, do not fit.
    """
    if free_bytes is None:
        return asked or default
    fitting = max(0, free_bytes - RESERVE_BYTES) // bytes_per_slot
    if asked > fitting or fitting == 0:
        wanted = asked or 1
        raise EngineUnavailable(
            f"{wanted} slots need {wanted * bytes_per_slot / 1e9:.1f} GB of GPU memory; {free_bytes / 1e9:.1f} GB are "
            f"free, of which {RESERVE_BYTES / 1e9:.1f} GB stay so: {fitting} slots fit",
            param="CHORUS_MAX_SLOTS",
        )
    return asked or min(default, fitting)
