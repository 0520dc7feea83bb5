"""The device and the number format that Whisper computes in. GPUs are made up: no machine of the tests has one."""

import ctypes

import ctranslate2
import pytest

from app.asr.whisper.device import find_device, find_precision
from app.errors import EngineUnavailable


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Libraries that were asked for; none is there."""
    names: list[str] = []

    def load(name: str, mode: int = 0) -> None:
        names.append(name)
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", load)
    return names


def gpus(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: count)


def test_auto_takes_the_cpu_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 0)
    device = find_device("auto")
    assert (device.name, device.reason) == ("cpu", "there is no GPU that CTranslate2 can use")


def test_auto_takes_the_cpu_beside_a_gpu_whose_library_is_missing_and_names_it(
    monkeypatch: pytest.MonkeyPatch, loaded: list[str]
) -> None:
    gpus(monkeypatch, 1)
    device = find_device("auto")
    assert device.name == "cpu"
    assert device.reason == "libcublas.so.12 is not installed: `pip install nvidia-cublas-cu12`"
    assert loaded[0] == "libcublas.so.12"


def test_a_gpu_with_its_library_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 1)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: None)
    assert find_device("auto").name == find_device("cuda").name == "cuda"
    assert find_device("cpu").name == "cpu"


@pytest.mark.parametrize(("count", "says"), [(0, "there is no GPU"), (1, "pip install nvidia-cublas-cu12")])
def test_cuda_that_cannot_be_used_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, loaded: list[str], count: int, says: str
) -> None:
    gpus(monkeypatch, count)
    with pytest.raises(EngineUnavailable, match=f"CHORUS_ASR_DEVICE=cuda: .*{says}") as refused:
        find_device("cuda")
    assert refused.value.param == "CHORUS_ASR_DEVICE"


@pytest.mark.parametrize(
    ("device", "supported", "precision"),
    [
        ("cpu", {"float32", "int8", "int8_float32"}, "int8"),
        ("cpu", {"float32"}, "float32"),
        ("cuda", {"float32", "float16", "int8"}, "float16"),
        ("cuda", {"float32", "int8"}, "int8"),
        ("cuda", {"float32"}, "float32"),
    ],
)
def test_the_best_number_format_that_the_device_has_is_taken(
    monkeypatch: pytest.MonkeyPatch, device: str, supported: set[str], precision: str
) -> None:
    monkeypatch.setattr(ctranslate2, "get_supported_compute_types", lambda _: supported)
    assert find_precision(device) == precision
