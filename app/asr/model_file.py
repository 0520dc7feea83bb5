"""The table of contents of a `model.bin` of CTranslate2, read in milliseconds without the weights.

Layout, little-endian: version, name of the network, its revision, number of variables; each variable is a name, a rank,
dimensions, a number format, a length in bytes, and these bytes. Strings are a length of 16 bits, and bytes that end
with a zero. Aliases follow.
"""

import math
import re
import struct
from pathlib import Path
from typing import BinaryIO

import msgspec

SPECIFICATION = "WhisperSpec"
VERSIONS = (5, 6)
"""Whose layout is known: all that CTranslate2 has written since Whisper was added to it."""
MAX_NAME = 200
"""Bytes: longer ones are in no model, so the file is something else."""
ENGLISH_VOCABULARY = 51_864
"""Tokens of an English-only model; multilingual ones have more."""


class NotCTranslate2(Exception):
    """The file begins otherwise than a model of CTranslate2."""


class DamagedModel(Exception):
    """The file ends before its last variable does, or its table is none."""


class ModelFile(msgspec.Struct, frozen=True, kw_only=True):
    """The contents of a `model.bin`."""

    version: int
    """of the file's layout"""
    specification: str
    """name of the network, such as `WhisperSpec`"""
    revision: int
    """of the network"""
    shapes: dict[str, tuple[int, ...]]
    """empty for a layout that is not known"""

    @property
    def num_layers(self) -> tuple[int, int]:
        """Layers of the encoder and of the decoder."""
        layers = {match[0] for name in self.shapes if (match := re.match(r"(en|de)coder/layer_\d+(?=/)", name))}
        num_encoder = sum(layer.startswith("encoder") for layer in layers)
        return num_encoder, len(layers) - num_encoder

    @property
    def is_pruned(self) -> bool:
        """True for a decoder with fewer layers than the encoder, as in turbo and distilled models.

        They were trained without the task of translation, and give the text in the language that was spoken.
        """
        num_encoder, num_decoder = self.num_layers
        return num_decoder < num_encoder

    @property
    def num_mels(self) -> int:
        """Bands of the spectrum that the model hears: 80, or 128 from large-v3 on; 0 where unknown."""
        return self.shapes.get("encoder/conv1/weight", (0, 0, 0))[1]

    @property
    def num_tokens(self) -> int:
        """Size of the vocabulary; 0 where unknown."""
        return self.shapes.get("decoder/embeddings/weight", (0, 0))[0]

    @property
    def is_multilingual(self) -> bool:
        return self.num_tokens > ENGLISH_VOCABULARY

    def num_bytes(self, precision: str) -> int:
        """Size of the weights in memory. CTranslate2 keeps matrices in `precision`; int8 leaves all else in float32."""
        matrix, other = {"int8": (1, 4), "float16": (2, 2)}.get(precision, (4, 4))
        return sum(math.prod(shape) * (matrix if len(shape) == 2 else other) for shape in self.shapes.values())


def read_model_file(path: Path) -> ModelFile:
    """Raises NotCTranslate2, DamagedModel or OSError."""
    with path.open("rb") as file:
        return read_model(file)


def read_model(file: BinaryIO) -> ModelFile:
    """Raises NotCTranslate2 or DamagedModel."""
    size = file.seek(0, 2)
    file.seek(0)
    try:
        (version,) = _take(file, "<I")
        specification = _take_string(file)
        (revision,) = _take(file, "<I")
    except DamagedModel as error:
        raise NotCTranslate2 from error
    is_known = specification == SPECIFICATION and version in VERSIONS
    shapes = _read_shapes(file, size) if is_known else {}
    return ModelFile(version=version, specification=specification, revision=revision, shapes=shapes)


def _read_shapes(file: BinaryIO, size: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    (num_variables,) = _take(file, "<I")
    for _ in range(num_variables):
        name = _take_string(file)
        (rank,) = _take(file, "<B")
        shapes[name] = _take(file, f"<{rank}I")
        _, num_bytes = _take(file, "<BI")
        if file.seek(num_bytes, 1) > size:
            raise DamagedModel
    (num_aliases,) = _take(file, "<I")
    for _ in range(2 * num_aliases):
        _take_string(file)
    return shapes


def _take(file: BinaryIO, layout: str) -> tuple[int, ...]:
    wanted = struct.calcsize(layout)
    content = file.read(wanted)
    if len(content) < wanted:
        raise DamagedModel
    return struct.unpack(layout, content)


def _take_string(file: BinaryIO) -> str:
    (length,) = _take(file, "<H")
    content = file.read(length)
    if len(content) < length:
        raise DamagedModel
    if not 1 < length <= MAX_NAME or not content.endswith(b"\0") or not content[:-1].isascii():
        raise DamagedModel
    return content[:-1].decode()
