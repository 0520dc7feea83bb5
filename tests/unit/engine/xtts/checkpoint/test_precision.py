"""In which numbers XTTS computes: what is asked for, what suits the device, and what it cannot do."""

import copy

import msgspec
import pytest
import torch

from app.engine.xtts.checkpoint import precision
from app.engine.xtts.checkpoint.precision import bring_to_precision, choose_precision
from app.engine.xtts.model import int8
from app.errors import EngineUnavailable
from tests.support.xtts import CPU, WITHOUT_INT8, Pair

CUDA = torch.device("cuda")


@pytest.mark.parametrize(
    ("wanted", "device", "chosen"),
    [
        ("auto", CPU, "float32"),
        ("auto", CUDA, "float16"),
        ("float32", CPU, "float32"),
        ("float32", CUDA, "float32"),
        ("float16", CPU, "float16"),
        pytest.param("int8", CPU, "int8", marks=WITHOUT_INT8),
    ],
)
def test_the_precision_is_that_of_the_setting_or_suits_the_device(
    tiny: Pair, wanted: precision.Precision, device: torch.device, chosen: str
) -> None:
    choice = choose_precision(tiny.checkpoint, wanted, device)
    assert choice.name == chosen
    assert not choice.is_noteworthy
    assert (f"CHORUS_PRECISION={wanted}" in choice.reason) == (wanted != "auto")


def test_int8_on_a_gpu_is_refused_in_one_line_that_says_what_to_do(tiny: Pair) -> None:
    with pytest.raises(EngineUnavailable, match="on a CPU only") as refusal:
        choose_precision(tiny.checkpoint, "int8", CUDA)
    assert "CHORUS_DEVICE=cpu" in refusal.value.message
    assert "\n" not in refusal.value.message


@WITHOUT_INT8
@pytest.mark.parametrize(
    ("capabilities", "vocoder"),
    [
        ({}, torch.float32),
        ({"avx512_bf16": False, "amx_bf16": False}, torch.float32),
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True}, torch.bfloat16),
    ],
    ids=["unknown", "neither", "AVX-512", "AMX"],
)
def test_int8_leaves_the_head_in_float32_and_takes_bfloat16_for_the_vocoder_where_the_cpu_has_products_in_it(
    tiny: Pair, monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], vocoder: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    networks = copy.deepcopy(tiny.checkpoint.networks)
    checkpoint = msgspec.structs.replace(tiny.checkpoint, networks=networks)
    choice = bring_to_precision(checkpoint, "int8", CPU)
    assert (choice.name, f"torch.{choice.vocoder}") == ("int8", str(vocoder))
    assert networks.decoder.is_int8
    assert networks.decoder.mel_head.weight.dtype == torch.float32
    assert networks.generator.conv_pre.weight.dtype == vocoder
    assert networks.generator.conv_post.weight.dtype == torch.float32


def test_float32_is_float32_everywhere(tiny: Pair) -> None:
    networks = copy.deepcopy(tiny.checkpoint.networks)
    bring_to_precision(msgspec.structs.replace(tiny.checkpoint, networks=networks), "float32", CPU)
    for network in (networks.decoder, networks.generator):
        assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_a_cpu_without_int8_products_is_told_once_and_speaks_in_float32(
    tiny: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on ARM, where torch computes with QNNPACK."""
    monkeypatch.setattr(torch.backends.quantized, "engine", "qnnpack")
    int8.probe.cache_clear()
    try:
        choice = choose_precision(tiny.checkpoint, "int8", CPU)
        assert choice.name == "float32"
        assert choice.is_noteworthy
        assert "has no int8 products for this CPU" in choice.reason
        assert "\n" not in choice.reason
    finally:
        int8.probe.cache_clear()
