"""The int8 weights of a converted folder: a file that is packed for the CPU at each start.

Knows the file and its names. Knows nothing of when int8 is wanted.
"""

from pathlib import Path

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from app.engine.xtts.checkpoint.files import INT8_WEIGHTS
from app.engine.xtts.checkpoint.manifest import Agreement, Int8Record, Manifest, save_tensors
from app.engine.xtts.model.decoder import Decoder
from app.engine.xtts.model.int8 import QuantizedMatrix, quantize
from app.errors import UnusableCheckpoint

INT8_FORMAT = 1
"""Raised when other values or names are written. A file of another format is made again."""


class Int8Weights(msgspec.Struct, frozen=True):
    """A file of a folder, and what it was found to be worth."""

    path: Path
    agreement: Agreement | None


def write_int8(decoder: Decoder, folder: Path) -> Int8Record:
    """Quantise the weights of a decoder in float32 and write them beside its file. Raises OSError."""
    tensors: dict[str, torch.Tensor] = {}
    for name, affine in decoder.matrices.items():
        matrix = quantize(affine.weight)
        tensors[f"{name}.values"], tensors[f"{name}.scales"] = matrix.values, matrix.scales
    return Int8Record(file=save_tensors(tensors, folder / INT8_WEIGHTS), format=INT8_FORMAT)


def find_int8(folder: Path, manifest: Manifest) -> Int8Weights | None:
    """Those of a folder; None where they were never written, have another format, or were removed or cut short."""
    path, record = folder / INT8_WEIGHTS, manifest.int8
    if record is None or record.format != INT8_FORMAT:
        return None
    is_whole = path.is_file() and path.stat().st_size == record.file.size
    return Int8Weights(path, record.agreement) if is_whole else None


def read_int8(path: Path, decoder: Decoder) -> dict[str, QuantizedMatrix]:
    """Map the file: name in the body -> matrix. Raises UnusableCheckpoint unless it is of such a decoder."""
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise _unusable(path, str(error)) from error
    matrices: dict[str, QuantizedMatrix] = {}
    for name, affine in decoder.matrices.items():
        values, scales = tensors.get(f"{name}.values"), tensors.get(f"{name}.scales")
        size_in, size_out = affine.weight.shape
        if (
            values is None
            or scales is None
            or (values.dtype, values.shape) != (torch.int8, (size_out, size_in))
            or (scales.dtype, scales.shape) != (torch.float32, (size_out,))
        ):
            raise _unusable(path, f"{name} is not there in its shape")
        matrices[name] = QuantizedMatrix(values, scales)
    return matrices


def _unusable(path: Path, reason: str) -> UnusableCheckpoint:
    return UnusableCheckpoint(f"{path} is damaged: {reason}; remove it, and it is made again", param="CHORUS_MODEL")
