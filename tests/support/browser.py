"""Actions of a user on the page, and Chromium's flags."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no other machine is reached
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
AXE = Path(__file__).parents[2] / ".make/axe/node_modules/axe-core/axe.min.js"
OpenPage = Callable[..., Page]
TEXT = "Hello there. It is good to hear my own voice. Nothing is lost between two sentences."
SHIFTS = """
globalThis.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const moved = entry.sources.map(({ node }) => node?.id || node?.nodeName);
    shifts.push({ value: entry.value, moved });
  }
}).observe({ type: "layout-shift", buffered: true });
"""


def speak(page: Page, text: str = TEXT, *, seed: int | None = 7) -> None:
    page.get_by_label("Text to speak").fill(text)
    page.get_by_label("Seed").fill("" if seed is None else str(seed))
    page.get_by_role("button", name="Speak", exact=True).click()


def wait_for(page: Page, state: str) -> None:
    expect(page.locator("#speak")).to_have_attribute("data-state", state)


def choose_files(page: Page, **files: bytes) -> None:
    page.locator("#files").set_input_files(
        [{"name": f"{name}.wav", "mimeType": "audio/wav", "buffer": data} for name, data in files.items()]
    )


def save_as(page: Page, name: str) -> None:
    page.get_by_label("Name of the voice").fill(name)
    page.get_by_label("I make this statement.").check()
    page.get_by_role("button", name="Save the voice").click()


def serious_findings(page: Page) -> list[str]:
    if not AXE.exists():
        pytest.skip(f"no axe-core: {AXE.relative_to(AXE.parents[4])} is missing (`make test` installs it)")
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run()")
    assert found["passes"]
    return [
        f"{violation['id']}: {node['target']}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
