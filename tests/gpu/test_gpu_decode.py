"""The batch on a GPU: graphs do what launches do, float16 what float32 does."""

import copy

import pytest
import torch

from app.engine.xtts.model.decoder import Decoder
from app.engine.xtts.runner.batch import Batch
from app.engine.xtts.runner.graphs import Buckets, GraphRunner
from app.errors import EngineUnavailable
from tests.support.teacher import agreement, teacher_forced
from tests.support.xtts import Pair, codes_of, join_step_and_leave, random_texts, seeded

SLOTS = 7
BUCKETS = Buckets(slots=(1, 2, 4, SLOTS), positions=(128, 192))
TOLERANCE = 1e-2
"""As in tests/unit/engine/xtts/model/test_precision.py."""


@pytest.fixture(scope="module", params=["float32", "float16"])
def decoder(request: pytest.FixtureRequest, tiny: Pair) -> Decoder:
    decoder = copy.deepcopy(tiny.checkpoint.networks.decoder)
    if request.param == "float16":
        decoder.to_half()
    return decoder


def new_batch(decoder: Decoder, cuda: torch.device, *, use_graphs: bool) -> Batch:
    return Batch(decoder, slots=SLOTS, max_codes=100, device=cuda, buckets=BUCKETS, use_graphs=use_graphs)


def test_a_graph_draws_the_codes_of_its_launches(tiny: Pair, decoder: Decoder, cuda: torch.device) -> None:
    """The same kernels in the same shapes: equal to the last code and to the last bit of the latents."""
    rows = [tiny.sequence(tiny.tokens(text), seeded(number)) for number, text in enumerate(random_texts(20, seed=3))]
    graphs, launches = (new_batch(decoder, cuda, use_graphs=use_graphs) for use_graphs in (True, False))
    captured, launched = join_step_and_leave(3, [graphs, launches], rows)
    assert captured == launched
    assert torch.equal(graphs.latents, launches.latents)


def test_what_cannot_be_captured_is_told_with_its_shape_and_the_way_out(cuda: torch.device) -> None:
    asked = torch.ones(1, device=cuda)
    with pytest.raises(EngineUnavailable, match=r"(?s)2 rows and 8 positions .* CHORUS_CUDA_GRAPHS=0"):
        GraphRunner(lambda count, span: asked.item(), Buckets(slots=(2,), positions=(8,)), cuda)


def test_float16_stays_within_its_tolerance(tiny: Pair, cuda: torch.device) -> None:
    exact_decoder = tiny.checkpoint.networks.decoder
    halved = copy.deepcopy(exact_decoder)
    halved.to_half()
    texts = [tiny.tokens(text) for text in random_texts(64, seed=4)]
    codes = torch.randint(0, 1024, (64, 60), generator=torch.Generator().manual_seed(4))
    found = agreement(
        teacher_forced(halved, tiny.voice, texts, codes), teacher_forced(exact_decoder, tiny.voice, texts, codes)
    )
    assert 1e-5 < found.relative_error < TOLERANCE
    assert found.same_best >= 0.98
    assert found.widest_disagreement < TOLERANCE


def test_greedy_codes_in_float32_are_the_references(tiny: Pair, cuda: torch.device) -> None:
    """The reference is on the CPU: two devices that add up in different orders come to the same codes."""
    texts = [tiny.tokens(text) for text in random_texts(SLOTS, seed=8)]
    batch = new_batch(tiny.checkpoint.networks.decoder, cuda, use_graphs=True)
    drawn = [codes_of(batch.join([tiny.sequence(tokens) for tokens in texts]))]
    drawn += [codes_of(batch.step()) for _ in range(60)]
    for row, tokens in enumerate(texts):
        theirs = tiny.reference_codes(tokens)[: len(drawn)]
        assert [codes[row] for codes in drawn][: len(theirs)] == theirs


def test_a_row_alone_and_in_a_full_batch_draws_the_same_in_float32(tiny: Pair, cuda: torch.device) -> None:
    texts = [tiny.tokens(text) for text in random_texts(SLOTS, seed=5)]
    decoder = tiny.checkpoint.networks.decoder
    together = new_batch(decoder, cuda, use_graphs=True)
    alone = new_batch(decoder, cuda, use_graphs=True)
    drawn = [codes_of(together.join([tiny.sequence(tokens, seeded(row)) for row, tokens in enumerate(texts)]))]
    drawn += [codes_of(together.step()) for _ in range(40)]
    for row, tokens in enumerate(texts):
        codes = codes_of(alone.join([tiny.sequence(tokens, seeded(row))]))
        for _ in range(40):
            codes += codes_of(alone.step())
        alone.leave(0)
        assert codes == [step[row] for step in drawn]


def test_a_step_allocates_nothing(tiny: Pair, decoder: Decoder, cuda: torch.device) -> None:
    batch = new_batch(decoder, cuda, use_graphs=True)
    batch.join([tiny.sequence(tiny.tokens(text), seeded(0)) for text in random_texts(3, seed=6)])
    batch.step().wait()
    before = torch.cuda.memory_allocated(cuda)
    for _ in range(50):
        batch.step().wait()
    assert torch.cuda.memory_allocated(cuda) == before
