"""SillyTavern's four calls from a page of another origin, in a real browser: what the page gets, and what not."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from app.settings import ApiKeys, Origins, Settings
from tests.support.fake_engine import FakeEngine
from tests.support.server import serve

KEY = "the-key"

# The calls of public/scripts/extensions/tts/xtts.js (SillyTavern, d72b512), with its headers, in words of our own.
CALLS = """async ([endpoint, key]) => {
  const ours = key ? {Authorization: 'Bearer ' + key} : {};
  const send = (path, body) => fetch(endpoint + path, {
    method: 'POST',
    headers: {...ours, 'Content-Type': 'application/json', 'Cache-Control': 'no-cache'},
    body: JSON.stringify(body),
  });
  const play = () => new Promise((heard) => {
    const element = new Audio(endpoint + '/tts_stream/?text=Hello+there.&speaker_wav=heart&language=en');
    element.muted = true;
    element.onended = () => heard('played');
    element.onerror = () => heard('refused');
    element.play().catch(() => {});
  });
  const tried = await Promise.allSettled([
    fetch(endpoint + '/speakers', {headers: ours}).then((answer) => answer.json()).then((voices) => voices[0].voice_id),
    send('/set_tts_settings', {temperature: '0.5'}).then((answer) => answer.status),
    send('/tts_to_audio/', {text: 'Hello.', speaker_wav: 'heart', language: 'en'})
      .then((answer) => answer.blob()).then((blob) => blob.type),
    play(),
  ]);
  return tried.map((one) => one.status === 'fulfilled' ? one.value : 'withheld');
}"""


class _EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Not a word."""


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    """An empty page on an origin of its own, on which somebody has clicked, so that it may play."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _EmptyPage) as pages:
        threading.Thread(target=pages.serve_forever).start()
        page = chromium.new_page()
        page.goto(f"http://127.0.0.1:{pages.server_port}")
        page.mouse.click(10, 10)
        yield page
        page.close()
        pages.shutdown()


@pytest.mark.parametrize(
    ("is_allowed", "key", "expected"),
    [
        (True, "", ["heart", 200, "audio/wav", "played"]),
        (False, "", ["withheld", "withheld", "withheld", "played"]),
        (True, KEY, ["heart", 200, "audio/wav", "refused"]),
    ],
    ids=["allowed", "not allowed", "with a key"],
)
def test_the_page_gets_what_the_documentation_says(
    page: Page, tmp_path: Path, is_allowed: bool, key: str, expected: list[object]
) -> None:
    origins = Origins(page.url.rstrip("/")) if is_allowed else Origins()
    settings = Settings(data=tmp_path, cors_origins=origins, api_keys=ApiKeys(key))
    with serve(settings, FakeEngine) as server:
        assert page.evaluate(CALLS, [f"{server.url}/sillytavern", key]) == expected
