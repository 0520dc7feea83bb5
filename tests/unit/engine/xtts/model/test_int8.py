"""Products in int8 beside float32, and rows of them beside other rows."""

import copy

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it

from app.engine.xtts.model.decoder import Decoder
from app.engine.xtts.model.int8 import ROW_LIMITS, QuantizedAffine, find_row_limit, gelu_, quantize
from tests.support.teacher import agreement, teacher_forced
from tests.support.xtts import CPU, WITHOUT_INT8, Pair, random_texts

pytestmark = WITHOUT_INT8

SIZES = [(1024, 3072), (1024, 1024), (1024, 4096), (4096, 1024), (64, 192), (256, 64)]
TOLERANCE = 2.5e-2
"""Relative norm of the error of a row. A step is at most 1/63 of the largest activation and 1/127 of the largest
weight, which are at most 5 times the root mean square here; a rounding error is a step / sqrt(12): 2.3 % and 1.1 %."""


def random_affine(size_in: int, size_out: int, *, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, QuantizedAffine]:
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(size_in, size_out, generator=generator) * 0.02
    bias = torch.randn(size_out, generator=generator)
    return weight, bias, QuantizedAffine(quantize(weight), bias)


def random_rows(count: int, width: int, *, seed: int = 1) -> torch.Tensor:
    """Rows of very different magnitudes."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, width, generator=generator) * torch.logspace(-3, 3, count)[:, None]


@pytest.fixture(scope="module")
def quantized(tiny: Pair) -> Decoder:
    decoder = copy.deepcopy(tiny.checkpoint.networks.decoder)
    decoder.to_int8({name: quantize(affine.weight) for name, affine in decoder.matrices.items()})
    return decoder


@pytest.mark.parametrize(("size_in", "size_out"), SIZES)
def test_a_weight_is_within_half_a_step_of_its_own_channel(size_in: int, size_out: int) -> None:
    weight, _, _ = random_affine(size_in, size_out)
    matrix = quantize(weight)
    assert matrix.values.dtype == torch.int8
    assert int(matrix.values.abs().max()) == 127
    error = (matrix.values * matrix.scales[:, None] - weight.t()).abs()
    assert bool((error <= matrix.scales[:, None] * 0.5001).all())


@pytest.mark.parametrize(("size_in", "size_out"), SIZES)
def test_a_product_is_near_that_of_float32_in_every_row(size_in: int, size_out: int) -> None:
    weight, bias, affine = random_affine(size_in, size_out)
    x = random_rows(20, size_in)
    exact = x @ weight
    ours = QuantizedAffine(quantize(weight), torch.zeros(size_out))(x)
    error = (ours - exact).norm(dim=1) / exact.norm(dim=1)
    assert bool((error < TOLERANCE).all()), error
    assert torch.equal(affine(x), ours + bias)


@pytest.mark.parametrize("row_limit", ROW_LIMITS)
def test_a_product_is_that_of_the_whole_numbers_exactly(row_limit: int) -> None:
    if row_limit > find_row_limit():
        pytest.skip("this CPU has no VNNI")
    weight, _, _ = random_affine(1024, 512)
    matrix, x = quantize(weight), random_rows(7, 1024)
    scale = x.abs().amax(dim=1, keepdim=True) / row_limit
    whole = (x / scale).round().long() @ matrix.values.t().long()
    ours = QuantizedAffine(matrix, torch.zeros(512), row_limit=row_limit)(x)
    assert torch.equal(ours, whole.float() * matrix.scales * scale)


def test_the_largest_sums_do_not_overflow() -> None:
    weight, x = torch.ones(4096, 32), torch.ones(2, 4096)
    x[1] = -1
    ours = QuantizedAffine(quantize(weight), torch.zeros(32))(x)
    torch.testing.assert_close(ours, x @ weight, rtol=1e-6, atol=0)


@pytest.mark.parametrize(("size_in", "size_out"), [(1024, 4096), (4096, 1024), (64, 256)])
@pytest.mark.parametrize("count", [5, 32])
def test_a_row_has_the_same_bits_alone_and_beside_others(threads: int, count: int, size_in: int, size_out: int) -> None:
    _, _, affine = random_affine(size_in, size_out)
    x = random_rows(count, size_in)
    together = affine(x)
    activated = gelu_(together.clone())
    for row in range(count):
        alone = affine(x[row : row + 1])
        assert torch.equal(alone[0], together[row]), row
        assert torch.equal(gelu_(alone)[0], activated[row]), row


def test_gelu_is_that_of_gpt_2() -> None:
    x = random_rows(9, 256)
    torch.testing.assert_close(gelu_(x.clone()), F.gelu(x, approximate="tanh"))


def test_a_row_of_zeros_is_the_bias_and_an_empty_channel_gives_nothing() -> None:
    weight, bias, _ = random_affine(64, 32)
    weight[:, 5] = 0
    ours = QuantizedAffine(quantize(weight), bias)(torch.cat([torch.zeros(1, 64), random_rows(1, 64)]))
    assert torch.equal(ours[0], bias)
    assert ours[1, 5] == bias[5]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_row_that_is_not_finite_stays_so_and_harms_no_other(value: float) -> None:
    _, _, affine = random_affine(64, 32)
    x = random_rows(3, 64)
    clean = affine(x)
    x[1, 7] = value
    ours = affine(x)
    assert not ours[1].isfinite().any()
    assert torch.equal(ours[[0, 2]], clean[[0, 2]])


def test_every_product_of_the_body_is_int8_and_nothing_else(quantized: Decoder, tiny: Pair) -> None:
    exact = tiny.checkpoint.networks.decoder
    gone = set(exact.state_dict()) - set(quantized.state_dict())
    assert {name.rpartition(".")[0].rpartition(".")[2] for name in gone} == {"c_attn", "c_proj", "c_fc"}
    assert len(gone) == 4 * len(exact.gpt.layers)
    assert all(name.endswith(".weight") for name in gone)
    assert quantized.is_int8
    assert not exact.is_int8
    assert quantized.cache_dtype == (torch.float16 if quantized.has_kernels else torch.float32)
    assert quantized.new_cache(slots=1, positions=16, device=CPU).keys.dtype == quantized.cache_dtype


def test_logits_are_near_those_of_float32(quantized: Decoder, tiny: Pair) -> None:
    texts = [tiny.tokens(text) for text in random_texts(16, seed=4)]
    codes = torch.randint(0, 1024, (16, 40), generator=torch.Generator().manual_seed(4))
    exact = teacher_forced(tiny.checkpoint.networks.decoder, tiny.voice, texts, codes)
    found = agreement(teacher_forced(quantized, tiny.voice, texts, codes), exact)
    assert 1e-3 < found.relative_error < 3e-2  # not nothing: it is int8 that is measured
    assert found.same_best > 0.9
    assert found.widest_disagreement < 0.2
