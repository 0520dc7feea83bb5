"""README and the guides: commands run, and tables equal the code."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.http.wire.tts_body import TtsBody
from app.server.app import ROUTES
from app.settings import Settings, load_settings
from tests.support.books import make_epub, page
from tests.support.documents import README, ROOT, blocks, items
from tests.support.server import RunningServer, serve
from tests.support.settings import describe_settings, list_settings

HTTP = (ROOT / "docs/http.md").read_text()
CLIENTS = (ROOT / "docs/clients.md").read_text()
SETTINGS = (ROOT / "docs/settings.md").read_text()
INSTALL = (ROOT / "docs/install.md").read_text()


@pytest.fixture(scope="module")
def readme_server(tmp_path_factory: pytest.TempPathFactory) -> RunningServer:
    with serve(Settings(data=tmp_path_factory.mktemp("data"))) as server:
        yield server


def test_the_list_of_settings_is_settings() -> None:
    assert items(SETTINGS) == list_settings()


def test_the_defaults_in_the_list_can_be_set_as_they_stand() -> None:
    assert load_settings({name: default for name, default, _ in describe_settings()}) == Settings()


def test_every_route_is_in_the_table_or_with_its_client_and_every_row_is_a_route() -> None:
    named = set(re.findall(r"`?(?:GET|POST|DELETE|WS) (/[\w/.{}-]*)", HTTP + CLIENTS))
    documented = {path.removeprefix("/elevenlabs") for path in named} | {"/health/live", "/health/ready"}
    served = {path.replace(":str", "").removeprefix("/elevenlabs") for route in ROUTES for path in route.paths}
    assert served <= documented
    assert documented - served <= {"/docs"}


def test_the_fields_of_tts_are_listed() -> None:
    section = HTTP.partition("## `POST /tts`")[2].partition("\n## ")[0]
    names = {name for item in items(section) for name in re.findall(r"`(\w+)`", re.split(r"[:(]", item)[0])}
    assert names == set(TtsBody.__struct_fields__)


@pytest.mark.parametrize("code", blocks("python"))
def test_the_python_runs(readme_server: RunningServer, tmp_path: Path, code: str) -> None:
    code = code.replace("http://127.0.0.1:8000", readme_server.url)
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=60)
    (written,) = tmp_path.iterdir()
    assert written.stat().st_size > 1000


@pytest.mark.parametrize(
    "command",
    [
        block
        for text in (README, HTTP, INSTALL)
        for block in blocks("sh", text)
        if not re.search(r"\bmake\b|^docker|chorus download", block)  # a download needs a hub
    ],
)
def test_the_commands_run(readme_server: RunningServer, tmp_path: Path, command: str) -> None:
    (tmp_path / "story.txt").write_text("Once upon a time there was a story.")
    (tmp_path / "novel.epub").write_bytes(make_epub({"1.xhtml": page("<h1>One</h1><p>There was a story.</p>")}))
    command = command.replace("http://127.0.0.1:8000", readme_server.url)
    if "@hello.wav" in command:
        subprocess.run([sys.executable, "-m", "app", "say", "Hello. " * 9, "-o", "hello.wav"], cwd=tmp_path, check=True)
    command = command.replace(".venv/bin/chorus", f"{sys.executable} -m app")
    environ = os.environ | {"PYTHONPATH": str(ROOT), "CHORUS_DATA": str(tmp_path / "data")}
    ended = subprocess.run(
        ["sh", "-euc", command], cwd=tmp_path, env=environ, capture_output=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    for name in re.findall(r"(?:-o|>) (\w+\.\w+)", command):
        assert (tmp_path / name).stat().st_size > 1000


@pytest.mark.parametrize(
    "document", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda path: path.stem
)
def test_every_link_of_a_document_leads_to_a_file_and_to_a_heading_of_it(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    for link in re.findall(r"\]\(((?!https?:)[^)\s]+)\)", text):
        name, _, heading = link.partition("#")
        target = document.parent / name if name else document
        assert target.exists(), link
        assert not heading or heading in headings(target), link


def headings(document: Path) -> set[str]:
    """Anchors of a document's headings, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 220
