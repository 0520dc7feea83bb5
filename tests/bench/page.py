"""`python -m tests.bench.page`: from the click to the first sound in Chromium, and what jumps on the way."""

import json
import shutil
import statistics
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
from playwright.sync_api import Page, expect, sync_playwright

from tests.bench.measuring import first_audio_s
from tests.support.browser import FLAGS, SHIFTS
from tests.support.server import chorus_serve

RESULTS = Path(__file__).parent / "results" / "page.jsonl"
CLICKS = 15
TEXT = "Good evening. I am the voice of this server. Whatever you type here, I will say."


def click_to_sound_ms(page: Page, seed: int) -> float:
    """As the page measures it: from the event's own time to the card's time of the first sample."""
    page.get_by_label("Seed").fill(str(seed))
    page.get_by_role("button", name="Speak", exact=True).click()
    expect(page.locator("#seed-used")).to_have_text(str(seed))
    expect(page.locator("#speak")).to_have_attribute("data-state", "finished", timeout=60_000)
    return float(page.locator("#speak").get_attribute("data-first-sound-ms") or "nan")


def main() -> None:
    executable = shutil.which("chromium") or sys.exit("no chromium on PATH")
    load = psutil.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory() as data,
        chorus_serve(Path(data), CHORUS_LOG_LEVEL="error") as (url, _),
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=executable, args=list(FLAGS)) as browser,
    ):
        page = browser.new_page()
        page.add_init_script(SHIFTS)
        page.goto(url)
        expect(page.locator("#voice")).to_have_value("heart")
        page.get_by_label("Text to speak").fill(TEXT)
        first_ms, *measured = [click_to_sound_ms(page, seed) for seed in range(CLICKS + 1)]
        shifts = sum(shift["value"] for shift in page.evaluate("shifts"))
        with httpx.Client(base_url=url, timeout=60) as client:
            direct_ms = [first_audio_s(client, TEXT) * 1000 for _ in range(CLICKS)]
    figures = {
        "first_click_ms": first_ms,
        "click_to_sound_ms": statistics.median(measured),
        "click_to_sound_worst_ms": max(measured),
        "first_bytes_without_a_browser_ms": statistics.median(direct_ms),
        "cumulative_layout_shift": shifts,
    }
    for name, value in figures.items():
        print(f"| {name} | {value:.4g} |")
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{psutil.cpu_count()} cores, load {load:.2f}",
        "figures": figures,
    }
    with RESULTS.open("a") as file:
        file.write(json.dumps(entry) + "\n")


if __name__ == "__main__":
    main()
