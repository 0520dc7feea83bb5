"""The Triton kernel against torch's attention: compiled on a GPU, and interpreted where there is none."""

import os
import subprocess
import sys
from typing import Any

import pytest
import torch

from app.engine.xtts.decode.attention import masked_attention
from app.engine.xtts.decode.batch import Batch
from tests.support.xtts import CPU, Pair, codes_of, random_texts

pytest.importorskip("triton", reason="Triton is not installed (it comes with torch on Linux)")
from app.engine.xtts.decode.row_attention import row_attention

SLOTS, POSITIONS = 7, 200
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
COMPILE = """
import sys
from triton import compile
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from app.engine.xtts.decode.row_attention import _attend

dtype, architecture = sys.argv[1], int(sys.argv[2])
numbers = {"heads": 16, "head_dim": 64, "block": 64}
signature = dict.fromkeys(("qkv", "keys", "values", "heads_out"), f"*{dtype}") | {"lengths": "*i64", "scale": "fp32"}
signature |= {"slot_stride": "i32", "head_stride": "i32"} | dict.fromkeys(numbers, "constexpr")
signature = {name: signature[name] for name in _attend.arg_names}
compiled = compile(ASTSource(_attend, signature, numbers), target=GPUTarget("cuda", architecture, 32))
assert compiled.asm["cubin"]
"""


@pytest.fixture(autouse=True)
def numpy_2_4(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton 3.6's interpreter makes loop bounds of arrays of one element, which numpy 2.4 refuses."""
    from triton.runtime import interpreter

    patch = interpreter._patch_lang_tensor

    def patch_and_mend(tensor: Any, scope: Any) -> None:
        patch(tensor, scope)
        scope.set_attr(tensor, "__index__", lambda self: int(self.handle.data.item()))

    monkeypatch.setattr(interpreter, "_patch_lang_tensor", patch_and_mend)


def random_step(heads: int, head_dim: int, lengths: list[int], dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    """qkv of each row, and one layer of a cache that is full of numbers."""
    generator = torch.Generator().manual_seed(heads)
    qkv = torch.randn(len(lengths), 3, heads, head_dim, generator=generator).to(DEVICE, dtype)
    cache = torch.randn(2, SLOTS, heads, POSITIONS, head_dim, generator=generator).to(DEVICE, dtype)
    return qkv, *cache


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float16, 1e-3)], ids=str)
@pytest.mark.parametrize(("heads", "head_dim"), [(4, 16), (16, 64)])
@pytest.mark.parametrize("lengths", [[0], [63, 64, 65], [1, 199, 128, 40, 0]], ids=str)
def test_it_is_torchs_attention(
    heads: int, head_dim: int, lengths: list[int], dtype: torch.dtype, tolerance: float
) -> None:
    qkv, keys, values = random_step(heads, head_dim, lengths, dtype)
    theirs_keys, theirs_values = keys.clone(), values.clone()
    written = torch.tensor(lengths, device=DEVICE)
    ours = row_attention(written, 0, dtype)(qkv, keys, values)
    theirs = masked_attention(written, max(lengths) + 1, dtype)(qkv, theirs_keys, theirs_values)
    # float16: torch rounds the weights before it multiplies them with the values, the kernel does not.
    torch.testing.assert_close(ours, theirs, atol=tolerance, rtol=tolerance)
    assert torch.equal(keys, theirs_keys)
    assert torch.equal(values, theirs_values)


def test_it_reads_nothing_beyond_a_rows_own_length() -> None:
    lengths = [5, 150, 64]
    qkv, keys, values = random_step(4, 16, lengths, torch.float32)
    poisoned_keys, poisoned_values = keys.clone(), values.clone()
    for row, length in enumerate(lengths):
        poisoned_keys[row, :, length:] = poisoned_values[row, :, length:] = float("nan")
    poisoned_keys[len(lengths) :] = poisoned_values[len(lengths) :] = float("nan")
    attend = row_attention(torch.tensor(lengths, device=DEVICE), 0, torch.float32)
    assert torch.equal(attend(qkv, keys, values), attend(qkv, poisoned_keys, poisoned_values))


@pytest.mark.skipif(DEVICE.type == "cuda", reason="the kernel is compiled here: tests/gpu has it in a batch")
@pytest.mark.slow
def test_a_batch_draws_the_same_codes_with_either(tiny: Pair) -> None:
    texts = [tiny.tokens(text) for text in random_texts(3, seed=7)]
    drawn: list[list[list[int]]] = []
    for attention in (masked_attention, row_attention):
        decoder = tiny.checkpoint.networks.decoder
        batch = Batch(decoder, slots=3, max_codes=30, device=CPU, attention=attention)
        steps = [codes_of(batch.join([tiny.sequence(tokens) for tokens in texts[:2]]))]
        steps += [codes_of(batch.step()) for _ in range(5)]
        steps.append(codes_of(batch.join([tiny.sequence(texts[2])])))
        steps += [codes_of(batch.step()) for _ in range(5)]
        drawn.append(steps)
    assert drawn[0] == drawn[1]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["fp16", "fp32"])
@pytest.mark.parametrize("architecture", [75, 80, 90], ids=["T4", "A100", "H100"])
def test_it_compiles_for(architecture: int, dtype: str) -> None:
    """No GPU is needed: the compiler and the assembler come with Triton."""
    environ = os.environ | {"TRITON_INTERPRET": "0"}
    subprocess.run([sys.executable, "-c", COMPILE, dtype, str(architecture)], env=environ, check=True)
