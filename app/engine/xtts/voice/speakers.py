"""Conditioning of voices: those of a checkpoint, and packed ones of its clones."""

import json
from pathlib import Path

import msgspec
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from app.audio.loudness import SpeechLevel

CONDITIONING_KEYS = ("gpt_conditioning_latents", "speaker_embedding")

LEVEL_KEY = "chorus.level"
NUM_LATENTS = 32
EMBEDDING_SIZE = 512


class VoiceConditioning(msgspec.Struct, frozen=True):
    """Tensors of one voice: float32, on the CPU."""

    gpt_conditioning_latents: torch.Tensor
    """[32, channels], read by the decoder"""
    speaker_embedding: torch.Tensor
    """[512, 1], read by the vocoder"""


class _Header(msgspec.Struct):
    metadata: dict[str, str] = msgspec.field(name="__metadata__", default_factory=dict[str, str])


def read_speakers(path: Path) -> dict[str, VoiceConditioning]:
    """Name -> conditioning, in the order of the file."""
    with safe_open(path, framework="pt") as file:  # pyright: ignore[reportUnknownVariableType]
        names: list[str] = json.loads((file.metadata() or {}).get("names", "[]"))
        return {
            name: conditioning_of(
                file.get_tensor(f"{number}.gpt_conditioning_latents"), file.get_tensor(f"{number}.speaker_embedding")
            )
            for number, name in enumerate(names)
        }


def conditioning_of(latents: torch.Tensor, embedding: torch.Tensor) -> VoiceConditioning:
    """From the shapes of published files, [1, 32, channels] and [1, 512, 1]."""
    return VoiceConditioning(latents.float().reshape(latents.shape[-2:]), embedding.float().reshape(-1, 1))


def pack_conditioning(voice: VoiceConditioning, level: SpeechLevel | None = None) -> bytes:
    """As safetensors, under our own names, with the level, where known, as metadata."""
    arrays = {name: getattr(voice, name).numpy() for name in CONDITIONING_KEYS}
    return save_arrays(arrays, {LEVEL_KEY: msgspec.json.encode(level).decode()} if level else None)


def unpack_level(packed: bytes) -> SpeechLevel | None:
    """The level of `pack_conditioning`; None without one, or for one that speech cannot have."""
    length = int.from_bytes(packed[:8], "little")
    try:
        header = msgspec.json.decode(packed[8 : 8 + length], type=_Header)
        level = msgspec.json.decode(header.metadata.get(LEVEL_KEY, ""), type=SpeechLevel)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return level if -100 <= level.rms_dbfs <= level.peak_dbfs <= 20 else None


def unpack_conditioning(packed: bytes, *, channels: int) -> VoiceConditioning:
    """Raises ValueError with the reason unless it is a voice of a model with so many channels.

    No tensor arithmetic: this runs on any thread, and on a CPU a second thread that computes slows the first for good.
    """
    try:
        arrays = load_arrays(packed)
    except SafetensorError as error:
        raise ValueError(f"not safetensors: {error}") from error
    except KeyError as error:  # raised by the library for a type that numpy does not have
        raise ValueError(f"it holds values of the type {error}") from error
    shapes = {name: (str(array.dtype), array.shape) for name, array in arrays.items()}
    expected = {
        "gpt_conditioning_latents": ("float32", (NUM_LATENTS, channels)),
        "speaker_embedding": ("float32", (EMBEDDING_SIZE, 1)),
    }
    if shapes != expected:
        raise ValueError(f"it holds {shapes} instead of {expected}")
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ValueError("it holds values that are not numbers")
    return VoiceConditioning(**{name: torch.from_numpy(array) for name, array in arrays.items()})
