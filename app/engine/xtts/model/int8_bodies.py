"""Choice of how this CPU computes the layers of a decoder in int8: AMX, other compiled kernels, or torch alone."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from app.engine.xtts.model.int8 import (
    Int8Layer,
    Product,
    QuantizedAffine,
    QuantizedFeedForward,
    QuantizedMatrix,
    TorchProduct,
)
from app.engine.xtts.model.layers import Layer

if TYPE_CHECKING:  # they compile their kernels
    from app.engine.xtts.model.int8_body import Int8Body
    from app.engine.xtts.model.int8_tile_body import TileBody

logger = logging.getLogger(__name__)


def find_tile_product(weights: Iterable[QuantizedMatrix]) -> Callable[[QuantizedMatrix], Product] | None:
    """Products of AMX; None where the CPU has none, or where a weight has no whole tiles."""
    try:
        from app.engine.xtts.model.int8_tile_body import TileProduct
    except ImportError as error:
        logger.info("int8 works without AMX: %s", error)
        return None
    if all(TileProduct.has_whole_tiles(weight) for weight in weights):
        return TileProduct
    logger.info("int8 works without AMX: a weight has no whole tiles")
    return None


def make_int8_body(layers: Sequence[Layer], num_heads: int) -> "Int8Body | TileBody | None":
    """None where the kernels cannot be compiled: torch's operators take their place, and a step takes longer."""
    parts: list[Int8Layer] = []
    for layer in layers:
        mlp, c_attn, c_proj = layer.mlp, layer.attn.c_attn, layer.attn.c_proj
        assert isinstance(mlp, QuantizedFeedForward)
        assert isinstance(c_attn, QuantizedAffine) and isinstance(c_proj, QuantizedAffine)
        parts.append(Int8Layer(layer.ln_1, c_attn, c_proj, layer.ln_2, mlp.c_fc, mlp.c_proj))
    try:
        if not isinstance(parts[0].c_attn.product, TorchProduct):
            from app.engine.xtts.model.int8_tile_body import TileBody

            return TileBody(parts, num_heads)
        from app.engine.xtts.model.int8_body import Int8Body

        return Int8Body(parts, num_heads)
    except ImportError as error:
        logger.warning("int8 works without compiled kernels and is slower: %s", error)
        return None
