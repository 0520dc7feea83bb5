"""A sequence's noise, and its options, when it joins the batch."""

from collections.abc import Sequence

import torch

from app.engine.xtts.decode.batch import NewRow
from app.engine.xtts.decode.sampler import sequence_seed
from app.engine.xtts.decode_stage import DecodeStage
from app.engine.xtts.guards import Budget, Guards
from app.engine.xtts.hardware.transfer import Arrival
from app.engine.xtts.sequence import XttsSequence
from app.engine.xtts.vocode.frames import FrameGrid
from tests.support.requests import admitted
from tests.support.xtts import Pair


class Rows:
    """A batch that keeps the rows that join it."""

    slots = 4

    def __init__(self) -> None:
        self.joined: list[NewRow] = []

    def join(self, rows: Sequence[NewRow]) -> Arrival:
        self.joined += rows
        return Arrival(torch.zeros(len(rows), dtype=torch.int64))


def test_the_noise_follows_from_the_seed_the_segment_and_the_attempt_in_this_order(tiny: Pair) -> None:
    request = admitted(1.0, 1.0, 1.0, 1.0, seed=7)
    request.asked.voice.conditioning = tiny.voice
    config = tiny.checkpoint.config
    grid = FrameGrid(config.model_args)
    rows = Rows()
    stage = DecodeStage(rows, config, Guards(), read_late=0)  # type: ignore[arg-type]
    for segment_index, attempt in ((0, 0), (3, 0), (3, 1)):
        budget = Budget(10, 20)
        sequence = XttsSequence(
            request=request, segment_index=segment_index, started_at_s=0.0, grid=grid, budget=budget, attempt=attempt
        )
        stage.join([sequence])
    assert [row.sampling.seed for row in rows.joined] == [
        sequence_seed(7, 0, 0),
        sequence_seed(7, 3, 0),
        sequence_seed(7, 3, 1),
    ]
    assert rows.joined[0].sampling.temperature == config.temperature
