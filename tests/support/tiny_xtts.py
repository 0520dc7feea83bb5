"""Write an XTTS v2 checkpoint with random weights, in the form in which checkpoints are published.

    python -m tests.support.tiny_xtts DIR                the real classes with few layers: for tests, in seconds
    python -m tests.support.tiny_xtts DIR --full-size    the released architecture, 1.9 GB: for benchmarks

The same seed gives the same bytes of weights. What comes out of the vocoder is noise, but everything that a server
does with a checkpoint can be done with it. The tiny one ends its segments by itself: a stop signal grows with the
position. The full-size one never ends by itself, so that a benchmark decides how many codes it decodes.
"""

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import msgspec
import torch
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers
from torch import nn

LANGUAGES = ["en", "es", "fr", "de", "it", "pt", "pl", "tr", "ru", "nl", "cs", "ar", "zh-cn", "hu", "ko", "ja", "hi"]
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


def write_checkpoint(directory: Path, shape: Shape = TINY, *, seed: int = 0) -> Path:
    """Write `config.json`, `model.pth`, `vocab.json` and `speakers_xtts.pth` into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    write_vocabulary(directory / "vocab.json")
    config = config_of(shape)
    (directory / "config.json").write_text(json.dumps(config, indent=1))
    model = build_reference(directory, shape, seed=seed)
    torch.save({"model": model.state_dict(), "config": config}, directory / "model.pth")
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


def config_of(shape: Shape) -> dict[str, Any]:
    return {
        "model": "xtts",
        "audio": {"sample_rate": 22050, "output_sample_rate": 24000},
        "model_args": {
            "gpt_max_audio_tokens": shape.max_audio_tokens,
            "gpt_max_text_tokens": shape.max_text_tokens,
            "gpt_max_prompt_tokens": 70,
            "gpt_layers": shape.layers,
            "gpt_n_model_channels": shape.channels,
            "gpt_n_heads": shape.heads,
            "gpt_number_text_tokens": 6681,
            "gpt_start_text_token": None,
            "gpt_stop_text_token": None,
            "gpt_num_audio_tokens": 1026,
            "gpt_start_audio_token": 1024,
            "gpt_stop_audio_token": 1025,
            "gpt_code_stride_len": 1024,
            "gpt_use_perceiver_resampler": True,
            "input_sample_rate": 22050,
            "output_sample_rate": 24000,
            "output_hop_length": 256,
            "decoder_input_dim": shape.channels,
            "d_vector_dim": 512,
            "cond_d_vector_in_each_upsampling_layer": True,
        },
        "languages": LANGUAGES,
        "temperature": 0.75,
        "length_penalty": 1.0,
        "repetition_penalty": 5.0,
        "top_k": 50,
        "top_p": 0.85,
        "gpt_cond_len": 30,
        "gpt_cond_chunk_len": 4,
        "max_ref_len": 30,
        "sound_norm_refs": False,
    }


def write_vocabulary(path: Path) -> None:
    """A small BPE vocabulary with XTTS's special tokens; [STOP] is 0 and [START] is 261, as published."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))  # noqa: S106 - the word for unknown characters
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    text = [
        "the quick brown fox jumps over the lazy dog and then there was nothing more to say about that",
        "éàüßñçãőğıáí",
    ]
    alphabet = [
        chr(code) for block in ((0x21, 0x7F), (0xC0, 0x250), (0x400, 0x460), (0x900, 0x970)) for code in range(*block)
    ]
    trainer = trainers.BpeTrainer(
        vocab_size=1400, special_tokens=["[STOP]", "[UNK]", "[SPACE]"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(text, trainer)
    vocabulary = json.loads(tokenizer.to_str())
    words = vocabulary["model"]["vocab"]
    displaced = next(word for word, id in words.items() if id == 261)
    words[displaced], words["[START]"] = len(words), 261
    for language in LANGUAGES:
        words[f"[{language}]"] = len(words)
    path.write_text(json.dumps(vocabulary))
    tokenizer = Tokenizer.from_file(str(path))
    specials = ["[STOP]", "[UNK]", "[SPACE]", "[START]", *(f"[{language}]" for language in LANGUAGES)]
    tokenizer.add_special_tokens([AddedToken(word, special=True, normalized=False) for word in specials])
    tokenizer.save(str(path))


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
    """Narrow networks with GPT-2's small first weights hardly hear their text: every text would get the same codes."""
    gain = (1024 / shape.channels) ** 0.5 * (30 / shape.layers) ** 0.25
    for layer in model.gpt.gpt.h:
        for matrix in (layer.attn.c_attn, layer.attn.c_proj, layer.mlp.c_fc, layer.mlp.c_proj):
            matrix.weight.mul_(gain)


def _make_audible(model: Any, shape: Shape, seed: int) -> None:
    """Random vocoders hum on one note, from their biases: let the latents be heard, at an ordinary speech level."""
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
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    shape = FULL_SIZE if arguments.full_size else TINY
    print(write_checkpoint(arguments.directory, shape, seed=arguments.seed))


if __name__ == "__main__":
    main()
