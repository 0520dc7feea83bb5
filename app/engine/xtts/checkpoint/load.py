"""A checkpoint folder, converted or as published, to networks, tokenizer file and voices."""

from pathlib import Path

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from app.engine.xtts.checkpoint.diagnosis import check_folder
from app.engine.xtts.checkpoint.files import (
    ORIGINAL_WEIGHTS,
    SPEAKERS,
    VOCABULARY,
    WEIGHTS,
    is_converted,
)
from app.engine.xtts.checkpoint.identity import NUM_DIGITS, identity_of
from app.engine.xtts.checkpoint.int8_file import Int8Weights, find_int8
from app.engine.xtts.checkpoint.manifest import read_manifest
from app.engine.xtts.checkpoint.networks import Networks, build_networks
from app.engine.xtts.checkpoint.original import check_speakers, read_original_speakers, read_original_weights
from app.engine.xtts.checkpoint.recording import SPEAKER, Recording, read_recording
from app.engine.xtts.config import ModelConfig, read_config
from app.engine.xtts.voice.speakers import VoiceConditioning, read_speakers
from app.errors import UnusableCheckpoint


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    folder: Path
    name: str
    identity: str
    """digest of the weights, equal for both forms of one training"""
    config: ModelConfig
    networks: Networks
    vocabulary: Path
    speakers: dict[str, VoiceConditioning]
    recording: Recording | None
    """of the trained speaker; the engine makes its first voice from it"""
    int8: Int8Weights | None = None
    """of the decoder; None where the folder has none"""

    @property
    def speaker_names(self) -> list[str]:
        """Its own voices, in order; that of the recording is the first, and replaces one of its name."""
        if self.recording is None:
            return list(self.speakers)
        return [SPEAKER, *(name for name in self.speakers if name.casefold() != SPEAKER)]

    def to(self, device: torch.device) -> "Checkpoint":
        return msgspec.structs.replace(self, networks=self.networks.to(device))


def load_checkpoint(folder: Path, *, in_memory: bool = False, device: str = "cpu") -> Checkpoint:
    """Read a checkpoint folder, converted or as published.

    Weights stay mapped to their file; `in_memory` reads them now, for a snapshot of the process. On the device `meta`
    networks have shapes only, and the file of weights is checked without being read.

    Raises UnusableCheckpoint, naming the file.
    """
    check_folder(folder)
    config = read_config(folder)
    int8 = None
    channels = config.model_args.gpt_n_model_channels
    if is_converted(folder):
        manifest = read_manifest(folder)
        name = manifest.model if manifest.revision is None else f"{manifest.model}@{manifest.revision[:12]}"
        identity = manifest.identity or manifest.files[WEIGHTS].sha256[:NUM_DIGITS]
        weights = folder / WEIGHTS
        tensors = _read_shapes(weights) if device == "meta" else _load(weights)
        speakers = _read_converted_speakers(folder / SPEAKERS)
        check_speakers(speakers, folder / SPEAKERS, channels=channels)
        int8 = find_int8(folder, manifest)
    else:
        name = folder.resolve().name
        weights = folder / ORIGINAL_WEIGHTS
        tensors = read_original_weights(folder, device=device)
        identity = identity_of(folder)
        speakers = read_original_speakers(folder, channels=channels)
    if in_memory:
        tensors = {name: tensor.clone() for name, tensor in tensors.items()}
        speakers = {
            speaker: VoiceConditioning(*(tensor.clone() for tensor in msgspec.structs.astuple(voice)))
            for speaker, voice in speakers.items()
        }
    networks = build_networks(config, tensors, weights)
    return Checkpoint(
        folder=folder,
        name=name,
        identity=identity,
        config=config,
        networks=networks,
        vocabulary=folder / VOCABULARY,
        speakers=speakers,
        recording=read_recording(folder, max_s=config.max_ref_len),
        int8=int8,
    )


def _load(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise _is_damaged(path, error) from error


def _read_shapes(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a converted file without their values, from its header."""
    try:
        with safe_open(path, framework="pt") as file:  # pyright: ignore[reportUnknownVariableType]
            return {name: torch.empty(file.get_slice(name).get_shape(), device="meta") for name in file.keys()}  # noqa: SIM118 - no dict
    except (SafetensorError, OSError) as error:
        raise _is_damaged(path, error) from error


def _is_damaged(path: Path, error: Exception) -> UnusableCheckpoint:
    return UnusableCheckpoint(f"{path} is damaged: {error}", param="CHORUS_MODEL")


def _read_converted_speakers(path: Path) -> dict[str, VoiceConditioning]:
    try:
        return read_speakers(path)
    except (SafetensorError, ValueError, OSError) as error:
        raise _is_damaged(path, error) from error
