"""In which numbers the networks compute: what is asked for, and what suits the device.

Knows devices and settings, and how to bring a checkpoint's networks to a precision. Knows nothing of batches.
"""

from typing import Literal

import msgspec
import torch

from app.engine.xtts.checkpoint.networks import Networks
from app.engine.xtts.model.int8 import find_int8_problem, quantize
from app.errors import EngineUnavailable

Precision = Literal["auto", "float32", "float16", "int8"]
"""As the setting has it."""


class PrecisionChoice(msgspec.Struct, frozen=True):
    name: Literal["float32", "float16", "int8"]
    reason: str
    """one clause, for operators"""
    is_noteworthy: bool = False
    """it is not what was asked for"""


def choose_precision(wanted: Precision, device: torch.device) -> PrecisionChoice:
    """Raises EngineUnavailable for int8 on a GPU."""
    asked = f"CHORUS_PRECISION={wanted} asks for it"
    if wanted == "int8":
        if device.type != "cpu":
            raise EngineUnavailable(
                "CHORUS_PRECISION=int8 computes on a CPU only, and XTTS runs on a GPU: "
                "take CHORUS_PRECISION=float16, or CHORUS_DEVICE=cpu",
                param="CHORUS_PRECISION",
            )
        if problem := find_int8_problem():
            return PrecisionChoice("float32", f"{problem}, so CHORUS_PRECISION=int8 has no effect", is_noteworthy=True)
        return PrecisionChoice("int8", asked)
    if wanted != "auto":
        return PrecisionChoice(wanted, asked)
    if device.type == "cuda":
        return PrecisionChoice("float16", "it suits a GPU")
    return PrecisionChoice("float32", "it suits a CPU")


def set_precision(networks: Networks, choice: PrecisionChoice) -> None:
    """Bring networks in float32, which are on their device, to the precision. int8 leaves the vocoder in float32."""
    if choice.name == "float16":
        networks.decoder.to_half()
        networks.generator.half()
    elif choice.name == "int8":
        matrices = networks.decoder.matrices
        networks.decoder.to_int8({name: quantize(affine.weight) for name, affine in matrices.items()})
