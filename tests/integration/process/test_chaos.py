"""The short form of `make chaos`: every attack on the embedded voice once, smaller, without timed assertions."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.chaos.attack import Attack, carry_out
from tests.chaos.attacks import attacks_on
from tests.chaos.server import Server, running
from tests.support.embedded_asr import needs_embedded_model

CLIENT_TIMEOUT_S = 0.7
PATIENCE = 8.0


class Ground:
    """A server in a process of its own to attack; it is started again when an attack ended it."""

    def __init__(self, runner: asyncio.Runner, factory: pytest.TempPathFactory) -> None:
        self._runner = runner
        self._factory = factory
        self._opened = None
        self.server: Server | None = None

    def ready(self) -> Server:
        if self.server is None or not self.server.is_alive:
            self.close()
            folder = self._factory.mktemp("chaos")
            self._opened = running(folder, is_short=True, client_timeout_s=CLIENT_TIMEOUT_S, patience=PATIENCE)
            self.server = self._runner.run(self._opened.__aenter__())
        return self.server

    def close(self) -> None:
        if self._opened is not None:
            self._runner.run(self._opened.__aexit__(None, None, None))
            self._opened = self.server = None


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def ground(runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    ground = Ground(runner, tmp_path_factory)
    yield ground
    ground.close()


@pytest.mark.parametrize("attack", attacks_on("embedded"), ids=lambda attack: attack.name)
def test_under_attack(attack: Attack, ground: Ground, runner: asyncio.Runner) -> None:
    if attack.transcribes:
        needs_embedded_model()
    server = ground.ready()
    report = runner.run(carry_out(attack, server.target))
    assert server.is_alive, f"the server ended with {server.process.returncode}"
    assert report.verdict == "ok", report.answers


def test_nothing_is_held_and_nothing_has_failed_after_all_of_them(ground: Ground, runner: asyncio.Runner) -> None:
    server = ground.ready()
    assert runner.run(server.settle(30)) == {}
    counted = runner.run(server.metrics())
    assert [series for series in counted if 'status="500"' in series] == []
