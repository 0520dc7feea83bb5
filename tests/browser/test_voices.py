"""The page clones: recordings are made, judged and saved; saved voices are used, exported, imported and deleted."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser import OpenPage, choose_files, save_as
from tests.support.recordings import voice_like, wav
from tests.support.server import RunningServer

CONSENT = "I confirm that this is my own voice, or that its owner has agreed to it being cloned here."


def saved(page: Page) -> list[dict[str, object]]:
    return page.evaluate("async () => (await (await fetch('/voices')).json()).voices")


def test_a_recording_from_the_microphone_is_judged(embedded_server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(embedded_server)
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.locator("#record-hint")).to_have_text("Recording: 0:06")
    page.get_by_role("button", name="Stop recording").click()
    expect(page.locator(".verdict")).to_contain_text("Good")
    # The recording can be heard on the page.
    clip = page.get_by_label("Play Recording 1.webm")
    clip.evaluate("audio => audio.play()")
    assert clip.evaluate("audio => audio.error") is None
    page.get_by_role("button", name="Remove Recording 1.webm").click()
    expect(page.locator("#clips")).to_have_text("No recordings yet.")


def test_silent_and_short_recordings_are_told_apart_from_good_ones(
    embedded_server: RunningServer, open_page: OpenPage
) -> None:
    page = open_page(embedded_server)
    choose_files(page, good=wav(voice_like(12)), silent=wav(voice_like(6) * 0), short=wav(voice_like(1)))
    clips = page.locator("#clips li")
    expect(clips.nth(1).locator(".verdict")).to_contain_text("Not usable")
    expect(clips.nth(1)).to_contain_text("silent")
    expect(clips.nth(2).locator(".verdict")).to_contain_text("Not usable 1.0 s")
    expect(clips.nth(2)).to_contain_text("at least 2 s")
    expect(clips.nth(0).locator(".verdict")).not_to_contain_text("Not usable")
    expect(page.locator("#clone-status")).to_have_text("2 recordings are not usable.")


def test_a_dropped_file_is_judged(embedded_server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(embedded_server)
    transfer = page.evaluate_handle(
        """() => { const transfer = new DataTransfer();
                   transfer.items.add(new File(["no audio at all"], "notes.wav"));
                   return transfer; }"""
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
    expect(page.locator("#clips strong")).to_have_text("notes.wav")
    expect(page.locator("#clips .verdict, #clone-error:not(:empty)").first).to_be_visible()


def test_the_embedded_voice_says_up_front_and_kindly_that_it_cannot_clone(
    embedded_server: RunningServer, open_page: OpenPage
) -> None:
    page = open_page(embedded_server)
    expect(page.locator("#clone-notice")).to_contain_text("cannot clone")
    choose_files(page, voice=wav(voice_like(6)))
    expect(page.locator("#clips .verdict")).to_be_visible()  # until then what is below it moves
    save_as(page, "Ada")
    expect(page.locator("#clone-error")).to_contain_text("This server cannot keep cloned voices.")


def test_the_page_says_that_every_voice_is_artificial(embedded_server: RunningServer, open_page: OpenPage) -> None:
    expect(open_page(embedded_server).locator("#artificial")).to_contain_text("artificial")


def test_what_is_missing_for_a_voice_is_named_and_focused(fake_server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(fake_server)
    save = page.get_by_role("button", name="Save the voice")
    save.click()
    expect(page.locator("#clone-error")).to_have_text("Record something or choose a file first.")
    choose_files(page, voice=wav(voice_like(6)))
    save.click()
    expect(page.get_by_label("Name of the voice")).to_be_focused()
    page.get_by_label("Name of the voice").fill("Ada")
    save.click()
    expect(page.locator("#clone-error")).to_have_text("Tick that you make the statement.")
    assert saved(page) == []


def test_a_saved_voice_is_chosen_spoken_with_exported_deleted_and_imported(
    fake_server: RunningServer, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(fake_server)
    choose_files(page, one=wav(voice_like(6)), two=wav(voice_like(5)))
    save_as(page, "Ada")
    expect(page.locator("#clone-status")).to_have_text("Saved. Ada is chosen as the voice.")
    (voice,) = saved(page)
    assert (voice["name"], voice["consent"]) == ("Ada", CONSENT)
    expect(page.locator("#saved")).to_contain_text(CONSENT)
    expect(page.get_by_label("Voice", exact=True)).to_have_value(str(voice["id"]))

    page.get_by_label("Text to speak").fill("Hello there.")
    page.locator("#start").click()
    expect(page.locator("#speak")).to_have_attribute("data-state", "finished")
    assert fake_server.engine.requests[-1].voice.conditioning == "clone of 2"  # type: ignore[union-attr]

    with page.expect_download() as download:
        page.get_by_role("button", name="Export: Ada").click()
    assert download.value.suggested_filename == "Ada.safetensors"
    download.value.save_as(tmp_path / "Ada.safetensors")

    page.get_by_role("button", name="Delete: Ada").click()
    page.get_by_role("button", name="Keep: Ada").click()
    expect(page.get_by_role("button", name="Delete: Ada")).to_be_focused()
    page.get_by_role("button", name="Delete: Ada").click()
    page.get_by_role("button", name="Delete for good: Ada").click()
    expect(page.locator("#saved")).to_contain_text("None yet.")
    assert saved(page) == []

    page.locator("#import").set_input_files(tmp_path / "Ada.safetensors")
    expect(page.locator("#saved-status")).to_have_text("Ada is imported and chosen as the voice.")
    assert [(again["id"], again["name"]) for again in saved(page)] == [(voice["id"], "Ada")]
    page.get_by_label("Voice", exact=True).select_option("Heart")
    page.get_by_role("button", name="Speak with: Ada").click()
    expect(page.get_by_label("Voice", exact=True)).to_have_value(str(voice["id"]))


def test_a_check_that_ends_late_does_not_hide_that_the_voice_is_saved(
    fake_server: RunningServer, open_page: OpenPage
) -> None:
    page = open_page(fake_server)
    checks: list[Route] = []
    page.route("**/voices/check", lambda route: checks.append(route))
    choose_files(page, one=wav(voice_like(6)))
    save_as(page, "Ada")
    expect(page.locator("#clone-status")).to_have_text("Saved. Ada is chosen as the voice.")
    with page.expect_response("**/voices/check") as answer:
        checks[0].continue_()
    answer.value.finished()
    page.evaluate("() => new Promise((done) => setTimeout(done))")  # a turn of the page's loop, in which it reads that
    expect(page.locator("#clone-status")).to_have_text("Saved. Ada is chosen as the voice.")


def test_a_file_that_is_no_voice_is_refused_in_words(fake_server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(fake_server)
    page.locator("#import").set_input_files({"name": "x.chorus-voice", "mimeType": "", "buffer": b"no voice"})
    expect(page.locator("#saved-error")).not_to_be_empty()
    assert saved(page) == []


@pytest.mark.slow
def test_the_flow_holds_on_xtts(xtts_server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(xtts_server)
    choose_files(page, one=wav(voice_like(6)))
    save_as(page, "Grace")
    expect(page.locator("#clone-status")).to_have_text("Saved. Grace is chosen as the voice.")
    expect(page.locator("#language option")).to_have_count(17)
    page.get_by_label("Text to speak").fill("Hello there.")
    page.locator("#start").click()
    expect(page.locator("#speak")).to_have_attribute("data-state", "finished")
    with xtts_server.client() as client:  # the server is everybody's
        for voice in saved(page):
            client.delete(f"/voices/{voice['id']}").raise_for_status()
