"""The state of the sequences that decode together: tensors with one entry for each slot.

Nothing is resized after construction: CUDA graphs hold these addresses.
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from app.engine.xtts.device.copies import to_device
from app.engine.xtts.model.decoder import Decoder
from app.engine.xtts.runner.sampler import sequence_seed, top_p_tail_of
from app.engine.xtts.sequence import XttsSequence

if TYPE_CHECKING:  # compiles its kernel
    from app.engine.xtts.runner.cuda_sampler import CudaSampler

logger = logging.getLogger(__name__)

PLACEHOLDER_ID = 1
"""The prompt's id in the codes that the reference's repetition penalty sees."""
NOT_FINITE = -1
"""Stands in `sampled_codes` for a slot whose logits held NaN or infinity; only that sequence fails."""


class BatchState:
    """One entry for each slot; a slot is a row of the KV cache.

    last_code       [slots] int64, input of the next step
    num_codes       [slots] int64, codes sampled so far; index into `latents`
    num_positions   [slots] int64, KV-cache positions written
    is_active       [slots] int64, 1 for a slot in use, 0 for a free one, which takes no step
    seen_codes      [slots, codes] bool, codes sampled so far, for the repetition penalty
    sampled_codes   [slots] int64, output of the last step, or NOT_FINITE
    latents         [slots, max_codes + 1, channels], read by the vocoder; one more than a sequence may have, for the
                    step that is taken before the host has read its end
    seed, temperature, top_k, top_p_tail, repetition_penalty   [slots], how each slot is sampled
    sampler         the kernel that samples; None: torch's operators do
    """

    def __init__(self, decoder: Decoder, *, slots: int, max_codes: int, device: torch.device) -> None:
        num_codes, channels = decoder.mel_embedding.weight.shape
        self.slots = slots
        self.device = device
        self.cache = decoder.new_cache(slots=slots, positions=decoder.max_prompt_positions + max_codes, device=device)
        self.latents = torch.zeros(slots, max_codes + 1, channels, device=device, dtype=torch.float32)
        self.sampled_codes = torch.zeros(slots, dtype=torch.int64, device=device)
        self.last_code = torch.zeros(slots, dtype=torch.int64, device=device)
        self.num_codes = torch.zeros(slots, dtype=torch.int64, device=device)
        self.num_positions = torch.zeros(slots, dtype=torch.int64, device=device)
        self.is_active = torch.zeros(slots, dtype=torch.int64, device=device)
        self.seen_codes = torch.zeros(slots, num_codes, dtype=torch.bool, device=device)
        self.seed = torch.zeros(slots, dtype=torch.int64, device=device)
        self.top_k = torch.ones(slots, dtype=torch.int64, device=device)
        self.temperature = torch.ones(slots, device=device)
        self.top_p_tail = torch.zeros(slots, device=device)
        self.repetition_penalty = torch.ones(slots, device=device)
        self._seen_at_first = torch.zeros(num_codes, dtype=torch.bool)
        self._seen_at_first[[PLACEHOLDER_ID, decoder.start_audio_token]] = True
        self._seen_at_first = self._seen_at_first.to(device)
        self.sampler = _make_sampler(num_codes, device) if decoder.has_prompt_kernels else None

    @property
    def num_bytes(self) -> int:
        tensors = [value for value in vars(self).values() if isinstance(value, torch.Tensor)]
        return self.cache.num_bytes + sum(tensor.nbytes for tensor in tensors)

    def take(self, first: int, num_positions: Sequence[int], sequences: Sequence[XttsSequence]) -> None:
        """Put `sequences`, with prompts of so many positions, into the free slots from `first` on.

        Their sampling options must be complete.
        """
        part = slice(first, first + len(sequences))
        sampling = [sequence.request.sampling for sequence in sequences]
        seeds = [sequence_seed(sequence.request.seed, sequence.index, sequence.attempt) for sequence in sequences]
        self.is_active[part] = 1
        self.seen_codes[part] = self._seen_at_first
        # One copy for each tensor: each copy is a call of the driver.
        for tensor, values in (
            (self.num_positions, num_positions),
            (self.seed, seeds),
            (self.top_k, [options.top_k for options in sampling]),
            (self.temperature, [options.temperature for options in sampling]),
            (self.top_p_tail, [top_p_tail_of(options.top_p or 1.0) for options in sampling]),
            (self.repetition_penalty, [options.repetition_penalty for options in sampling]),
        ):
            tensor[part] = to_device(torch.tensor(values, dtype=tensor.dtype), self.device)

    def move(self, source: int, target: int, num_positions: int) -> None:
        self.cache.move(source, target, num_positions)
        for tensor in (
            self.latents, self.sampled_codes, self.last_code, self.num_codes, self.num_positions, self.seen_codes,
            self.seed, self.top_k, self.temperature, self.top_p_tail, self.repetition_penalty,
        ):  # fmt: skip
            tensor[target] = tensor[source]

    def free(self, slot: int) -> None:
        """Take a slot out of use, without its cache. A step that is padded with it looks at one position."""
        for tensor in (self.is_active, self.num_codes, self.num_positions):
            tensor[slot].zero_()


def _make_sampler(num_codes: int, device: torch.device) -> "CudaSampler | None":
    if device.type != "cuda":  # shapes alone are asked for
        return None
    try:
        from app.engine.xtts.runner.cuda_sampler import CudaSampler

        return CudaSampler(num_codes, device)
    except (ImportError, RuntimeError) as error:
        logger.warning("codes are sampled by torch's operators, which takes longer: %s", error)
        return None
