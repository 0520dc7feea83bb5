"""In which numbers the networks compute: what is asked for, and what suits the device.

Knows devices and settings, and how to bring a checkpoint's networks to a precision. Knows nothing of batches.
"""

import logging
from typing import Literal

import msgspec
import torch

from app.engine.xtts.checkpoint.files import is_converted
from app.engine.xtts.checkpoint.int8_file import add_int8, read_int8
from app.engine.xtts.checkpoint.load import Checkpoint
from app.engine.xtts.model.int8 import QuantizedMatrix, find_int8_problem, quantize
from app.errors import EngineUnavailable

logger = logging.getLogger(__name__)

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


def set_precision(checkpoint: Checkpoint, choice: PrecisionChoice) -> None:
    """Bring networks in float32, which are on their device, to the precision. int8 leaves the vocoder in float32."""
    networks = checkpoint.networks
    if choice.name == "float16":
        networks.decoder.to_half()
        networks.generator.half()
    elif choice.name == "int8":
        networks.decoder.to_int8(_int8_weights(checkpoint))


def _int8_weights(checkpoint: Checkpoint) -> dict[str, QuantizedMatrix]:
    """From the file of a converted folder, which is written first where it lacks; else quantised here and now."""
    decoder, folder = checkpoint.networks.decoder, checkpoint.folder
    if checkpoint.int8_file is not None:
        return read_int8(checkpoint.int8_file, decoder)
    if is_converted(folder):
        try:
            return read_int8(add_int8(folder, decoder), decoder)
        except OSError as error:
            logger.warning("int8 weights cannot be written into %s, so each start makes them again: %s", folder, error)
    return {name: quantize(affine.weight) for name, affine in decoder.matrices.items()}
