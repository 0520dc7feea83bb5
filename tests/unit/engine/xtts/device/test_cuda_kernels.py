"""The kernels' sources are compiled here for the GPUs that torch supports; what they compute is for tests/gpu."""

import pytest

pytest.importorskip("cuda.bindings.nvrtc", reason="torch was installed without NVIDIA's Python bindings")

from cuda.bindings import nvrtc

from app.engine.xtts.device.cuda_kernels import compile_kernels, read_messages
from app.engine.xtts.model import cuda_body
from app.engine.xtts.runner import cuda_sampler

RELEASED = {"CHANNELS": 1024, "HEAD_DIM": 64}


@pytest.mark.slow
@pytest.mark.parametrize("architecture", [75, 80, 90, 120])
def test_the_body_of_the_released_model_compiles(architecture: int) -> None:
    code = compile_kernels(cuda_body.read_source(), RELEASED, architecture=architecture)
    for name in (*cuda_body.KERNELS, *cuda_body.TILE_KERNELS):
        assert f".text.{name}\0".encode() in code


@pytest.mark.slow
@pytest.mark.parametrize("head_dim", cuda_body.HEAD_DIMS)
def test_bodies_of_other_sizes_compile(head_dim: int) -> None:
    code = compile_kernels(cuda_body.read_source(), {"CHANNELS": 320, "HEAD_DIM": head_dim}, architecture=90)
    for name in cuda_body.KERNELS:
        assert f".text.{name}\0".encode() in code


@pytest.mark.slow
@pytest.mark.parametrize("num_codes", [1026, cuda_sampler.MAX_CODES])
def test_the_sampler_compiles(num_codes: int) -> None:
    code = compile_kernels(cuda_sampler.read_source(), {"CODES": num_codes}, architecture=75)
    assert b".text.sample\0" in code


def test_what_does_not_compile_is_told_with_the_compilers_words() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)NVRTC: .*identifier \"nonsense\" is undefined"):
        compile_kernels("__global__ void kernel() { nonsense; }", {}, architecture=90)


def test_an_architecture_that_the_compiler_does_not_know_is_told() -> None:
    with pytest.raises(RuntimeError, match=r"NVRTC: .*(invalid value|INVALID_OPTION|architecture)"):
        compile_kernels("", {}, architecture=12)


def test_an_empty_log_leaves_the_bytes_of_others_alone() -> None:
    """The compiler writes a zero into the bytes that it is given, and Python has one object for each single byte."""
    program = nvrtc.nvrtcCreateProgram(b"", b"kernels.cu", 0, [], [])[1]
    nvrtc.nvrtcCompileProgram(program, 0, [])
    assert read_messages(program) == ""
    nvrtc.nvrtcDestroyProgram(program)
    assert len(b"GET /".split(bytes([32]))) == 2
