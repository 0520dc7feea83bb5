"""Write an XTTS v2 checkpoint with random weights, in the form in which checkpoints are published.

    python -m tests.support.tiny_xtts DIR                the real classes with few layers: for tests, in seconds
    python -m tests.support.tiny_xtts DIR --full-size    the released architecture, 1.9 GB: for benchmarks
    python -m tests.support.tiny_xtts DIR --as-on-hub    `model.pth` with its config as an object, as released

Config and vocabulary are the released ones where these lie in `shared/` beside the project, with other sizes. Their
licence does not allow a copy here, so elsewhere `tests/support/own_xtts.py` writes files of the same layout.

The same seed and vocabulary give the same weights. The vocoder's output is noise. The tiny one ends its segments by
itself, because a stop signal grows with the position. The full-size one never does, so that a benchmark decides how
many codes it decodes.
"""

import argparse
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import nn
from TTS.tts.configs.xtts_config import XttsArgs, XttsAudioConfig, XttsConfig

from tests.support.own_xtts import own_config, write_own_vocabulary

_SHARED = Path(__file__).parents[3] / "shared" / "data" / "xtts_v2"
RELEASED_FILES = _SHARED if (_SHARED / "vocab.json").is_file() else None
"""Folder with the released `config.json` and `vocab.json`; None where it is not there."""
SPEAKERS = ("Ada Tiny", "Björn Small")


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """The sizes in which checkpoints differ. Defaults: the tiny one."""

    layers: int = 3
    channels: int = 64
    heads: int = 4
    max_audio_tokens: int = 125
    max_text_tokens: int = 402
    generator_channels: int = 32
    """channels of the vocoder's first layer; the released architecture has 512"""
    ends_by_itself: bool = True


TINY = Shape()
FULL_SIZE = Shape(
    layers=30, channels=1024, heads=16, max_audio_tokens=605, generator_channels=512, ends_by_itself=False
)


def write_checkpoint(
    directory: Path,
    shape: Shape = TINY,
    *,
    seed: int = 0,
    released_files: Path | None = RELEASED_FILES,
    is_as_on_hub: bool = False,
) -> Path:
    """Write `config.json`, `model.pth`, `vocab.json` and `speakers_xtts.pth` into `directory`.

    released_files   folder with the released config and vocabulary; None: files of the project's own
    is_as_on_hub     the config inside `model.pth` is an object of the TTS package, not the dict that trainers write
    """
    directory.mkdir(parents=True, exist_ok=True)
    if released_files is None:
        config = own_config()
        write_own_vocabulary(directory / "vocab.json")
    else:
        config = json.loads((released_files / "config.json").read_bytes())
        (directory / "vocab.json").write_bytes((released_files / "vocab.json").read_bytes())
    config["model_args"] |= sizes_of(shape)
    (directory / "config.json").write_text(json.dumps(config, indent=4))
    model = build_reference(directory, shape, seed=seed)
    with _classes_as_released() if is_as_on_hub else nullcontext():
        pickled_config = _config_object(directory) if is_as_on_hub else config
        torch.save({"config": pickled_config, "model": model.state_dict()}, directory / "model.pth")
    generator = torch.Generator().manual_seed(seed)
    speakers = {
        name: {
            "gpt_cond_latent": torch.randn(1, 32, shape.channels, generator=generator),
            "speaker_embedding": nn.functional.normalize(torch.randn(1, 512, 1, generator=generator), dim=1),
        }
        for name in SPEAKERS
    }
    torch.save(speakers, directory / "speakers_xtts.pth")
    return directory


def sizes_of(shape: Shape) -> dict[str, int]:
    return {
        "gpt_max_audio_tokens": shape.max_audio_tokens,
        "gpt_max_text_tokens": shape.max_text_tokens,
        "gpt_layers": shape.layers,
        "gpt_n_model_channels": shape.channels,
        "gpt_n_heads": shape.heads,
        "decoder_input_dim": shape.channels,
    }


def _config_object(directory: Path) -> XttsConfig:
    config = XttsConfig()
    config.load_json(str(directory / "config.json"))
    return config


@contextmanager
def _classes_as_released() -> Iterator[None]:
    """Pickle two classes under the module that they had when the model was released."""
    kinds = (XttsArgs, XttsAudioConfig)
    module = XttsArgs.__module__
    for kind in kinds:
        kind.__module__ = "TTS.tts.models.xtts"
    try:
        yield
    finally:
        for kind in kinds:
            kind.__module__ = module


def build_reference(directory: Path, shape: Shape, *, seed: int) -> Any:  # Any: the TTS package is untyped
    """The TTS package's own model with seeded random weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tests.support.reference import reference_model

        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = reference_model(directory, shape.generator_channels)
    with torch.no_grad():
        _make_attentive(model, shape)
        _make_audible(model, shape, seed)
        _set_stop_signal(model, shape, seed)
    return model


def _make_attentive(model: Any, shape: Shape) -> None:
    """Scale up GPT-2's small first weights, with which narrow networks give every text the same codes."""
    gain = (1024 / shape.channels) ** 0.5 * (30 / shape.layers) ** 0.25
    for layer in model.gpt.gpt.h:
        for matrix in (layer.attn.c_attn, layer.attn.c_proj, layer.mlp.c_fc, layer.mlp.c_proj):
            matrix.weight.mul_(gain)


def _make_audible(model: Any, shape: Shape, seed: int) -> None:
    """Scale the vocoder, whose biases would hum on one note, to an ordinary speech level."""
    decoder = model.hifigan_decoder.eval()
    for name, parameter in decoder.waveform_decoder.named_parameters():
        if name.endswith("bias"):
            parameter.zero_()
        elif name.startswith("cond"):
            parameter.mul_(0.2)
    generator = torch.Generator().manual_seed(seed)
    latents = torch.randn(1, 20, shape.channels, generator=generator)
    embedding = nn.functional.normalize(torch.randn(1, 512, 1, generator=generator), dim=1)
    for _ in range(2):  # the last layer saturates: the second time finds the level
        level = decoder(latents, embedding).std()
        decoder.waveform_decoder.conv_post.weight.mul_(0.1 / level)


def _set_stop_signal(model: Any, shape: Shape, seed: int) -> None:
    gpt = model.gpt
    stop = gpt.stop_audio_token
    if not shape.ends_by_itself:
        gpt.mel_head.bias[stop] = -1e4
        return
    generator = torch.Generator().manual_seed(seed + 1)
    direction = nn.functional.normalize(torch.randn(shape.channels, generator=generator), dim=0)
    positions = torch.arange(gpt.mel_pos_embedding.emb.weight.shape[0])
    ramp = (positions / 22).clamp(max=2) * shape.channels**0.5
    gpt.mel_pos_embedding.emb.weight.add_(ramp[:, None] * direction)
    gpt.mel_head.weight[stop].add_(direction * 0.9)
    gpt.mel_head.bias[stop] = -3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, help="where to write it")
    parser.add_argument("--full-size", action="store_true", help="the released architecture, 1.9 GB")
    parser.add_argument("--as-on-hub", action="store_true", help="the config inside model.pth is an object")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    shape = FULL_SIZE if arguments.full_size else TINY
    print(write_checkpoint(arguments.directory, shape, seed=arguments.seed, is_as_on_hub=arguments.as_on_hub))


if __name__ == "__main__":
    main()
