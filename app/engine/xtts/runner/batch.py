"""The batch as the host sees it: sequences join it, take steps and leave it.

Active slots are 0 to `size` - 1, so a step works on a prefix of every tensor. No method waits for the device.
"""

from collections.abc import Sequence

import torch

from app.engine.xtts.device.copies import HostCopy
from app.engine.xtts.model.decoder import Decoder
from app.engine.xtts.model.prompt import num_prompt_positions
from app.engine.xtts.runner.graphs import Buckets, EagerRunner, GraphRunner
from app.engine.xtts.runner.prompts import PromptGraphs
from app.engine.xtts.runner.state import BatchState
from app.engine.xtts.runner.step import sample_codes, take_step
from app.engine.xtts.runner.voices import VoicePrefixes
from app.engine.xtts.sequence import XttsSequence


class Batch:
    """Methods may be called in any order.

    buckets     shapes in which steps are taken; None: each in its own
    use_graphs  capture a CUDA graph for each of the buckets, now
    """

    def __init__(
        self,
        decoder: Decoder,
        *,
        slots: int,
        max_codes: int,
        device: torch.device,
        buckets: Buckets | None = None,
        use_graphs: bool = False,
    ) -> None:
        self._decoder = decoder
        self._voices = VoicePrefixes(decoder, device)
        self._state = state = BatchState(decoder, slots=slots, max_codes=max_codes, device=device)
        # Mirror of state.num_positions on the host.
        self._num_positions = [0] * slots
        self.slots = slots
        self.size = 0

        @torch.inference_mode()
        def step(num_slots: int, max_positions: int) -> None:
            take_step(decoder, state, num_slots, max_positions)

        positions = state.cache.positions
        assert buckets is None or (buckets.slots[-1] <= slots and buckets.positions[-1] <= positions)
        if use_graphs:
            buckets = buckets or Buckets.of(slots, positions, by_positions=not decoder.has_prompt_kernels)
            self._runner = GraphRunner(step, buckets, device)
        else:
            self._runner = EagerRunner(step, buckets)
        self._prompts: PromptGraphs | None = None
        if use_graphs and decoder.has_prompt_kernels:
            self._prompts = PromptGraphs(decoder, state.cache, device)

    @property
    def num_graphs(self) -> int:
        """Graphs of steps and prompts together."""
        return self._runner.num_graphs + (self._prompts.num_graphs if self._prompts else 0)

    @property
    def latents(self) -> torch.Tensor:
        """[slots, codes, channels], read by the vocoder."""
        return self._state.latents

    @torch.inference_mode()
    def join(self, sequences: Sequence[XttsSequence]) -> HostCopy:
        """Prefill `sequences` into the next free slots, in order. Their sampling options must be complete.

        Returns the first code of each, [sequences], or NOT_FINITE.
        """
        part = slice(self.size, self.size + len(sequences))
        num_positions = [num_prompt_positions(len(sequence.text_tokens)) for sequence in sequences]
        self._num_positions[part] = num_positions
        self._state.take(part.start, num_positions, sequences)
        self.size = part.stop
        logits, latents = self._decoder.prefill(
            self._state.cache,
            part.start,
            [self._voices.of(sequence.voice.gpt_conditioning_latents) for sequence in sequences],
            [sequence.text_tokens for sequence in sequences],
            run_rows=self._prompts.run_rows if self._prompts else None,
        )
        sample_codes(self._state, part, logits, latents)
        return HostCopy(self._state.sampled_codes[part])

    @torch.inference_mode()
    def step(self) -> HostCopy:
        """Decode the next code of every active slot. Returns the codes, [size], or NOT_FINITE."""
        part = slice(0, self.size)
        self._runner.run(self.size, max(self._num_positions[part]) + 1)
        self._num_positions[part] = [number + 1 for number in self._num_positions[part]]
        return HostCopy(self._state.sampled_codes[part])

    @torch.inference_mode()
    def leave(self, slot: int) -> None:
        """Free `slot` and move the last active slot into it, so that active slots stay 0 to `size` - 1.

        Callers that keep slot numbers must apply the same swap. Both vacated cache regions are zeroed: results are read
        one step late, so a NaN may be in the cache, and torch's masked attention multiplies it by 0, which is NaN.
        """
        last = self.size - 1
        self._state.cache.clear(slot, self._num_positions[slot])
        if slot != last:
            self._state.move(last, slot, self._num_positions[last])
            self._state.cache.clear(last, self._num_positions[last])
        self._num_positions[slot], self._num_positions[last] = self._num_positions[last], 0
        self._state.free(last)
        self.size = last

    @torch.inference_mode()
    def reset(self) -> None:
        """Free and clear every slot after a failed step."""
        for slot in range(self.slots):
            self._state.cache.clear(slot, self._num_positions[slot])
            self._state.free(slot)
        self._num_positions = [0] * self.slots
        self.size = 0
