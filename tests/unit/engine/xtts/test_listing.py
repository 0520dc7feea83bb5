"""Voices of a checkpoint, read without its weights: those that the engine has once it is loaded."""

import asyncio
import shutil
from pathlib import Path

import pytest

from app.engine.factory import build_engine
from app.engine.listing import read_engine_voices
from app.settings import Settings
from tests.support.recordings import voice_like, wav


@pytest.mark.slow
@pytest.mark.parametrize("has_recording", [False, True])
def test_the_engine_has_the_voices_that_are_read_without_it(
    tiny_checkpoint: Path, tmp_path: Path, *, has_recording: bool
) -> None:
    folder = Path(shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint"))
    if has_recording:
        (folder / "reference.wav").write_bytes(wav(voice_like(4.0)))
    settings = Settings(data=tmp_path, engine="xtts", model=str(folder), device="cpu", max_slots=1)
    known = read_engine_voices(settings)

    async def scenario() -> None:
        engine = await asyncio.to_thread(build_engine, settings)
        assert known.speakers == tuple(engine.speakers())
        assert (known.engine, known.model, known.identity) == (
            engine.info.name,
            engine.info.model,
            engine.info.identity,
        )
        assert known.languages == engine.info.languages
        await engine.aclose()

    asyncio.run(scenario())
    assert (known.speakers[0].id == "reference") is has_recording
