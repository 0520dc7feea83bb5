"""In which numbers a checkpoint's networks compute: what is asked for, or what suits the device and the checkpoint.

Knows settings, devices and what int8 was found to be worth. Knows nothing of batches.
"""

import logging
from typing import Literal

import msgspec
import torch

from app.engine.xtts.checkpoint.files import is_converted
from app.engine.xtts.checkpoint.int8_weights import load_int8, with_int8
from app.engine.xtts.checkpoint.load import Checkpoint
from app.engine.xtts.model.int8 import find_int8_problem
from app.engine.xtts.vocoder.generator import to_bfloat16
from app.errors import EngineUnavailable
from app.startup import Check, unchecked

logger = logging.getLogger(__name__)

Precision = Literal["auto", "float32", "float16", "int8"]
"""As the setting has it."""


class PrecisionChoice(msgspec.Struct, frozen=True):
    name: Literal["float32", "float16", "int8"]
    reason: str
    """one clause, for operators"""
    is_noteworthy: bool = False
    """something that whoever asked for it may not expect"""

    @property
    def vocoder(self) -> Literal["float32", "float16", "bfloat16"]:
        """The vocoder's precision: its products have no form in int8."""
        if self.name == "int8":
            return "bfloat16" if has_bfloat16_products() else "float32"
        return self.name


def has_bfloat16_products() -> bool:
    """True on a CPU with instructions for them: elsewhere torch converts to float32 and back, which is slower."""
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def bring_to_precision(
    checkpoint: Checkpoint, wanted: Precision, device: torch.device, *, check: Check = unchecked
) -> PrecisionChoice:
    """Choose, and change the networks, which are in float32 on their device.

    Where int8 may be chosen and was not checked yet, that is done first, in some minutes; `check` raises to give up.
    Raises EngineUnavailable for int8 on a GPU, and UnusableCheckpoint for int8 weights that are damaged.
    """
    if device.type == "cpu" and wanted in ("auto", "int8") and find_int8_problem() is None:
        checkpoint = with_int8(checkpoint, check)
    choice = choose_precision(checkpoint, wanted, device)
    level = logging.WARNING if choice.is_noteworthy else logging.INFO
    logger.log(level, "precision: %s, because %s", choice.name, choice.reason)
    if choice.name == "float16":
        checkpoint.networks.decoder.to_half()
        checkpoint.networks.generator.half()
    elif choice.name == "int8":
        checkpoint.networks.decoder.to_int8(load_int8(checkpoint))
    if choice.vocoder == "bfloat16":
        to_bfloat16(checkpoint.networks.generator)
    return choice


def choose_precision(checkpoint: Checkpoint, wanted: Precision, device: torch.device) -> PrecisionChoice:
    """The precision, without changing anything. Raises EngineUnavailable for int8 on a GPU."""
    if wanted == "int8":
        return _as_asked_in_int8(checkpoint, device)
    if wanted != "auto":
        return PrecisionChoice(wanted, f"CHORUS_PRECISION={wanted} asks for it")
    if device.type != "cpu":
        return PrecisionChoice("float16", "it suits a GPU")
    if problem := find_int8_problem():
        return PrecisionChoice("float32", problem)
    agreement = checkpoint.int8 and checkpoint.int8.agreement
    if agreement is not None:
        if agreement.is_enough:
            return _in_int8(f"it suits a CPU and the checkpoint passed its check: it has {agreement}")
        return PrecisionChoice("float32", f"the checkpoint in int8 has {agreement}")
    if not is_converted(checkpoint.folder):
        return PrecisionChoice(
            "float32", "a folder as published is not checked in int8; CHORUS_PRECISION=int8 takes it unchecked"
        )
    return PrecisionChoice(
        "float32", "the checkpoint is not checked in int8 yet: a start that can write into its folder does that"
    )


def _as_asked_in_int8(checkpoint: Checkpoint, device: torch.device) -> PrecisionChoice:
    asked = "CHORUS_PRECISION=int8 asks for it"
    if device.type != "cpu":
        raise EngineUnavailable(
            "CHORUS_PRECISION=int8 computes on a CPU only, and XTTS runs on a GPU: "
            "take CHORUS_PRECISION=float16, or CHORUS_DEVICE=cpu",
            param="CHORUS_PRECISION",
        )
    if problem := find_int8_problem():
        return PrecisionChoice("float32", f"{problem}, so CHORUS_PRECISION=int8 has no effect", is_noteworthy=True)
    agreement = checkpoint.int8 and checkpoint.int8.agreement
    if agreement is None:
        return _in_int8(f"{asked}; the checkpoint was not checked in int8")
    if agreement.is_enough:
        return _in_int8(f"{asked}; the checkpoint has {agreement}")
    return _in_int8(f"{asked}, although the checkpoint failed its check: it has {agreement}", True)


def _in_int8(reason: str, is_noteworthy: bool = False) -> PrecisionChoice:
    also = "; the vocoder computes in bfloat16, for which this CPU has instructions" if has_bfloat16_products() else ""
    return PrecisionChoice("int8", reason + also, is_noteworthy)
