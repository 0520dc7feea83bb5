"""The README is code: its commands run, its tables are the truth."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.http.schemas import TtsBody
from app.main import ROUTES
from app.settings import Settings, load_settings
from tests.support.server import RunningServer, serve
from tests.support.settings import describe_settings

README = Path(__file__).parents[2] / "README.md"
TEXT = README.read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def rows_after(header: str) -> list[list[str]]:
    table = TEXT[TEXT.index(header) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table]


@pytest.fixture(scope="module")
def readme_server(tmp_path_factory: pytest.TempPathFactory) -> RunningServer:
    with serve(Settings(data=tmp_path_factory.mktemp("data"))) as server:
        yield server


def test_the_table_of_settings_is_settings() -> None:
    expected = [[f"`{name}`", default and f"`{default}`", meaning] for name, default, meaning in describe_settings()]
    assert rows_after("| variable | default | meaning |") == expected


def test_the_defaults_in_the_table_can_be_set_as_they_stand() -> None:
    assert load_settings({name: default for name, default, _ in describe_settings()}) == Settings()


def test_every_route_is_in_the_table_and_every_row_is_a_route() -> None:
    documented = set(re.findall(r"`?(?:GET|POST|DELETE|WS) (/[\w/.{}-]*)", TEXT)) | {"/health/live", "/health/ready"}
    served = {path.replace(":str", "") for route in ROUTES for path in route.paths}
    assert served <= documented
    assert documented - served <= {"/docs"}


def test_the_fields_of_tts_are_in_the_table() -> None:
    names = {name for row in rows_after("| field | default | meaning |") for name in re.findall(r"`(\w+)`", row[0])}
    assert names == set(TtsBody.__struct_fields__)


@pytest.mark.parametrize("code", blocks("python"))
def test_the_python_runs(readme_server: RunningServer, tmp_path: Path, code: str) -> None:
    code = code.replace("http://127.0.0.1:8000", readme_server.url)
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=60)
    (written,) = tmp_path.iterdir()
    assert written.stat().st_size > 1000


@pytest.mark.parametrize("command", [block for block in blocks("sh") if not re.search(r"\bmake\b|^docker", block)])
def test_the_commands_run(readme_server: RunningServer, tmp_path: Path, command: str) -> None:
    (tmp_path / "story.txt").write_text("Once upon a time there was a story.")
    command = command.replace("http://127.0.0.1:8000", readme_server.url)
    if "@hello.wav" in command:
        subprocess.run([sys.executable, "-m", "app", "say", "Hello. " * 9, "-o", "hello.wav"], cwd=tmp_path, check=True)
    command = command.replace(".venv/bin/chorus", f"{sys.executable} -m app")
    environ = os.environ | {"PYTHONPATH": str(README.parent), "CHORUS_DATA": str(tmp_path / "data")}
    ended = subprocess.run(
        ["sh", "-euc", command], cwd=tmp_path, env=environ, capture_output=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    for name in re.findall(r"(?:-o|>) (\w+\.\w+)", command):
        assert (tmp_path / name).stat().st_size > 1000


def test_the_paths_that_it_names_exist() -> None:
    for path in re.findall(r"`((?:app|docs|tests)/[\w/.]*)`", TEXT) + re.findall(r"\]\(([\w/.]+)\)", TEXT):
        assert (README.parent / path).exists(), path
