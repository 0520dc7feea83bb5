"""The reference: XTTS of the TTS package, in the same process.

Its vocoder may have any width here; the package fixes it, and a narrow one makes tests fast.
"""

from pathlib import Path
from typing import Any

import torch
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.layers.xtts.hifigan_decoder import HifiDecoder
from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer
from TTS.tts.models.xtts import Xtts


class ReferenceXtts(Xtts):
    generator_channels = 512

    def init_models(self) -> None:
        super().init_models()
        if self.generator_channels != 512:
            self.hifigan_decoder = HifiDecoder(
                input_sample_rate=self.args.input_sample_rate,
                output_sample_rate=self.args.output_sample_rate,
                output_hop_length=self.args.output_hop_length,
                ar_mel_length_compression=self.args.gpt_code_stride_len,
                decoder_input_dim=self.args.decoder_input_dim,
                d_vector_dim=self.args.d_vector_dim,
                cond_d_vector_in_each_upsampling_layer=self.args.cond_d_vector_in_each_upsampling_layer,
                upsample_initial_channel_decoder=self.generator_channels,
            )


def reference_config(directory: Path) -> Any:
    config = XttsConfig()
    config.load_json(str(directory / "config.json"))
    return config


def reference_model(directory: Path, generator_channels: int = 512) -> ReferenceXtts:
    """The model of a checkpoint directory's config and vocabulary, with fresh random weights."""
    kind = type("ReferenceXtts", (ReferenceXtts,), {"generator_channels": generator_channels})
    model = kind(reference_config(directory))
    model.tokenizer = VoiceBpeTokenizer(str(directory / "vocab.json"))
    model.init_models()
    return model.eval() if model.gpt is None else model


def load_reference(directory: Path) -> ReferenceXtts:
    """The model as the TTS package loads it."""
    weights = torch.load(directory / "model.pth", map_location="cpu", weights_only=True, mmap=True)["model"]
    width = weights["hifigan_decoder.waveform_decoder.conv_pre.weight"].shape[0]
    del weights
    config = reference_config(directory)
    kind = type("ReferenceXtts", (ReferenceXtts,), {"generator_channels": width})
    model = kind(config)
    model.load_checkpoint(config, checkpoint_dir=str(directory), eval=True)
    return model
