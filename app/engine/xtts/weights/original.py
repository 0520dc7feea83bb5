"""Checkpoints as they are published: pickles, read without running what is in them.

Knows the names that tensors have in published files, and gives them the names of `networks`. Knows nothing of how
they are used.

`torch.load(weights_only=True)` refuses every pickled call that is not on its list. Files of 2023 hold their config as
an object of the TTS package: those classes are let through as empty shells, so the package need not be imported.
"""

import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import _weight_norm  # pyright: ignore[reportPrivateImportUsage] - what weight-normed layers call

from app.engine.xtts.models import ORIGINAL_SPEAKERS, ORIGINAL_WEIGHTS
from app.errors import UnusableCheckpoint

Tensors = dict[str, torch.Tensor]

TRAINING_ONLY = re.compile(r"(torch_mel_spectrogram_style_encoder|torch_mel_spectrogram_dvae|dvae|gpt\.text_head)\.")
# Other names of tensors that the file also holds under their own.
ALIASES = re.compile(r"gpt\.gpt_inference\.|gpt\.gpt\.wte\.|gpt\.gpt\.h\.\d+\.attn\.(bias|masked_bias)$")
WEIGHT_NORM = re.compile(r"(.+)\.(?:weight_g|parametrizations\.weight\.original0)$")


class _Shell:
    """Stands for a config object inside a published file; what it holds is in config.json too."""


_SHELLS: list[tuple[Callable[..., object], str] | Callable[..., object]] = [
    (_Shell, f"{module}.{name}")
    for module, names in {
        "TTS.tts.models.xtts": ("XttsArgs", "XttsAudioConfig"),
        "TTS.tts.configs.xtts_config": ("XttsArgs", "XttsAudioConfig", "XttsConfig"),
        "TTS.config.shared_configs": ("BaseDatasetConfig",),
    }.items()
    for name in names
]


def read_original_weights(folder: Path) -> Tensors:
    """The tensors of `model.pth` under the names of `networks`, float32, mapped from the file where they can be.

    Raises UnusableCheckpoint, naming the file.
    """
    path = folder / ORIGINAL_WEIGHTS
    loaded = _load(path)
    tensors = loaded.get("model") if isinstance(loaded, dict) else None
    if not isinstance(tensors, dict) or not all(isinstance(value, torch.Tensor) for value in tensors.values()):
        raise UnusableCheckpoint(f"{path} holds no XTTS weights", param="CHORUS_MODEL")
    return serving_tensors(tensors)


def read_original_speakers(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    """Name -> `gpt_cond_latent` [1, 32, channels] and `speaker_embedding` [1, 512, 1]; empty where there is no file.

    Raises UnusableCheckpoint, naming the file.
    """
    path = folder / ORIGINAL_SPEAKERS
    if not path.is_file():
        return {}
    speakers = _load(path)
    fits = isinstance(speakers, dict) and all(
        isinstance(entry, dict) and {"gpt_cond_latent", "speaker_embedding"} <= entry.keys()
        for entry in speakers.values()
    )
    if not fits:
        raise UnusableCheckpoint(f"{path} holds no XTTS speakers", param="CHORUS_MODEL")
    return speakers


def serving_tensors(tensors: Tensors) -> Tensors:
    """Published names to ours: the trainer's prefix goes, training-only tensors go, weight norm is folded in.

    A weight-normed layer multiplies its direction by its magnitude at each call; here it is done once, by the same
    function, so the weights are those that the reference uses.
    """
    named = {name.removeprefix("xtts."): tensor for name, tensor in tensors.items()}
    kept = {name: tensor for name, tensor in named.items() if not (TRAINING_ONLY.match(name) or ALIASES.match(name))}
    for name in list(kept):
        if match := WEIGHT_NORM.fullmatch(name):
            layer = match[1]
            direction = f"{layer}.weight_v" if name.endswith("_g") else f"{layer}.parametrizations.weight.original1"
            magnitude = kept.pop(name)
            kept[f"{layer}.weight"] = _weight_norm(kept.pop(direction), magnitude, 0)
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in kept.items()}


def _load(path: Path) -> Any:  # Any: a pickle may hold anything
    try:
        with torch.serialization.safe_globals(_SHELLS):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        refused = re.search(r"GLOBAL (\S+)", str(error))
        what = f"it wants to run {refused[1]}" if refused else "it is damaged or no checkpoint"
        raise UnusableCheckpoint(f"{path} is refused: {what}", param="CHORUS_MODEL") from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise UnusableCheckpoint(
            f"{path} is damaged or incomplete: {str(error).splitlines()[0] if str(error) else error!r}",
            param="CHORUS_MODEL",
        ) from error
