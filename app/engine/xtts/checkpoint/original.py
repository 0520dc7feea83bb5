"""Published checkpoints: pickles, read without running their code.

Gives tensors the names of `networks`. `torch.load(weights_only=True)` refuses pickled calls that are not on its list.
Names of config objects and of numpy's numbers stand for an inert class, so no code of theirs runs.
"""

import logging
import pickle
import re
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

import torch
from torch import _weight_norm  # pyright: ignore[reportPrivateImportUsage] - what weight-normed layers call

from app.engine.xtts.checkpoint.files import ORIGINAL_SPEAKERS, ORIGINAL_WEIGHTS
from app.engine.xtts.voice.speakers import EMBEDDING_SIZE, NUM_LATENTS, VoiceConditioning, conditioning_of
from app.errors import UnusableCheckpoint

logger = logging.getLogger(__name__)

Tensors = dict[str, torch.Tensor]

WRAPPERS = re.compile(r"^(?:module\.|_orig_mod\.|xtts\.)+")
"""Prefixes of torch's wrappers (data parallel, compiled) and of the trainer, in any order."""
TRAINING_ONLY = re.compile(r"(torch_mel_spectrogram_style_encoder|torch_mel_spectrogram_dvae|dvae|gpt\.text_head)\.")
# Second names of tensors in the file.
ALIASES = re.compile(r"gpt\.gpt_inference\.|gpt\.gpt\.wte\.|gpt\.gpt\.h\.\d+\.attn\.(bias|masked_bias)$")
WEIGHT_NORM = re.compile(r"(.+)\.(?:weight_g|parametrizations\.weight\.original0)$")
MAX_NAMED = 5
STATE_DICT_WANTED = "save the tensors alone, as torch.save({'model': model.state_dict()}, 'model.pth')"


class _Shell:
    """Stands for an object that is no tensor, and drops its content."""

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, _: object) -> None: ...


_SHELLS: list[tuple[Callable[..., object], str] | Callable[..., object]] = [
    (_Shell, f"{module}.{name}")
    for module, names in {
        "TTS.tts.models.xtts": ("XttsArgs", "XttsAudioConfig"),
        "TTS.tts.configs.xtts_config": ("XttsArgs", "XttsAudioConfig", "XttsConfig"),
        "TTS.tts.layers.xtts.trainer.gpt_trainer": ("GPTArgs", "GPTTrainerConfig"),
        "TTS.tts.configs.shared_configs": ("BaseTTSConfig", "CharactersConfig"),
        "TTS.config.shared_configs": ("BaseAudioConfig", "BaseDatasetConfig"),
        "numpy": ("dtype", "ndarray"),
        "numpy.core.multiarray": ("scalar", "_reconstruct"),
        "numpy._core.multiarray": ("scalar", "_reconstruct"),
        "pathlib": ("PosixPath", "WindowsPath"),
        "pathlib._local": ("PosixPath", "WindowsPath"),
        "argparse": ("Namespace",),
    }.items()
    for name in names
]


def read_original_weights(folder: Path, *, device: str = "cpu") -> Tensors:
    """The tensors of `model.pth` under the names of `networks`, float32, mapped from the file where possible.

    On the device `meta` they have shapes only. Raises UnusableCheckpoint, naming the file.
    """
    return serving_tensors(read_state_dict(folder / ORIGINAL_WEIGHTS, device=device))


def read_state_dict(path: Path, *, device: str = "cpu") -> Tensors:
    """The tensors of a published file under their own names, also where they lie under `model`.

    Raises UnusableCheckpoint, naming the file.
    """
    loaded = _load(path, device)
    tensors = loaded.get("model", loaded) if isinstance(loaded, dict) else None
    if not isinstance(tensors, dict) or not tensors or not all(_is_tensor(*item) for item in tensors.items()):
        raise UnusableCheckpoint(
            f"{path} holds no XTTS weights: these are tensors by their names, at the top or under 'model'",
            param="CHORUS_MODEL",
        )
    return tensors


def _is_tensor(name: object, value: object) -> bool:
    return isinstance(name, str) and isinstance(value, torch.Tensor)


def read_original_speakers(folder: Path, *, channels: int) -> dict[str, VoiceConditioning]:
    """The voices of `speakers_xtts.pth` by name; empty without that file.

    Entries that are no voice (notes of tools) are skipped with a warning. Raises UnusableCheckpoint, naming the file,
    when no entry has a voice, or one has another model's size.
    """
    path = folder / ORIGINAL_SPEAKERS
    if not path.is_file():
        return {}
    entries = _load(path, "cpu")
    voices: dict[str, VoiceConditioning] = {}
    passed_over: list[str] = []
    for name, entry in cast("Iterable[tuple[object, object]]", entries.items() if isinstance(entries, dict) else ()):
        voice = _voice_of(entry)
        if voice is None or not isinstance(name, str):
            passed_over.append(str(name))
        else:
            voices[name] = voice
    if not voices and (passed_over or not isinstance(entries, dict)):
        raise UnusableCheckpoint(
            f"{path} holds no XTTS speakers: remove it, or put the speakers file of the model there",
            param="CHORUS_MODEL",
        )
    if passed_over:
        more = f" and {len(passed_over) - MAX_NAMED} more" if len(passed_over) > MAX_NAMED else ""
        named = ", ".join(map(repr, passed_over[:MAX_NAMED]))
        logger.warning("%s: entries without a voice are passed over: %s%s", path, named, more)
    check_speakers(voices, path, channels=channels)
    return voices


def _voice_of(entry: object) -> VoiceConditioning | None:
    if not isinstance(entry, dict):
        return None
    fields = cast("dict[object, object]", entry)
    latents, embedding = fields.get("gpt_cond_latent"), fields.get("speaker_embedding")
    if not isinstance(latents, torch.Tensor) or not isinstance(embedding, torch.Tensor) or latents.dim() < 2:
        return None
    return conditioning_of(latents, embedding)


def check_speakers(voices: dict[str, VoiceConditioning], path: Path, *, channels: int) -> None:
    """Raises UnusableCheckpoint for the first voice that the model cannot speak with."""
    for name, voice in voices.items():
        latents, embedding = tuple(voice.gpt_conditioning_latents.shape), tuple(voice.speaker_embedding.shape)
        if (latents, embedding) != ((NUM_LATENTS, channels), (EMBEDDING_SIZE, 1)):
            raise UnusableCheckpoint(
                f"{path} is of another model: {name!r} has latents {list(latents)} and an embedding of "
                f"{embedding[0]} values, the model reads {[NUM_LATENTS, channels]} and {EMBEDDING_SIZE}; remove the "
                "file, or put the speakers file of the model there",
                param="CHORUS_MODEL",
            )


def serving_tensors(tensors: Tensors) -> Tensors:
    """Published names to ours, without wrappers' prefixes and training-only tensors, and with weight norm folded in.

    The reference's own function multiplies direction by magnitude, once instead of at each call.
    """
    named = {WRAPPERS.sub("", name): tensor for name, tensor in tensors.items()}
    kept = {name: tensor for name, tensor in named.items() if not (TRAINING_ONLY.match(name) or ALIASES.match(name))}
    for name in list(kept):
        if match := WEIGHT_NORM.fullmatch(name):
            layer = match[1]
            direction = f"{layer}.weight_v" if name.endswith("_g") else f"{layer}.parametrizations.weight.original1"
            magnitude = kept.pop(name)
            kept[f"{layer}.weight"] = _fold(kept.pop(direction), magnitude)
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in kept.items()}


def _fold(direction: torch.Tensor, magnitude: torch.Tensor) -> torch.Tensor:
    """The weight of a weight-normed layer. Without values only its shape: torch takes 9 s for the rest."""
    return direction if direction.is_meta else _weight_norm(direction, magnitude, 0)


def _load(path: Path, device: str) -> Any:  # Any: a pickle may hold anything
    """Raises UnusableCheckpoint without torch's message, which advises to run the file's code."""
    try:
        is_zip = zipfile.is_zipfile(path)
        if is_zip and _is_torch_script(path):
            raise UnusableCheckpoint(f"{path} is a TorchScript archive: {STATE_DICT_WANTED}", param="CHORUS_MODEL")
        with torch.serialization.safe_globals(_SHELLS):
            return torch.load(path, map_location=device, weights_only=True, mmap=is_zip)
    except pickle.UnpicklingError as error:
        refused = re.search(r"GLOBAL (\S+)", str(error))
        what = (
            f"it wants to run {refused[1]}; {STATE_DICT_WANTED}"
            if refused
            else "it is damaged or no checkpoint; copy or download it again"
        )
        raise UnusableCheckpoint(f"{path} is refused: {what}", param="CHORUS_MODEL") from None
    except PermissionError as error:
        raise UnusableCheckpoint(
            f"{path} cannot be read: {error.strerror}; make it readable for this user", param="CHORUS_MODEL"
        ) from error
    except (
        RuntimeError, OSError, EOFError, ValueError, LookupError, AttributeError, TypeError, zipfile.BadZipFile
    ) as error:  # fmt: skip
        raise UnusableCheckpoint(
            f"{path} is damaged or incomplete: copy or download it again", param="CHORUS_MODEL"
        ) from error


def _is_torch_script(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())
