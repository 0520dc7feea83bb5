"""Products in int8 on AMX beside those of torch, and heads of the usual size."""

import pytest
import torch

from app.engine.xtts.model.int8 import TorchProduct, find_row_limit, quantize
from tests.support.xtts import WITHOUT_INT8

pytestmark = [WITHOUT_INT8, pytest.mark.usefixtures("tiles")]


@pytest.fixture(scope="module")
def tiles() -> None:
    """Skips the tests, with the reason, where the products of AMX cannot be imported."""
    pytest.importorskip("app.engine.xtts.model.int8_tile_body", exc_type=ImportError)


@pytest.mark.parametrize(("size_in", "size_out"), [(1024, 3072), (4096, 1024), (64, 96)])
@pytest.mark.parametrize("count", [1, 16, 17, 32, 33, 70])
def test_a_product_has_the_bits_of_torchs(threads: int, count: int, size_in: int, size_out: int) -> None:
    from app.engine.xtts.model.int8_tile_body import TileProduct

    generator = torch.Generator().manual_seed(count)
    matrix = quantize(torch.randn(size_in, size_out, generator=generator))
    limit = find_row_limit()
    whole = torch.randint(-limit, limit + 1, (count, size_in), generator=generator).float()
    assert torch.equal(TileProduct(matrix)(whole), TorchProduct(matrix, limit)(whole))


def test_the_largest_sums_are_exact() -> None:
    from app.engine.xtts.model.int8_tile_body import TileProduct

    matrix = quantize(torch.ones(4096, 32))
    whole = torch.full((2, 4096), 127.0)
    whole[1] = -127
    expected = (whole.double() @ matrix.values.double().T).float() * matrix.scales
    assert torch.equal(TileProduct(matrix)(whole), expected)


def test_a_weight_without_whole_tiles_is_known() -> None:
    from app.engine.xtts.model.int8_tile_body import TileProduct

    assert TileProduct.has_whole_tiles(quantize(torch.ones(64, 32)))
    assert not TileProduct.has_whole_tiles(quantize(torch.ones(64, 48)))
    assert not TileProduct.has_whole_tiles(quantize(torch.ones(96, 32)))
