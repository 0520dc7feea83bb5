"""The batch as the host sees it: sequences join it, take steps and leave it.

Rows 0 to `size` - 1 are in use, always without a hole, so a step works on a prefix of every tensor. Nothing here waits
for the device: what a step drew comes as an `Arrival`. Knows nothing of time, order and audio.
"""

from collections.abc import Sequence

import torch

from app.engine.xtts.decode.buckets import Buckets
from app.engine.xtts.decode.decoder import Decoder, num_prompt_positions
from app.engine.xtts.decode.rows import Rows
from app.engine.xtts.decode.runner import EagerRunner, GraphRunner
from app.engine.xtts.decode.step import draw_codes, take_step
from app.engine.xtts.hardware.transfer import Arrival, send
from app.engine.xtts.sequence import XttsSequence


class Batch:
    """`join`, `step` and `leave` may be called in any order, between any two steps.

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
        self._rows = rows = Rows(decoder, slots=slots, max_codes=max_codes, device=device)
        # How many positions each row has written, where it can be read without asking the device.
        self._lengths = [0] * slots
        self.slots = slots
        self.size = 0

        @torch.inference_mode()
        def step(count: int, span: int) -> None:
            take_step(decoder, rows, count, span)

        positions = rows.cache.positions
        assert buckets is None or (buckets.rows[-1] <= slots and buckets.spans[-1] <= positions)
        if use_graphs:
            buckets = buckets or Buckets.of(slots, positions)
            self._runner = GraphRunner(step, buckets, device)
        else:
            self._runner = EagerRunner(step, buckets)

    @property
    def num_graphs(self) -> int:
        return self._runner.num_graphs

    @property
    def latents(self) -> torch.Tensor:
        """[slots, codes, channels], row by row: what the vocoder reads."""
        return self._rows.latents

    @torch.inference_mode()
    def join(self, sequences: Sequence[XttsSequence]) -> Arrival:
        """Prefill `sequences` into the next free slots, in order. The sampling of their requests must be complete.

        Returns the first code of each, [sequences], or LOST.
        """
        device = self._rows.device
        part = slice(self.size, self.size + len(sequences))
        lengths = [num_prompt_positions(len(sequence.text_tokens)) for sequence in sequences]
        self._lengths[part] = lengths
        self._rows.take(part.start, lengths, sequences)
        self.size = part.stop
        logits, latents = self._decoder.prefill(
            self._rows.cache,
            part.start,
            [send(sequence.voice.gpt_conditioning_latents, device) for sequence in sequences],
            [send(torch.tensor(sequence.text_tokens), device) for sequence in sequences],
        )
        draw_codes(self._rows, part, logits, latents)
        return Arrival(self._rows.told[part])

    @torch.inference_mode()
    def step(self) -> Arrival:
        """Decode the next code of every row. What comes: the codes, [size], or LOST."""
        part = slice(0, self.size)
        self._runner.run(self.size, max(self._lengths[part]) + 1)
        self._lengths[part] = [length + 1 for length in self._lengths[part]]
        return Arrival(self._rows.told[part])

    @torch.inference_mode()
    def leave(self, row: int) -> None:
        """Free a row. The last row takes its place: whoever holds row numbers must do the same.

        What the two wrote is cleared where it is not used any more: either may have written what is not a number,
        before anybody has read that it did.
        """
        last = self.size - 1
        self._rows.cache.clear(row, self._lengths[row])
        if row != last:
            self._rows.move(last, row, self._lengths[last])
            self._rows.cache.clear(last, self._lengths[last])
        self._lengths[row], self._lengths[last] = self._lengths[last], 0
        self._rows.free(last)
        self.size = last

    @torch.inference_mode()
    def reset(self) -> None:
        """Free every row, whatever state a failed step left them in."""
        for row in range(self.slots):
            self._rows.cache.clear(row, self._lengths[row])
            self._rows.free(row)
        self._lengths = [0] * self.slots
        self.size = 0
