"""Findings of `chorus doctor` about the recogniser."""

from pathlib import Path

import ctranslate2
import pytest
from faster_whisper.vad import get_vad_model

from app.asr.inspection import inspect_recognizer
from app.errors import EngineUnavailable
from app.settings import Settings
from app.weights.files import Finding
from tests.support.embedded_asr import needs_embedded_model
from tests.support.whisper_models import ENGLISH_ONLY, LARGE_V3, make_whisper


def findings(tmp_path: Path, model: str) -> list[Finding]:
    return list(inspect_recognizer(Settings(data=tmp_path / "data", asr_model=model)))


def test_a_folder_has_a_line_for_each_thing_that_decides_how_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 0)
    folder = make_whisper(tmp_path / "turbo", num_tokens=LARGE_V3, num_mels=128, num_layers=(4, 1))
    size_mb = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    chosen, weights, pruned, memory, device, detector = findings(tmp_path, str(folder))
    assert chosen.text == "speech to text: turbo, because CHORUS_ASR_MODEL names its folder"
    assert weights.text == f"its weights are in {folder} ({size_mb:.0f} MB): 4 and 1 layers, 128 bands, multilingual"
    assert pruned.is_noteworthy
    assert "translations are refused, and a distilled one may know one language only" in pruned.text
    assert memory.text.startswith("Whisper needs at least 0.")
    assert device.text == "Whisper computes on cpu in int8, because there is no GPU that CTranslate2 can use"
    assert detector.text == "Silero's detector of speech can be loaded"
    assert [finding.is_noteworthy for finding in (chosen, weights, memory, detector)] == [False] * 4


def test_an_english_only_model_is_noteworthy(tmp_path: Path) -> None:
    folder = make_whisper(tmp_path / "tiny.en", num_tokens=ENGLISH_ONLY)
    assert findings(tmp_path, str(folder))[2] == Finding(
        "it knows English only: other languages and translations are refused", is_noteworthy=True
    )


def test_a_model_that_is_not_there_is_downloaded_by_the_server_or_now(tmp_path: Path) -> None:
    assert findings(tmp_path, "ada/whisper")[1] == Finding(
        "ada/whisper is not downloaded: the server downloads it when it starts; `chorus download --asr` does so now",
        is_noteworthy=True,
    )


def test_a_model_that_is_larger_than_the_machines_memory_is_noteworthy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 10_000}[name])
    memory = findings(tmp_path, str(make_whisper(tmp_path / "model")))[2]
    assert memory.is_noteworthy
    assert memory.text.endswith("this machine has 0.0: name a smaller model")


def test_a_gpu_whose_library_is_missing_is_noteworthy_and_has_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 1)
    monkeypatch.setattr("ctypes.CDLL", load)
    device = findings(tmp_path, "ada/whisper")[2]
    assert device.is_noteworthy
    assert device.text.endswith("libcublas.so.12 is not installed: `pip install nvidia-cublas-cu12`")


def test_a_detector_that_cannot_be_loaded_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object, **__: object) -> None:
        raise FileNotFoundError("silero_vad_v6.onnx")

    monkeypatch.setattr("onnxruntime.InferenceSession", load)
    get_vad_model.cache_clear()
    with pytest.raises(EngineUnavailable, match=r"silero_vad_v6\.onnx; install it again"):
        findings(tmp_path, "ada/whisper")


def test_transcription_that_is_turned_off_is_no_fault(tmp_path: Path) -> None:
    [line] = findings(tmp_path, "off")
    assert not line.is_noteworthy
    assert "CHORUS_ASR_MODEL=off" in line.text


@pytest.mark.slow
def test_the_embedded_model_is_checked_against_its_hashes(tmp_path: Path) -> None:
    needs_embedded_model()
    weights = findings(tmp_path, "embedded")[1]
    assert weights.text.endswith("with the known hashes: 6 and 6 layers, 80 bands, multilingual")
