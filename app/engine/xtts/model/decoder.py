"""The GPT-2 body that turns text tokens into audio codes, as two functions: `prefill` and `decode`.

Knows tensors. Knows nothing of sampling, of sequences' lives, or of text. Written after GPT.generate and
GPT.forward(return_latent=True) of the TTS package, and equal to them (tests/unit/engine/xtts/model/test_parity.py)
with two differences in the way it works: many sequences share each matrix product, and the latents that the reference
computes in a second pass over the finished sequence are taken from the first.

Parameters have the names of the checkpoint. Weights of the body are [in, out], as GPT-2 stores them.
"""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import nn

from app.engine.xtts.config import ModelArgs
from app.engine.xtts.device.copies import to_device
from app.engine.xtts.model.attention import masked_attention, separate_attention
from app.engine.xtts.model.int8 import QuantizedAffine, QuantizedFeedForward, QuantizedMatrix, find_row_limit
from app.engine.xtts.model.kv_cache import KVCache
from app.engine.xtts.model.prompt import Attend, VoicePrefix, text_attention, voice_attention

if TYPE_CHECKING:  # compiles its kernels
    from app.engine.xtts.model.int8_body import Int8Body

logger = logging.getLogger(__name__)

LAYER_NORM_EPS = 1e-5
NUM_CONDITIONING_LATENTS = 32


def num_prompt_positions(num_text_tokens: int) -> int:
    """Cache positions of a prompt: conditioning latents, start, text, stop, and the start code."""
    return NUM_CONDITIONING_LATENTS + num_text_tokens + 3


class Affine(nn.Module):
    """x @ weight + bias, with the weight [in, out], in the number format of the weight."""

    def __init__(self, size_in: int, size_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(size_in, size_out), requires_grad=False)
        self.bias = nn.Parameter(torch.empty(size_out), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.addmm(self.bias, x.to(self.weight.dtype), self.weight)


class Projections(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.c_attn: Affine | QuantizedAffine = Affine(channels, 3 * channels)
        self.c_proj: Affine | QuantizedAffine = Affine(channels, channels)


class FeedForward(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.c_fc = Affine(channels, 4 * channels)
        self.c_proj = Affine(4 * channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Layer(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(channels, eps=LAYER_NORM_EPS)
        self.attn = Projections(channels)
        self.ln_2 = nn.LayerNorm(channels, eps=LAYER_NORM_EPS)
        self.mlp: FeedForward | QuantizedFeedForward = FeedForward(channels)


class Body(nn.Module):
    def __init__(self, layers: int, channels: int) -> None:
        super().__init__()
        self.h = nn.ModuleList(Layer(channels) for _ in range(layers))
        self.ln_f = nn.LayerNorm(channels, eps=LAYER_NORM_EPS)

    @property
    def layers(self) -> list[Layer]:
        return cast("list[Layer]", list(self.h))


class Positions(nn.Module):
    def __init__(self, count: int, channels: int) -> None:
        super().__init__()
        self.emb = nn.Embedding(count, channels)


class Decoder(nn.Module):
    """Text tokens and conditioning latents in, logits over audio codes and vocoder latents out."""

    def __init__(self, args: ModelArgs, *, num_text_tokens: int, start_text_token: int, stop_text_token: int) -> None:
        super().__init__()
        channels = args.gpt_n_model_channels
        self.num_heads = args.gpt_n_heads
        self.head_dim = channels // args.gpt_n_heads
        self.start_text_token = start_text_token
        self.stop_text_token = stop_text_token
        self.start_audio_token = args.gpt_start_audio_token
        self.text_embedding = nn.Embedding(num_text_tokens, channels)
        self.mel_embedding = nn.Embedding(args.gpt_num_audio_tokens, channels)
        self.text_pos_embedding = Positions(args.gpt_max_text_tokens + 2, channels)
        self.mel_pos_embedding = Positions(args.gpt_max_audio_tokens + 3, channels)
        self.gpt = Body(args.gpt_layers, channels)
        self.final_norm = nn.LayerNorm(channels, eps=LAYER_NORM_EPS)
        self.mel_head = nn.Linear(channels, args.gpt_num_audio_tokens)
        self._int8_body: Int8Body | None = None

    def to_half(self) -> None:
        """float16 for what every step reads: the matrices of the body, and with them the cache.

        What adds up stays float32: the residual stream, norms, embeddings, and the logits (0.6 % of the bytes).
        """
        for layer in self.gpt.layers:
            layer.attn.half()
            layer.mlp.half()

    @property
    def matrices(self) -> dict[str, Affine]:
        """The products that int8 computes, by their names in the body: two of attention and two of the rest, a layer.

        Embeddings are read, not multiplied, and the head is 0.3 % of the products: neither would make a step faster.
        Raises AssertionError after `to_int8`.
        """
        found: dict[str, Affine] = {}
        for index, layer in enumerate(self.gpt.layers):
            for name, product in (
                ("attn.c_attn", layer.attn.c_attn),
                ("attn.c_proj", layer.attn.c_proj),
                ("mlp.c_fc", layer.mlp.c_fc),
                ("mlp.c_proj", layer.mlp.c_proj),
            ):
                assert isinstance(product, Affine)
                found[f"h.{index}.{name}"] = product
        return found

    def to_int8(self, weights: Mapping[str, QuantizedMatrix]) -> None:
        """Compute the `matrices` in int8, on a CPU; the weights in float32 are let go of.

        Then a sequence has the same latents, to the last bit, alone and among others. The cache stays float32.
        Raises RuntimeError where torch has no such products (see `find_int8_problem`).
        """
        matrices = self.matrices
        find_row_limit()  # computes on this thread: helpers of a second thread that computes would slow this one down

        def pack(name: str) -> QuantizedAffine:
            return QuantizedAffine(weights[name], matrices[name].bias)

        with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # the operator packs on one thread
            packing = pool.map(pack, matrices)
            _load_kernels()  # meanwhile: numba takes as long
            packed = dict(zip(matrices, packing, strict=True))
        for index, layer in enumerate(self.gpt.layers):
            layer.attn.c_attn, layer.attn.c_proj = packed[f"h.{index}.attn.c_attn"], packed[f"h.{index}.attn.c_proj"]
            layer.mlp = QuantizedFeedForward(packed[f"h.{index}.mlp.c_fc"], packed[f"h.{index}.mlp.c_proj"])
        self._int8_body = _make_int8_body(self.gpt.layers, self.num_heads)

    @property
    def is_int8(self) -> bool:
        return isinstance(self.gpt.layers[0].mlp, QuantizedFeedForward)

    @property
    def has_kernels(self) -> bool:
        """True if int8 runs with compiled kernels."""
        return self._int8_body is not None

    @property
    def max_prompt_positions(self) -> int:
        """Cache positions of the longest prompt: latents, text in every text position, and the start code."""
        return NUM_CONDITIONING_LATENTS + len(self.text_pos_embedding.emb.weight) + 1

    @property
    def cache_dtype(self) -> torch.dtype:
        first = self.gpt.layers[0].attn.c_attn
        return first.weight.dtype if isinstance(first, Affine) else torch.float32

    def new_cache(self, *, slots: int, positions: int, device: torch.device) -> KVCache:
        return KVCache(
            layers=len(self.gpt.layers),
            slots=slots,
            heads=self.num_heads,
            positions=positions,
            head_dim=self.head_dim,
            device=device,
            dtype=self.cache_dtype,
            has_byte_values=self.is_int8,
        )

    def read_voice(self, conditioning_latents: torch.Tensor) -> VoicePrefix:
        """Beginning of every prompt of a voice. conditioning_latents: [32, channels]."""
        prefix = VoicePrefix([], [])
        self._run_prompts(conditioning_latents, voice_attention(prefix, self.num_heads))
        return prefix

    def prefill(
        self, cache: KVCache, first_slot: int, voices: Sequence[VoicePrefix], text_tokens: Sequence[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write prompts into consecutive slots from `first_slot` on and compute what follows each.

        voices        of each prompt, from `read_voice`
        text_tokens   of each prompt, [text tokens] int64, without start and stop

        The texts lie end to end in one matrix, [sum of their positions, channels], so no product is wasted on
        padding; only attention goes prompt by prompt.

        Returns logits [prompts, codes] and latents [prompts, channels] of the first audio code.
        """
        texts = [self._embed_text(tokens) for tokens in text_tokens]
        lengths = [len(text) for text in texts]
        x = self._run_prompts(torch.cat(texts), text_attention(cache, first_slot, voices, lengths, self.num_heads))
        last = to_device(torch.tensor(lengths).cumsum(0) - 1, x.device)
        return self._read(x[last])

    def decode(
        self,
        cache: KVCache,
        codes: torch.Tensor,
        code_positions: torch.Tensor,
        num_positions: torch.Tensor,
        *,
        max_positions: int,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Decode one step of the first slots: write one cache position of each and compute what follows.

        codes            [slots] int64, the audio code that was sampled last
        code_positions   [slots] int64, its place among the slot's audio codes; the start code has 0
        num_positions    [slots] int64, cache positions written
        max_positions    cache positions to look at, at least max(num_positions) + 1

        Returns logits [slots, codes] and latents [slots, channels] of the next code.
        """
        x = self.mel_embedding(codes) + self.mel_pos_embedding.emb(code_positions)
        if self._int8_body is not None:
            return self._read(self._int8_body.decode(x, cache, num_positions))
        if x.device.type == "cpu" and self.cache_dtype == torch.float32:
            attend = separate_attention(num_positions, self.num_heads)
        else:
            attend = masked_attention(num_positions, max_positions, self.cache_dtype)

        def attend_here(index: int, qkv: torch.Tensor) -> torch.Tensor:
            return attend(qkv.view(len(x), 3, self.num_heads, self.head_dim), cache, index).flatten(1)

        return self._read(self._run_layers(x, attend_here))

    def _run_prompts(self, x: torch.Tensor, attend: Attend) -> torch.Tensor:
        return self._run_layers(x, attend) if self._int8_body is None else self._int8_body.prefill(x, attend)

    def _run_layers(self, x: torch.Tensor, attend: Attend) -> torch.Tensor:
        """x, [rows, channels], to the same behind all layers."""
        for index, layer in enumerate(self.gpt.layers):
            x = x + layer.attn.c_proj(attend(index, layer.attn.c_attn(layer.ln_1(x))))
            x = x + layer.mlp(layer.ln_2(x))
        return x

    def _embed_text(self, text_tokens: torch.Tensor) -> torch.Tensor:
        """[positions, channels] of the text, its start and stop, and the start code. Positions of text and of audio
        codes count from 0 each."""
        text = F.pad(text_tokens, (1, 1))
        text[0].fill_(self.start_text_token)
        text[-1].fill_(self.stop_text_token)
        text_embedding = self.text_embedding(text) + self.text_pos_embedding.emb.weight[: len(text)]
        start = self.mel_embedding.weight[self.start_audio_token] + self.mel_pos_embedding.emb.weight[0]
        return torch.cat([text_embedding, start[None]])

    def _read(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        latents = self.final_norm(self.gpt.ln_f(x))
        return self.mel_head(latents), latents


def _load_kernels() -> None:
    with suppress(ImportError):  # told by `_make_int8_body`
        import_module("app.engine.xtts.model.int8_body")


def _make_int8_body(layers: Sequence[Layer], num_heads: int) -> "Int8Body | None":
    """None where the kernels cannot be compiled: torch's operators take their place, and a step takes longer."""
    try:
        from app.engine.xtts.model.int8_body import Int8Body, Int8Layer
    except ImportError as error:
        logger.warning("int8 works without compiled kernels and is slower: %s", error)
        return None
    parts: list[Int8Layer] = []
    for layer in layers:
        mlp, c_attn, c_proj = layer.mlp, layer.attn.c_attn, layer.attn.c_proj
        assert isinstance(mlp, QuantizedFeedForward)
        assert isinstance(c_attn, QuantizedAffine) and isinstance(c_proj, QuantizedAffine)
        parts.append(Int8Layer(layer.ln_1, c_attn, c_proj, layer.ln_2, mlp.c_fc, mlp.c_proj))
    return Int8Body(parts, num_heads)
