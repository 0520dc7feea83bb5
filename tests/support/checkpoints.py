"""Tensors of loaded networks, by name."""

import torch

from app.engine.xtts.checkpoint.networks import Networks


def tensors_of(networks: Networks) -> dict[str, torch.Tensor]:
    return {
        f"{part}.{name}": tensor
        for part in ("decoder", "conditioning_encoder", "perceiver", "speaker_encoder", "generator")
        for name, tensor in getattr(networks, part).state_dict().items()
    } | {"mel_stats": networks.mel_stats}
