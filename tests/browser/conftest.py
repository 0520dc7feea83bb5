"""Chromium on the page, and what every test of it asks: did it speak with this machine only?"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.browser import FLAGS, OpenPage
from tests.support.server import RunningServer

WITHIN_MS = 30_000


@pytest.fixture(scope="session")
def spoken_wav(embedded_server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds and more of real speech: what the microphone of the browser hears."""
    path = tmp_path_factory.mktemp("microphone") / "speech.wav"
    text = "The old harbour was quiet in the morning. Boats lay on the sand, and nobody was in a hurry. " * 2
    with embedded_server.client() as client:
        path.write_bytes(client.post("/tts", json={"text": text, "seed": 1}).content)
    return path


@pytest.fixture(scope="package")  # Playwright keeps an event loop running: no test elsewhere could start its own
def chromium(spoken_wav: Path) -> Iterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no chromium on PATH")
    with sync_playwright() as playwright:
        flags = [*FLAGS, f"--use-file-for-fake-audio-capture={spoken_wav}"]
        with playwright.chromium.launch(executable_path=executable, args=flags) as browser:
            yield browser


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    """Open a server's page in a window of its own. At the end: no request has left this machine."""
    requested: list[str] = []
    pages: list[Page] = []

    def open_(server: RunningServer, *, ready: bool = True, script: str = "", **options: object) -> Page:
        context = chromium.new_context(accept_downloads=True, **options)  # type: ignore[arg-type]
        context.set_default_timeout(WITHIN_MS)
        context.on("request", lambda request: requested.append(request.url))
        if script:
            context.add_init_script(script)
        page = context.new_page()
        pages.append(page)
        page.goto(f"{server.url}/")
        if ready:
            expect(page.locator("#voice option")).not_to_have_text(["Asking…"])
        return page

    expect.set_options(timeout=WITHIN_MS)
    yield open_
    for page in pages:
        page.context.close()
    hosts = {urlsplit(url).hostname for url in requested if not url.startswith(("blob:", "data:"))}
    assert hosts <= {"127.0.0.1"}
