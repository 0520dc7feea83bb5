"""The page for everybody: keys, screen readers, night, small screens, nothing that jumps, no error in the console."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from app.settings import ApiKeys, Settings
from tests.support.browser import SHIFTS, OpenPage, serious_findings, speak, wait_for
from tests.support.fake_engine import FakeEngine
from tests.support.server import RunningServer, serve

WIDTHS = (360, 768, 1280)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_before_and_after_speaking(
    embedded_server: RunningServer, open_page: OpenPage, scheme: str
) -> None:
    page = open_page(embedded_server, color_scheme=scheme, reduced_motion="reduce")
    assert serious_findings(page) == []
    speak(page, "Hello 世界.")
    wait_for(page, "finished")
    assert serious_findings(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_when_voices_are_judged_saved_and_deleted(
    fake_server: RunningServer, open_page: OpenPage, scheme: str
) -> None:
    from tests.support.browser import choose_files, save_as
    from tests.support.recordings import voice_like, wav

    page = open_page(fake_server, color_scheme=scheme, reduced_motion="reduce")
    choose_files(page, good=wav(voice_like(12)))
    save_as(page, "Ada")
    expect(page.locator("#clone-status")).to_have_text("Saved. Ada is chosen as the voice.")
    choose_files(page, good=wav(voice_like(12)), silent=wav(voice_like(6) * 0), short=wav(voice_like(1)))
    expect(page.locator(".verdict")).to_have_count(3)
    page.get_by_role("button", name="Delete: Ada").click()
    speak(page, "...")
    wait_for(page, "failed")
    assert serious_findings(page) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_jumps_and_nothing_sticks_out(embedded_server: RunningServer, open_page: OpenPage, width: int) -> None:
    page = open_page(embedded_server, script=SHIFTS, viewport={"width": width, "height": 800})
    speak(page, "Hello there. It is good to hear my own voice.")
    wait_for(page, "finished")
    assert page.evaluate("shifts") == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_console_has_no_error(embedded_server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(embedded_server)
    heard: list[str] = []
    page.on("console", lambda message: heard.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.reload()
    expect(page.locator("#voice")).to_have_value("heart")
    speak(page)
    wait_for(page, "finished")
    assert heard == []


def test_a_key_is_asked_for_kept_in_the_tab_and_sent(open_page: OpenPage, tmp_path: Path) -> None:
    with serve(Settings(data=tmp_path, api_keys=ApiKeys("right-key")), FakeEngine) as server:
        page = open_page(server, ready=False, permissions=["clipboard-read", "clipboard-write"])
        field = page.get_by_label("API key")
        expect(field).to_be_focused()
        field.fill("wrong-key")
        page.get_by_role("button", name="Use this key").click()
        expect(page.locator("#key-reason")).to_contain_text("That key was not accepted.")
        field.fill("right-key")
        field.press("Enter")
        expect(page.locator("#voice")).to_have_value("heart")
        speak(page, "Hello.")
        wait_for(page, "finished")
        page.get_by_role("button", name="Copy as curl").click()
        expect(page.locator("#keep-hint")).to_have_text("The command is on the clipboard.")
        command = page.evaluate("navigator.clipboard.readText()")
        assert '-H "Authorization: Bearer $CHORUS_API_KEY"' in command
        assert "right-key" not in command
        page.reload()
        expect(page.locator("#voice")).to_have_value("heart")


def test_without_a_key_the_page_says_what_it_could_not_do(open_page: OpenPage, tmp_path: Path) -> None:
    with serve(Settings(data=tmp_path, api_keys=ApiKeys("right-key")), FakeEngine) as server:
        page = open_page(server, ready=False)
        page.get_by_role("button", name="Not now").click()
        expect(page.locator("#saved-error")).to_contain_text("A valid API key is needed")


def test_the_foot_tells_version_engine_device_and_load(embedded_server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(embedded_server)
    expect(page.locator("#server")).to_contain_text("embedded on cpu · 0 requests now, 0 waiting, 0 of")
    for name, path in (("API", "docs"), ("Metrics", "metrics")):
        link = page.get_by_role("link", name=name)
        assert link.evaluate("link => link.href") == f"{embedded_server.url}/{path}"
