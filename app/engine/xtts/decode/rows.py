"""The rows that decode together: what each needs from one step to the next, as tensors with fixed addresses.

Knows tensors. A row of the batch is a slot of the cache. Nothing here is made anew or resized after construction: CUDA
graphs hold these addresses.
"""

from collections.abc import Sequence

import torch

from app.engine.xtts.decode.decoder import Decoder
from app.engine.xtts.decode.kv_cache import KVCache
from app.engine.xtts.decode.sampler import sequence_seed, tail_of
from app.engine.xtts.hardware.transfer import send
from app.engine.xtts.sequence import XttsSequence

PLACEHOLDER_ID = 1
"""The id that stands for the prefix in what the reference's repetition penalty sees."""
LOST = -1
"""Told in the place of a code where the logits were not numbers: that row is lost, its neighbours are not."""

POSITIONS_STEP = 16
"""Attention kernels read masks and keys in aligned pieces."""


class Rows:
    """One entry for each slot.

    last_code    [slots] int64, the code that the row said last
    num_codes    [slots] int64, codes that it has said
    length       [slots] int64, cache positions that it has written
    is_active    [slots] int64, 1 for a row in use, 0 for a free one: a free one takes no step
    seen         [slots, codes] bool, codes that it has said
    told         [slots] int64, what the last step drew, or LOST
    latents      [slots, max_codes + 1, channels], what the vocoder reads. One more than a sequence may have: it may
                 have taken a step before the host has read that it was to end
    sampling     seed, temperature, top_k, tail (of top-p), repetition_penalty, each [slots]
    """

    def __init__(self, decoder: Decoder, *, slots: int, max_codes: int, device: torch.device) -> None:
        num_codes, channels = decoder.mel_embedding.weight.shape
        self.slots = slots
        self.device = device
        self.cache = KVCache(
            layers=len(decoder.gpt.layers),
            slots=slots,
            heads=decoder.num_heads,
            positions=_round_up(decoder.max_prompt_positions + max_codes, POSITIONS_STEP),
            head_dim=decoder.head_dim,
            device=device,
            dtype=decoder.cache_dtype,
        )
        self.latents = torch.zeros(slots, max_codes + 1, channels, device=device, dtype=torch.float32)
        self.told = torch.zeros(slots, dtype=torch.int64, device=device)
        self.last_code = torch.zeros(slots, dtype=torch.int64, device=device)
        self.num_codes = torch.zeros(slots, dtype=torch.int64, device=device)
        self.length = torch.zeros(slots, dtype=torch.int64, device=device)
        self.is_active = torch.zeros(slots, dtype=torch.int64, device=device)
        self.seen = torch.zeros(slots, num_codes, dtype=torch.bool, device=device)
        self.seed = torch.zeros(slots, dtype=torch.int64, device=device)
        self.top_k = torch.ones(slots, dtype=torch.int64, device=device)
        self.temperature = torch.ones(slots, device=device)
        self.tail = torch.zeros(slots, device=device)
        self.repetition_penalty = torch.ones(slots, device=device)
        self._seen_at_first = torch.zeros(num_codes, dtype=torch.bool)
        self._seen_at_first[[PLACEHOLDER_ID, decoder.start_audio_token]] = True
        self._seen_at_first = self._seen_at_first.to(device)

    @property
    def num_bytes(self) -> int:
        tensors = [value for value in vars(self).values() if isinstance(value, torch.Tensor)]
        return self.cache.data.nbytes + sum(tensor.nbytes for tensor in tensors)

    def take(self, first: int, lengths: Sequence[int], sequences: Sequence[XttsSequence]) -> None:
        """Put `sequences`, with prompts of `lengths` positions, into the free slots from `first` on.

        The sampling options of their requests must be complete.
        """
        part = slice(first, first + len(lengths))
        sampling = [sequence.request.sampling for sequence in sequences]
        seeds = [sequence_seed(sequence.request.seed, sequence.index, sequence.attempt) for sequence in sequences]
        self.is_active[part] = 1
        self.seen[part] = self._seen_at_first
        # One copy for each tensor, however many rows: each copy is a call of the driver.
        for tensor, values in (
            (self.length, lengths),
            (self.seed, seeds),
            (self.top_k, [options.top_k for options in sampling]),
            (self.temperature, [options.temperature for options in sampling]),
            (self.tail, [tail_of(options.top_p or 1.0) for options in sampling]),
            (self.repetition_penalty, [options.repetition_penalty for options in sampling]),
        ):
            tensor[part] = send(torch.tensor(values, dtype=tensor.dtype), self.device)

    def move(self, source: int, target: int, length: int) -> None:
        """Copy a row of `length` cache positions to another place."""
        self.cache.move(source, target, length)
        for tensor in (
            self.latents, self.told, self.last_code, self.num_codes, self.length, self.seen, self.seed, self.top_k,
            self.temperature, self.tail, self.repetition_penalty,
        ):  # fmt: skip
            tensor[target] = tensor[source]

    def free(self, row: int) -> None:
        """Out of use: no codes, no length. A step that pads with this row looks at one position. The cache is left."""
        for tensor in (self.is_active, self.num_codes, self.length):
            tensor[row].zero_()


def _round_up(number: int, step: int) -> int:
    return -(-number // step) * step
