"""The reference at /docs, in a real browser that has no other server to ask."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.prefix_proxy import prefix_proxy
from tests.support.server import RunningServer

# Firefox warns of these, Chromium does not.
EMPTY_IDS = """
const getElementById = Document.prototype.getElementById;
globalThis.emptyIds = 0;
Document.prototype.getElementById = function (id) {
  emptyIds += id === "";
  return getElementById.call(this, id);
};
"""


@pytest.fixture
def page(chromium: Browser, embedded_server: RunningServer) -> Iterator[Page]:
    """/docs, drawn. What it asked for and what it complained of is in `page.asked` and `page.complaints`."""
    page = chromium.new_page()
    page.asked, page.complaints = [], []  # type: ignore[attr-defined]
    page.on("request", lambda request: page.asked.append(request.url))  # type: ignore[attr-defined]
    page.on("console", lambda message: page.complaints.append(message.text))  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.complaints.append(str(error)))  # type: ignore[attr-defined]
    page.add_init_script(EMPTY_IDS)
    page.goto(f"{embedded_server.url}/docs")
    page.wait_for_selector("article")
    yield page
    page.close()


def test_nothing_comes_from_elsewhere_and_nothing_is_refused(page: Page, embedded_server: RunningServer) -> None:
    assert [url for url in page.asked if not url.startswith(embedded_server.url)] == []  # type: ignore[attr-defined]
    assert page.complaints == []  # type: ignore[attr-defined]


def test_no_element_is_looked_for_without_a_name(page: Page) -> None:
    assert page.evaluate("emptyIds") == 0


def test_a_route_in_the_address_is_scrolled_to(page: Page, embedded_server: RunningServer) -> None:
    last = page.locator("article").last.get_attribute("id")
    expect(page.locator(f"#{last} h3")).not_to_be_in_viewport()
    page.goto("about:blank")
    page.goto(f"{embedded_server.url}/docs#{last}")
    expect(page.locator(f"#{last} h3")).to_be_in_viewport()


def test_every_route_of_the_document_is_drawn(page: Page, embedded_server: RunningServer) -> None:
    with embedded_server.client() as client:
        paths = client.get("/docs/openapi.json").json()["paths"]
    documented = {f"{method.upper()}{path}" for path, methods in paths.items() for method in methods}
    assert set(page.locator("article h3").all_text_contents()) == documented


def test_bounds_defaults_and_meanings_are_shown(page: Page) -> None:
    row = page.locator("#speak_text table").first.locator("tr", has_text="repetition_penalty").inner_text()
    assert "1 to 20" in row
    assert "Penalty" in row
    assert '"wav" by default' in page.locator("#speak_text tr", has_text="format").first.inner_text()
    page.locator("#speak_text details", has_text="400").locator("summary").click()
    assert page.locator("#speak_text tr", has_text="error.request_id").first.is_visible()


def test_the_command_that_is_shown_speaks(page: Page, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl")
    command = page.locator("#speak_text pre").inner_text()
    subprocess.run(["bash", "-c", f"{command} --fail --silent"], cwd=tmp_path, check=True)
    assert (tmp_path / "speech.wav").read_bytes().startswith(b"RIFF")


def test_the_command_can_be_copied_with_the_keyboard(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = page.locator("#speak_text button")
    button.focus()
    page.keyboard.press("Enter")
    page.get_by_role("status").filter(has_text="copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#speak_text pre").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground_by_day_and_by_night(page: Page, scheme: str) -> None:
    """4.5 to 1 is what WCAG 2.2 asks of text (AA)."""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    ratios = page.evaluate("""() => {
        const style = getComputedStyle(document.documentElement);
        const light = (name) => {
            const value = style.getPropertyValue(name).trim();
            const [r, g, b] = [1, 3, 5].map((at) => parseInt(value.slice(at, at + 2), 16) / 255)
                .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
        };
        const pairs = ["--ink", "--soft", "--accent", "--bad"].flatMap((ink) =>
            ["--paper", "--sheet"].map((ground) => [light(ink), light(ground)]));
        return pairs.map(([one, other]) => Math.max(one, other) / Math.min(one, other));
    }""")
    assert min(ratios) >= 4.5


def test_a_narrow_screen_needs_no_sideways_scrolling(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_a_name_cannot_lead_out_of_the_folder(embedded_server: RunningServer) -> None:
    with embedded_server.client() as client:
        for name in ("..%2fopenapi.py", "%2e%2e", "reference.html%00", "nowhere.js"):
            answer = client.get(f"/docs/{name}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_the_browser_is_told_to_load_and_frame_nothing(embedded_server: RunningServer) -> None:
    with embedded_server.client() as client:
        policy = client.get("/docs").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_commands_name_the_prefix_of_a_proxy(chromium: Browser, embedded_server: RunningServer) -> None:
    with prefix_proxy(embedded_server.url, "/upstream/chorus") as url:
        page = chromium.new_page()
        page.goto(f"{url}/docs")
        page.wait_for_selector("article")
        commands = page.locator("article pre").all_inner_texts()
        page.close()
    assert len(commands) > 20
    assert [command for command in commands if not command.startswith(f"curl '{url}/")] == []
