"""The rows that decode together: what each of them needs from one step to the next, as tensors.

Knows rows. Rows 0 to `size` - 1 are in use, always without a hole, so a step works on a prefix of every tensor and
its shape is the number of rows alone. Knows nothing of requests, segments or time.
"""

from collections.abc import Sequence

import msgspec
import torch

from app.engine.xtts.decode.decoder import Decoder, Prompt
from app.engine.xtts.decode.kv_cache import KVCache
from app.engine.xtts.decode.sampler import draw, filter_logits, tail_of

PLACEHOLDER_ID = 1
"""The id that stands for the prefix in what the reference's repetition penalty sees."""


class RowSampling(msgspec.Struct, frozen=True, kw_only=True):
    """How one row is sampled, nothing left open."""

    seed: int
    """from `sequence_seed`"""
    temperature: float
    top_k: int
    top_p: float
    repetition_penalty: float


class NewRow(msgspec.Struct, frozen=True):
    """A sequence about to join."""

    conditioning_latents: torch.Tensor
    """[32, channels]"""
    text_tokens: torch.Tensor
    """[text tokens] int64"""
    sampling: RowSampling


class Drawn(msgspec.Struct, frozen=True):
    """What one step gave, row by row."""

    codes: list[int]
    is_finite: list[bool]
    """False where the logits were not numbers: that row is lost, its neighbours are not"""


class Batch:
    """Sequences in the decoder. `join`, `step` and `leave` may be called in any order, between any two steps.

    latents   [slots, max_codes, channels], row by row: what the vocoder reads
    """

    def __init__(self, decoder: Decoder, *, slots: int, max_codes: int, device: torch.device) -> None:
        weight = decoder.mel_embedding.weight
        num_codes, channels = weight.shape
        max_text = len(decoder.text_pos_embedding.emb.weight)
        self._decoder = decoder
        self._device = device
        self._cache = KVCache(
            layers=len(decoder.gpt.layers),
            slots=slots,
            heads=decoder.num_heads,
            positions=32 + max_text + max_codes + 1,
            head_dim=decoder.head_dim,
            device=device,
            dtype=weight.dtype,
        )
        self.slots = slots
        self.size = 0
        self.latents = torch.zeros(slots, max_codes, channels, device=device, dtype=weight.dtype)
        # The tensors below have one entry for each row and move together.
        self._last_code = torch.zeros(slots, dtype=torch.int64, device=device)
        self._num_codes = torch.zeros(slots, dtype=torch.int64, device=device)
        self._length = torch.zeros(slots, dtype=torch.int64, device=device)
        self._seen = torch.zeros(slots, num_codes, dtype=torch.bool, device=device)
        self._seed = torch.zeros(slots, dtype=torch.int64, device=device)
        self._temperature = torch.ones(slots, device=device)
        self._top_k = torch.ones(slots, dtype=torch.int64, device=device)
        self._tail = torch.zeros(slots, device=device)
        self._repetition_penalty = torch.ones(slots, device=device)
        # The same as _length, where it can be read without waiting for the device.
        self._host_length = [0] * slots

    @torch.inference_mode()
    def join(self, rows: Sequence[NewRow]) -> Drawn:
        """Prefill `rows` into the next free rows, in order, and draw the first code of each."""
        first = self.size
        prompts: list[Prompt] = []
        for index, row in enumerate(rows, first):
            prompt = Prompt(index, row.conditioning_latents.to(self._device), row.text_tokens.to(self._device))
            prompts.append(prompt)
            self._num_codes[index] = 0
            self._length[index] = self._host_length[index] = prompt.num_positions
            self._seen[index] = False
            self._seen[index, [PLACEHOLDER_ID, self._decoder.start_audio_token]] = True
            self._seed[index] = row.sampling.seed
            self._temperature[index] = row.sampling.temperature
            self._top_k[index] = row.sampling.top_k
            self._tail[index] = tail_of(row.sampling.top_p)
            self._repetition_penalty[index] = row.sampling.repetition_penalty
        self.size += len(rows)
        logits, latents = self._decoder.prefill(self._cache, prompts)
        return self._draw(logits, latents, slice(first, self.size))

    @torch.inference_mode()
    def step(self) -> Drawn:
        """Decode the next code of every row."""
        rows = slice(0, self.size)
        logits, latents = self._decoder.decode(
            self._cache,
            self._last_code[rows],
            self._num_codes[rows],
            self._length[rows],
            span=max(self._host_length[rows]) + 1,
        )
        self._length[rows] += 1
        for row in range(self.size):
            self._host_length[row] += 1
        return self._draw(logits, latents, rows)

    @torch.inference_mode()
    def leave(self, row: int, *, is_poisoned: bool = False) -> None:
        """Free a row. The last row takes its place: whoever holds row numbers must do the same."""
        if is_poisoned:
            self._cache.clear(row)
        last = self.size - 1
        if row != last:
            self._cache.move(last, row, self._host_length[last])
            self.latents[row] = self.latents[last]
            self._host_length[row] = self._host_length[last]
            for state in (
                self._last_code, self._num_codes, self._length, self._seen, self._seed,
                self._temperature, self._top_k, self._tail, self._repetition_penalty,
            ):  # fmt: skip
                state[row] = state[last]
        self.size = last

    @torch.inference_mode()
    def reset(self) -> None:
        """Free every row, whatever state a failed step left them in."""
        for row in range(self.slots):
            if self._host_length[row]:
                self._cache.clear(row)
        self.latents.zero_()
        self._host_length = [0] * self.slots
        self.size = 0

    def _draw(self, logits: torch.Tensor, latents: torch.Tensor, rows: slice) -> Drawn:
        is_finite = logits.isfinite().all(dim=-1)
        logits = logits.float().nan_to_num()
        scores = filter_logits(
            logits,
            self._seen[rows],
            temperature=self._temperature[rows],
            top_k=self._top_k[rows],
            tail=self._tail[rows],
            repetition_penalty=self._repetition_penalty[rows],
        )
        codes = draw(scores, self._seed[rows], self._num_codes[rows])
        index = torch.arange(rows.start, rows.stop, device=self._device)
        self.latents[index, self._num_codes[rows]] = latents
        self._seen[index, codes] = True
        self._last_code[rows] = codes
        self._num_codes[rows] += 1
        return Drawn(codes.tolist(), is_finite.tolist())
