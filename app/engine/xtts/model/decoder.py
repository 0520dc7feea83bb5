"""The GPT-2 body that turns text tokens into audio codes, as two functions: `prefill` and `decode`.

Knows tensors. Knows nothing of sampling, of sequences' lives, or of text. Written after GPT.generate and
GPT.forward(return_latent=True) of the TTS package, and equal to them (tests/unit/engine/xtts/model/test_parity.py)
with two differences in the way it works: many sequences share each matrix product, and the latents that the reference
computes in a second pass over the finished sequence are taken from the first.

Parameters have the names of the checkpoint. Weights of the body are [in, out], as GPT-2 stores them.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import nn

from app.engine.xtts.config import ModelArgs
from app.engine.xtts.device.copies import to_device
from app.engine.xtts.model.attention import masked_attention, separate_attention
from app.engine.xtts.model.int8 import QuantizedAffine, QuantizedFeedForward, QuantizedMatrix, find_row_limit
from app.engine.xtts.model.int8_bodies import find_tile_product, make_int8_body
from app.engine.xtts.model.kv_cache import KVCache
from app.engine.xtts.model.layers import LAYER_NORM_EPS, Affine, Body, FeedForward, Layer, Positions
from app.engine.xtts.model.prompt import (
    NUM_CONDITIONING_LATENTS,
    START_CODE,
    Attend,
    PromptRows,
    VoicePrefix,
    text_attention,
    voice_attention,
)

if TYPE_CHECKING:  # they compile their kernels
    from app.engine.xtts.model.cuda_body import CudaBody
    from app.engine.xtts.model.int8_body import Int8Body
    from app.engine.xtts.model.int8_tile_body import TileBody

logger = logging.getLogger(__name__)

RunRows = Callable[[KVCache, torch.Tensor], torch.Tensor]
"""`Decoder.run_rows`, or what does the same."""


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
        self._int8_body: Int8Body | TileBody | None = None
        self._cuda_body: CudaBody | None = None

    def to_half(self) -> None:
        """float16 for what every step reads: the matrices of the body, and with them the cache.

        What adds up stays float32: the residual stream, norms, embeddings, and the logits (0.6 % of the bytes).
        """
        for layer in self.gpt.layers:
            layer.attn.half()
            layer.mlp.half()
        if self.mel_head.weight.is_cuda:
            self._cuda_body = _make_cuda_body(self.gpt.layers, self.num_heads)

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

        Then a sequence has the same latents, to the last bit, alone and among others. The cache has values in one
        byte each, and keys in float16 where there are compiled kernels.
        Raises RuntimeError where torch has no such products (see `find_int8_problem`).
        """
        matrices = self.matrices
        find_row_limit()  # computes on this thread: helpers of a second thread that computes would slow this one down

        make_product = find_tile_product(weights[name] for name in matrices)

        def pack(name: str) -> QuantizedAffine:
            product = make_product(weights[name]) if make_product else None
            return QuantizedAffine(weights[name], matrices[name].bias, product=product)

        with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # the operator packs on one thread
            packed = dict(zip(matrices, pool.map(pack, matrices), strict=True))
        for index, layer in enumerate(self.gpt.layers):
            layer.attn.c_attn, layer.attn.c_proj = packed[f"h.{index}.attn.c_attn"], packed[f"h.{index}.attn.c_proj"]
            layer.mlp = QuantizedFeedForward(packed[f"h.{index}.mlp.c_fc"], packed[f"h.{index}.mlp.c_proj"])
        self._int8_body = make_int8_body(self.gpt.layers, self.num_heads)

    @property
    def is_int8(self) -> bool:
        return isinstance(self.gpt.layers[0].mlp, QuantizedFeedForward)

    @property
    def has_kernels(self) -> bool:
        """True if int8 or float16 runs with compiled kernels."""
        return self._int8_body is not None or self._cuda_body is not None

    @property
    def max_prompt_positions(self) -> int:
        """Cache positions of the longest prompt: latents, text in every text position, and the start code."""
        return NUM_CONDITIONING_LATENTS + len(self.text_pos_embedding.emb.weight) + 1

    @property
    def cache_dtype(self) -> torch.dtype:
        """dtype of the cache's keys. torch's operators for int8 read float32; the compiled kernels read float16."""
        first = self.gpt.layers[0].attn.c_attn
        if isinstance(first, Affine):
            return first.weight.dtype
        return torch.float32 if self._int8_body is None else torch.float16

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
        keys: list[torch.Tensor] = []
        values: list[torch.Tensor] = []
        self._run_prompts(conditioning_latents, voice_attention(keys, values, self.num_heads))
        return VoicePrefix(torch.stack(keys), torch.stack(values))

    def prefill(
        self,
        cache: KVCache,
        first_slot: int,
        voices: Sequence[VoicePrefix],
        texts: Sequence[Sequence[int]],
        *,
        run_rows: RunRows | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write prompts into consecutive slots from `first_slot` on and compute what follows each.

        voices     of each prompt, from `read_voice`
        texts      text tokens of each prompt, without start and stop
        run_rows   used instead of the method where `has_prompt_kernels`

        Returns logits [prompts, codes] and latents [prompts, channels] of the first audio code.
        """
        rows = PromptRows.of(texts, first_slot, start_token=self.start_text_token, stop_token=self.stop_text_token)
        device = self.mel_embedding.weight.device
        table = to_device(rows.table, device)
        if self.has_prompt_kernels:
            for slot, voice in enumerate(voices, first_slot):
                voice.write(cache, slot)
            x = (run_rows or self.run_rows)(cache, table)
        else:
            attend = text_attention(cache, first_slot, voices, rows.lengths, self.num_heads)
            x = self._run_prompts(self._embed_texts(table), attend)
        return self._read(x[to_device(rows.ends, device)])

    @property
    def has_prompt_kernels(self) -> bool:
        """True if rows of prompts find keys and values in the cache, so that `run_rows` can be used."""
        return self._cuda_body is not None

    def run_rows(self, cache: KVCache, table: torch.Tensor) -> torch.Tensor:
        """Texts behind their voices, which are in the cache. Asks for no value, so that a CUDA graph can hold it.

        table   as in `PromptRows`, on the device

        Returns [rows, channels] behind all layers.
        """
        assert self._cuda_body is not None
        return self._cuda_body.prefill(self._embed_texts(table), cache, table[2], table[3])

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
        tables = self.mel_embedding.weight, self.mel_pos_embedding.emb.weight
        if self._cuda_body is not None:
            x = self._cuda_body.embed(codes, code_positions, *tables)
            latents = self._cuda_body.decode(x, cache, num_positions, self.gpt.ln_f, self.final_norm)
            return self.mel_head(latents), latents
        x = F.embedding(codes, tables[0]) + F.embedding(code_positions, tables[1])
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

    def _embed_texts(self, table: torch.Tensor) -> torch.Tensor:
        """[rows, channels] of rows of texts. Positions of text and of audio codes count from 0 each."""
        tokens, places = table[0], table[1]
        texts = self.text_embedding(tokens.clamp(min=0)) + self.text_pos_embedding.emb(places)
        start = self.mel_embedding.weight[self.start_audio_token] + self.mel_pos_embedding.emb.weight[0]
        return torch.where((tokens == START_CODE)[:, None], start, texts)

    def _read(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        latents = self.final_norm(self.gpt.ln_f(x))
        return self.mel_head(latents), latents


def _make_cuda_body(layers: Sequence[Layer], num_heads: int) -> "CudaBody | None":
    """None where the kernels cannot be compiled: torch's operators take their place, and a step takes longer."""
    try:
        from app.engine.xtts.model.cuda_body import CudaBody, CudaLayer

        parts: list[CudaLayer] = []
        for layer in layers:
            mlp, c_attn, c_proj = layer.mlp, layer.attn.c_attn, layer.attn.c_proj
            assert isinstance(mlp, FeedForward) and isinstance(c_attn, Affine) and isinstance(c_proj, Affine)
            parts.append(CudaLayer(layer.ln_1, c_attn, c_proj, layer.ln_2, mlp.c_fc, mlp.c_proj))
        return CudaBody(parts, num_heads)
    except (ImportError, RuntimeError) as error:
        logger.warning("float16 works without compiled kernels and is slower: %s", error)
        return None
