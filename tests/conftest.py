"""Servers that tests share: both are real uvicorn servers on real sockets."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import Settings
from tests.support.fake_engine import FakeEngine
from tests.support.server import RunningServer, serve


@pytest.fixture(scope="session")
def embedded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The server as `make run` starts it, speaking with the embedded voice."""
    with serve(Settings(data=tmp_path_factory.mktemp("data"), max_text_chars=5000)) as server:
        yield server


@pytest.fixture
def fake_server(tmp_path: Path) -> Iterator[RunningServer]:
    """The server on an engine that the test drives: 2 slots, 2 places in the queue."""
    settings = Settings(data=tmp_path, max_text_chars=1000, max_upload_mb=1)
    with serve(settings, FakeEngine) as server:
        yield server
