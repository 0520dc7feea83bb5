"""`chorus book --server`: a book that goes on at another server."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import main
from app.settings import Settings
from tests.support.fake_engine import RATE_HZ, FakeEngine
from tests.support.samples import decoded
from tests.support.server import serve

TEXT = "One bell rang here. Two bells rang there.\n\nThree bells rang far away."


@pytest.mark.slow
def test_a_book_on_a_server_is_resumed_on_the_next_one_without_speaking_anything_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("CHORUS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CHORUS_DATA", str(tmp_path / "data"))
    source = tmp_path / "novel.txt"
    engines: list[FakeEngine] = []

    def make_engine() -> FakeEngine:
        engines.append(FakeEngine())
        return engines[-1]

    for text in (TEXT, f"{TEXT}\n\nFour bells rang at last."):
        source.write_text(text)
        with serve(Settings(data=tmp_path / "server"), make_engine) as server:
            command = ["book", str(source), "-o", f"{tmp_path}/novel.flac", "--server", server.url]
            result = CliRunner().invoke(main, command)
            assert result.exit_code == 0, result.output
    assert [len(engine.requests) for engine in engines] == [3, 1]
    assert len(decoded((tmp_path / "novel.flac").read_bytes())) > RATE_HZ
