"""Start of the engine: the work before the first caller."""

import asyncio
import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.engine.xtts.build import PROFILES, warm_up
from app.engine.xtts.engine import XttsEngine
from app.engine.xtts.vocoder.vocoder import COUNTS, Vocoder
from app.engine.xtts.voice.conditioning import Conditioner
from tests.support.xtts import CPU, Pair


@pytest.mark.slow
def test_warming_up_makes_every_shape_of_chunk_that_is_kept_to(tiny: Pair) -> None:
    networks, config = tiny.checkpoint.networks, tiny.checkpoint.config
    vocoder = Vocoder(copy.deepcopy(networks.generator), few_shapes=True)
    made: set[tuple[int, int]] = set()
    # The first layer sees the chunk's frames, and those that it kept.
    vocoder._generator._first._layer.register_forward_pre_hook(
        lambda _, inputs: made.add((inputs[0].shape[0], inputs[0].shape[-1]))
    )
    warm_up(vocoder, Conditioner(networks, config, CPU), config)
    first, *others = vocoder.chunk_lengths
    kept, padding = 6, 3
    at_once, start = first + 2 * padding, first + padding
    last = {length + kept + padding for length in (first, *others)}
    assert made == {
        (count, width) for count in COUNTS for width in {at_once, start, *last, *(n + kept for n in others)}
    }


def test_only_a_gpu_is_ahead_of_what_is_read_of_it() -> None:
    assert (PROFILES["cpu"].lookahead_steps, PROFILES["cpu"].use_graphs) == (0, False)
    assert (PROFILES["cuda"].lookahead_steps, PROFILES["cuda"].use_graphs) == (1, True)


@pytest.mark.slow
def test_graphs_are_a_stage_of_the_start_only_where_they_are_captured(tiny_checkpoint: Path) -> None:
    stages: list[str] = []

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        stages.append(name)
        yield

    engine = XttsEngine(tiny_checkpoint, stage=stage)
    asyncio.run(engine.aclose())
    assert stages == ["weights", "device", "capacity"]
