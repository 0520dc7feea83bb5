"""Built-in voices: what a sequence is conditioned with, by name."""

import json
from pathlib import Path

import msgspec
import torch
from safetensors import safe_open

CONDITIONING_KEYS = {"gpt_conditioning_latents": "gpt_cond_latent", "speaker_embedding": "speaker_embedding"}
"""Our name -> the name in published speaker files."""


class VoiceConditioning(msgspec.Struct, frozen=True):
    """What makes a voice: float32, on the engine's device."""

    gpt_conditioning_latents: torch.Tensor
    """[32, channels], read by the decoder"""
    speaker_embedding: torch.Tensor
    """[512, 1], read by the vocoder"""


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
