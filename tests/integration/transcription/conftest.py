from collections.abc import Iterator

import pytest

from tests.support.server import RunningServer
from tests.support.transcribing import transcribing


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with transcribing(tmp_path_factory.mktemp("data")) as running:
        yield running
