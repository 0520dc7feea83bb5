"""Values that a sequence brings into its slot."""

import pytest

from app.engine.scheduler import Request
from app.engine.values import SamplingParams, Voice
from app.engine.xtts.runaway import Budget
from app.engine.xtts.runner.sampler import sequence_seed, top_p_tail_of
from app.engine.xtts.runner.state import BatchState
from app.engine.xtts.sequence import XttsSequence
from app.text.segments import Boundary, Segment
from tests.support.xtts import CPU, Pair


def new_request(tiny: Pair, sampling: SamplingParams, num_sequences: int) -> tuple[XttsSequence, ...]:
    sequences = tuple(
        XttsSequence(
            segment=Segment(index, "", Boundary.SENTENCE),
            language="en",
            spoken_text="",
            normal_s=1.0,
            model_args=tiny.checkpoint.config.model_args,
            text_tokens=(5, 6, 7),
            budget=Budget(10, 20),
        )
        for index in range(num_sequences)
    )
    Request(sequences=sequences, voice=Voice(id="", conditioning=tiny.voice), sampling=sampling)
    return sequences


def new_rows(tiny: Pair) -> BatchState:
    return BatchState(tiny.checkpoint.networks.decoder, slots=3, max_codes=10, device=CPU)


def test_the_noise_follows_from_the_seed_the_segment_and_the_attempt_in_this_order(tiny: Pair) -> None:
    sampling = SamplingParams(seed=7).with_defaults(tiny.checkpoint.config.sampling)
    sequences = new_request(tiny, sampling, 4)
    rows = new_rows(tiny)
    for slot, (index, attempt) in enumerate(((0, 0), (3, 0), (3, 1))):
        sequences[index].attempt = attempt
        rows.take(slot, [40], [sequences[index]])
    assert rows.seed.tolist() == [sequence_seed(7, 0, 0), sequence_seed(7, 3, 0), sequence_seed(7, 3, 1)]


def test_options_that_a_request_leaves_open_are_those_the_checkpoint_was_released_with(tiny: Pair) -> None:
    config = tiny.checkpoint.config
    asked = SamplingParams(seed=1, top_k=7).with_defaults(config.sampling)
    rows = new_rows(tiny)
    rows.take(0, [40], new_request(tiny, asked, 1))
    assert rows.top_k[0] == 7
    assert rows.temperature[0].item() == pytest.approx(config.temperature)
    assert rows.repetition_penalty[0].item() == pytest.approx(config.repetition_penalty)
    assert rows.top_p_tail[0].item() == pytest.approx(top_p_tail_of(config.top_p))
