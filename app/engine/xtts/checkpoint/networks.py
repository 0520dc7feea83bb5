"""The four networks of XTTS, built around the tensors of a checkpoint.

Modules are made without initialisation and take the tensors as they are, so a mapped file stays mapped. Tensors and
places must fit one to one; the error names the file.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.overrides import TorchFunctionMode
from TTS.encoder.models.resnet import ResNetSpeakerEncoder
from TTS.tts.layers.xtts.perceiver_encoder import PerceiverResampler
from TTS.vocoder.models.hifigan_generator import HifiganGenerator

from app.engine.xtts.config import ModelConfig
from app.engine.xtts.model.conditioning_encoder import ConditioningEncoder
from app.engine.xtts.model.decoder import Decoder
from app.engine.xtts.voice.conditioning import SPEAKER_ENCODER_RATE_HZ
from app.errors import UnusableCheckpoint

START_TEXT_TOKEN, STOP_TEXT_TOKEN = 261, 0
SPEAKER_ENCODER_AUDIO = {
    "fft_size": 512,
    "win_length": 400,
    "hop_length": 160,
    "sample_rate": SPEAKER_ENCODER_RATE_HZ,
    "preemphasis": 0.97,
    "num_mels": 64,
}
"""Fixed in the TTS package's HifiDecoder."""


class Networks(msgspec.Struct, frozen=True, kw_only=True):
    """All in evaluation mode, without gradients."""

    decoder: Decoder
    conditioning_encoder: ConditioningEncoder
    perceiver: PerceiverResampler
    speaker_encoder: ResNetSpeakerEncoder
    generator: HifiganGenerator
    mel_stats: torch.Tensor
    """[80], scales of mel bands before conditioning"""

    def to(self, device: torch.device) -> "Networks":
        """The same on `device`; tensors that are there are not copied, and stay mapped."""
        return Networks(**{name: getattr(self, name).to(device) for name in self.__struct_fields__})


PREFIXES = {
    "decoder": "gpt.",
    "conditioning_encoder": "gpt.conditioning_encoder.",
    "perceiver": "gpt.conditioning_perceiver.",
    "speaker_encoder": "hifigan_decoder.speaker_encoder.",
    "generator": "hifigan_decoder.waveform_decoder.",
}
MEL_STATS = "mel_stats"


def build_networks(config: ModelConfig, tensors: Mapping[str, torch.Tensor], source: Path) -> Networks:
    """Raises UnusableCheckpoint, naming `source` and the tensor, unless tensors and places fit one to one."""
    args = config.model_args
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    try:
        num_text_tokens = shapes["gpt.text_embedding.weight"][0]
        generator_channels = shapes["hifigan_decoder.waveform_decoder.conv_pre.weight"][0]
    except (KeyError, IndexError) as error:
        raise _does_not_fit(source, f"{error} is missing") from None
    with _WithoutInitialisation(), _without_cuda():
        modules: dict[str, nn.Module] = {
            "decoder": Decoder(
                args,
                num_text_tokens=num_text_tokens,
                start_text_token=START_TEXT_TOKEN if args.gpt_start_text_token is None else args.gpt_start_text_token,
                stop_text_token=STOP_TEXT_TOKEN if args.gpt_stop_text_token is None else args.gpt_stop_text_token,
            ),
            "conditioning_encoder": ConditioningEncoder(args.gpt_n_model_channels, args.gpt_n_heads),
            "perceiver": PerceiverResampler(
                dim=args.gpt_n_model_channels,
                depth=2,
                dim_context=args.gpt_n_model_channels,
                num_latents=32,
                dim_head=64,
                heads=8,
                ff_mult=4,
            ),
            "generator": _generator(config, generator_channels),
            "speaker_encoder": ResNetSpeakerEncoder(
                input_dim=64, proj_dim=512, log_input=True, use_torch_spec=True, audio_config=SPEAKER_ENCODER_AUDIO
            ),
        }
    _check_names(modules, shapes, source)
    for name, module in modules.items():
        places = module.state_dict()
        module.load_state_dict({place: tensors[PREFIXES[name] + place] for place in places}, assign=True)
        module.eval().requires_grad_(False)
    return Networks(**modules, mel_stats=tensors[MEL_STATS])  # pyright: ignore[reportArgumentType]


class _WithoutInitialisation(TorchFunctionMode):
    """Leaves new parameters uninitialised: tensors of the file replace all of them.

    Memory that is never written is never taken from the system. The `meta` device is not used because three of the
    networks would make torch import its compiler (4 s).
    """

    FILLING = frozenset((torch.Tensor.normal_, torch.Tensor.uniform_))

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:  # Any: torch's own signature
        if func in self.FILLING or getattr(func, "__module__", None) == "torch.nn.init":
            return args[0] if args else (kwargs or {})["tensor"]
        # Weight norm is folded into the file's weights; computing it would read and write all of the new ones.
        if func is torch.norm_except_dim:
            return torch.empty(len(args[0]), *(1 for _ in args[0].shape[1:]))
        if func is torch._weight_norm:  # pyright: ignore[reportPrivateImportUsage] - what weight norm calls
            return args[0]
        return func(*args, **(kwargs or {}))


@contextmanager
def _without_cuda() -> Generator[None]:
    """Answers that there is no GPU.

    The perceiver asks, for a kind of attention that XTTS does not use. Asking starts CUDA, which a process that will be
    saved in a snapshot must not do.
    """
    is_available = torch.cuda.is_available
    torch.cuda.is_available = lambda: False
    try:
        yield
    finally:
        torch.cuda.is_available = is_available


def _generator(config: ModelConfig, channels: int) -> nn.Module:
    """HiFi-GAN as HifiDecoder makes it, with weight norm already folded into the weights."""
    generator = HifiganGenerator(
        in_channels=config.model_args.decoder_input_dim,
        out_channels=1,
        resblock_type="1",
        resblock_dilation_sizes=[[1, 3, 5], [1, 3, 5], [1, 3, 5]],
        resblock_kernel_sizes=[3, 7, 11],
        upsample_kernel_sizes=[16, 16, 4, 4],
        upsample_initial_channel=channels,
        upsample_factors=[8, 8, 2, 2],
        inference_padding=0,
        cond_channels=config.model_args.d_vector_dim,
        conv_post_bias=False,
        cond_in_each_up_layer=config.model_args.cond_d_vector_in_each_upsampling_layer,
    )
    for module in list(generator.modules()):
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
    return generator


def _check_names(modules: Mapping[str, nn.Module], shapes: Mapping[str, tuple[int, ...]], source: Path) -> None:
    wanted = {
        PREFIXES[name] + place: tuple(tensor.shape)
        for name, module in modules.items()
        for place, tensor in module.state_dict().items()
    }
    wanted[MEL_STATS] = (80,)
    for name in sorted(wanted.keys() | shapes.keys()):
        if name not in shapes:
            raise _does_not_fit(source, f"{name} is missing")
        if name not in wanted:
            raise _does_not_fit(source, f"{name} has no place in XTTS v2")
        if shapes[name] != wanted[name]:
            raise _does_not_fit(
                source, f"{name} has shape {list(shapes[name])}, its config.json wants {list(wanted[name])}"
            )


def _does_not_fit(source: Path, reason: str) -> UnusableCheckpoint:
    return UnusableCheckpoint(f"{source} does not fit XTTS v2: {reason}", param="CHORUS_MODEL")
