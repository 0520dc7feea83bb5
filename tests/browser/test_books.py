"""The sheet Books: a book is dropped, made, heard and downloaded."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.engine.scheduler import Request
from app.engine.stream import ChunkStream
from app.setting_values import ApiKeys
from tests.support.book_server import CHAPTERS, WAITS, create, make_novel, settings_of, wait_for
from tests.support.browser import SHIFTS, OpenPage, serious_findings
from tests.support.fake_engine import FakeEngine
from tests.support.server import RunningServer, serve


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with serve(settings_of(tmp_path), FakeEngine) as running:
        yield running


def choose_book(page: Page, chapters: tuple[str, ...]) -> None:
    page.locator("#book-file").set_input_files(
        {"name": "novel.epub", "mimeType": "application/epub+zip", "buffer": make_novel(chapters)}
    )
    expect(page.locator("#book-hint")).to_have_text("novel.epub is chosen.")


def wait_for_sound(page: Page) -> None:
    """Until more than a second of the book can be played."""
    page.locator("#book-audio").evaluate(
        "audio => new Promise((resolve) => {"
        "  const look = () => audio.duration > 1 ? resolve(true) : setTimeout(look, 50); look(); })"
    )


def release(server: RunningServer) -> None:
    assert isinstance(server.engine, FakeEngine)
    server.on_loop(server.engine.release.set)


def test_a_book_is_made_of_the_chosen_chapters_and_downloaded(server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(server)
    expect(page.locator("#jobs")).to_have_text("None yet. A book that you have made appears here.")
    choose_book(page, CHAPTERS)
    page.get_by_label("Read by").select_option("Harald")
    page.get_by_label("Chapters optional").fill("2-3")
    page.locator("#book-format").select_option("mp3")
    page.get_by_role("button", name="Make the book").click()
    expect(page.locator("#book-status")).to_contain_text("The Novel is being made.")
    expect(page.locator("#jobs .hint")).to_contain_text("Finished: ")
    with server.client() as client:
        [job] = client.get("/jobs").json()["jobs"]
    assert (job["voice"], job["num_chapters"], job["format"]) == ("harald", 2, "mp3")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download: The Novel").click()
    assert downloading.value.suggested_filename == "The Novel.mp3"
    assert Path(downloading.value.path()).read_bytes()[:3] == b"ID3"


def test_a_chapter_is_heard_while_the_rest_is_made_also_after_a_reload(
    server: RunningServer, open_page: OpenPage
) -> None:
    page = open_page(server)
    choose_book(page, WAITS)
    page.get_by_role("button", name="Make the book").click()
    expect(page.locator("#jobs .hint")).to_contain_text("Being read")
    page.reload()
    page.locator("#jobs summary").first.click()
    expect(page.locator("#jobs summary").first).to_have_text("3 chapters, 2 ready")
    page.get_by_role("button", name="Listen: Chapter 1").click()
    expect(page.locator("#book-status")).to_have_text("The Novel: Chapter 1")
    wait_for_sound(page)
    page.get_by_role("button", name="Pause: The Novel").click()
    expect(page.locator("#jobs .hint")).to_contain_text("Paused")
    release(server)
    page.get_by_role("button", name="Go on: The Novel").click()
    expect(page.locator("#jobs .hint")).to_contain_text("Finished: ")
    expect(page.get_by_role("button", name="Listen: Chapter 2")).to_be_visible()


def test_a_book_is_deleted_after_a_question(server: RunningServer, open_page: OpenPage) -> None:
    with server.client() as client:
        wait_for(client, create(client)["id"], "finished")
    page = open_page(server)
    page.get_by_role("button", name="Delete: The Novel").click()
    expect(page.get_by_role("button", name="Keep: The Novel")).to_be_focused()
    page.get_by_role("button", name="Delete for good: The Novel").click()
    expect(page.locator("#jobs")).to_have_text("None yet. A book that you have made appears here.")
    with server.client() as client:
        assert client.get("/jobs").json()["count"] == 0


class CuttingEngine(FakeEngine):
    """Says of each segment with "three" that it was cut."""

    def submit(self, request: Request) -> ChunkStream:
        stream = super().submit(request)
        if "Three" in request.sequences[0].segment.text:
            stream.warn("segment 1 did not end by itself and was cut")
        return stream


def test_the_report_names_a_doubtful_segment_and_lets_it_be_heard(open_page: OpenPage, tmp_path: Path) -> None:
    with serve(settings_of(tmp_path), CuttingEngine) as server:
        with server.client() as client:
            wait_for(client, create(client)["id"], "finished")
        page = open_page(server)
        expect(page.locator("#jobs .hint")).to_contain_text("1 doubtful segment")
        page.get_by_text("Report").click()
        expect(page.get_by_text("Report: 5 segments, 1 doubtful")).to_be_visible()
        expect(page.locator(".doubt")).to_have_text(
            "0:00 Three bells rang far away. segment 1 did not end by itself and was cut"
        )
        page.get_by_role("button", name="Listen: Chapter 2 at 0:00").click()
        wait_for_sound(page)


def test_a_refusal_and_a_failure_are_told(server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(server)
    choose_book(page, ("The engines fail us now.",))
    page.get_by_label("Chapters optional").fill("7")
    page.get_by_role("button", name="Make the book").click()
    expect(page.locator("#book-error")).to_contain_text("the book has chapters 1 to 1")
    page.get_by_label("Chapters optional").fill("")
    page.get_by_role("button", name="Make the book").click()
    expect(page.locator("#jobs .hint")).to_contain_text("Stopped")
    expect(page.locator("#jobs .problem")).to_contain_text("could not be spoken")


def test_with_a_key_a_chapter_is_heard_and_the_file_saved(open_page: OpenPage, tmp_path: Path) -> None:
    with serve(settings_of(tmp_path, api_keys=ApiKeys("right-key")), FakeEngine) as server:
        with server.client() as client:
            client.headers["Authorization"] = "Bearer right-key"
            wait_for(client, create(client)["id"], "finished")
        page = open_page(server, ready=False)
        page.get_by_label("API key").fill("right-key")
        page.get_by_label("API key").press("Enter")
        page.locator("#jobs summary").first.click()
        page.get_by_role("button", name="Listen: Chapter 1").click()
        expect(page.locator("#book-audio")).to_have_attribute("src", re.compile("^blob:"))
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Download: The Novel").click()
        assert downloading.value.suggested_filename == "The Novel.m4b"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_list_of_books(
    server: RunningServer, open_page: OpenPage, scheme: str
) -> None:
    with server.client() as client:
        wait_for(client, create(client)["id"], "finished")
        wait_for(client, create(client, ("The engines fail us now.",))["id"], "failed")
        wait_for(client, create(client, WAITS)["id"], "speaking", num_ready=2)
    page = open_page(server, color_scheme=scheme, reduced_motion="reduce")
    expect(page.locator("#jobs > li")).to_have_count(3)
    for summary in page.locator("#jobs > li > details:not([hidden]) > summary").all():
        summary.click()
    expect(page.get_by_role("button", name="Listen: Chapter 1")).to_have_count(2)
    page.get_by_role("button", name="Delete: The Novel").first.click()
    assert serious_findings(page) == []


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_jumps_when_books_are_listed_and_nothing_sticks_out(
    server: RunningServer, open_page: OpenPage, width: int
) -> None:
    page = open_page(server, script=SHIFTS, viewport={"width": width, "height": 800})
    with server.client() as client:
        wait_for(client, create(client, title="A title of many words that go on " * 4)["id"], "finished")
    page.reload()
    expect(page.locator("#jobs .hint")).to_contain_text("Finished: ")
    assert page.evaluate("shifts") == []
    page.locator("#jobs summary").first.click()
    expect(page.get_by_role("button", name="Listen: Chapter 3")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
