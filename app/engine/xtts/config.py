"""`config.json` of a checkpoint: sizes of its networks and its sampling. Unknown fields are ignored."""

import json
from pathlib import Path

import msgspec

from app.engine.values import SamplingParams
from app.errors import UnusableCheckpoint

CONFIG = "config.json"


class ModelArgs(msgspec.Struct, frozen=True, kw_only=True):
    """Defaults are those of the TTS package's XttsArgs, for configs that leave fields out."""

    gpt_layers: int = 30
    gpt_n_model_channels: int = 1024
    gpt_n_heads: int = 16
    gpt_max_audio_tokens: int = 605
    gpt_max_text_tokens: int = 402
    gpt_start_text_token: int | None = None
    gpt_stop_text_token: int | None = None
    gpt_num_audio_tokens: int = 8194
    gpt_start_audio_token: int = 8192
    gpt_stop_audio_token: int = 8193
    gpt_code_stride_len: int = 1024
    gpt_use_perceiver_resampler: bool = False
    input_sample_rate: int = 22050
    output_sample_rate: int = 24000
    output_hop_length: int = 256
    decoder_input_dim: int = 1024
    d_vector_dim: int = 512
    cond_d_vector_in_each_upsampling_layer: bool = True

    @property
    def max_audio_codes(self) -> int:
        """Codes of one segment, the stop code among them. Source: GPT.max_gen_mel_tokens."""
        return self.gpt_max_audio_tokens - 3

    @property
    def code_s(self) -> float:
        """Seconds of speech in one audio code: 46.4 ms as released."""
        return self.gpt_code_stride_len / self.input_sample_rate


class ModelConfig(msgspec.Struct, frozen=True, kw_only=True):
    model: str = "xtts"
    model_args: ModelArgs = msgspec.field(default_factory=ModelArgs)
    languages: tuple[str, ...] = ()
    temperature: float = 0.75
    top_k: int = 50
    top_p: float = 0.85
    repetition_penalty: float = 5.0
    gpt_cond_len: int = 30
    """seconds of reference audio that condition the decoder"""
    gpt_cond_chunk_len: int = 4
    """seconds of the pieces in which they are encoded and averaged"""
    max_ref_len: int = 30
    """seconds of each clip that are used"""
    sound_norm_refs: bool = False

    @property
    def sampling(self) -> SamplingParams:
        return SamplingParams(
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            repetition_penalty=self.repetition_penalty,
        )


def read_config(folder: Path) -> ModelConfig:
    """Raises UnusableCheckpoint when it is no config of XTTS v2.

    Read with Python's `json`, because the TTS package writes `Infinity`, which RFC 8259 and msgspec's parser forbid.
    """
    path = folder / CONFIG
    try:
        config = msgspec.convert(json.loads(path.read_bytes()), ModelConfig)
    except (ValueError, RecursionError, OSError) as error:  # msgspec.ValidationError is a ValueError
        raise UnusableCheckpoint(f"{path} cannot be read: {error}", param="CHORUS_MODEL") from error
    args = config.model_args
    if config.model != "xtts":
        raise UnusableCheckpoint(f"{path} is of a {config.model!r} model, not of XTTS v2", param="CHORUS_MODEL")
    if not args.gpt_use_perceiver_resampler:
        raise UnusableCheckpoint(f"{path} is of XTTS v1; Chorus speaks with XTTS v2", param="CHORUS_MODEL")
    if args.decoder_input_dim != args.gpt_n_model_channels or args.gpt_n_model_channels % args.gpt_n_heads:
        raise UnusableCheckpoint(f"{path} has sizes that do not fit together", param="CHORUS_MODEL")
    return config
