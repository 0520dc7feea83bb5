"""Voices read from disk: those that the loaded engine has."""

from pathlib import Path

import pytest

from app.engine.embedded import EmbeddedEngine
from app.engine.listing import read_engine_voices
from app.errors import EngineUnavailable
from app.settings import Settings


def test_the_embedded_engine_has_the_voices_that_are_read_without_it(tmp_path: Path) -> None:
    known, engine = read_engine_voices(Settings(data=tmp_path, engine="embedded")), EmbeddedEngine()
    assert known.speakers == tuple(engine.speakers())
    assert (known.engine, known.model, known.identity) == (engine.info.name, engine.info.model, engine.info.identity)
    assert known.languages == engine.info.languages


@pytest.mark.slow
def test_a_model_that_is_not_downloaded_is_named_and_not_downloaded(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("TTS")
    settings = Settings(data=tmp_path, engine="xtts", device="cpu", accept_cpml=True)
    with pytest.raises(EngineUnavailable, match="chorus download"):
        read_engine_voices(settings)
    assert not list(tmp_path.iterdir())
