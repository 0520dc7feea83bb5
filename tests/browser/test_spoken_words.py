"""The words of what is spoken: marked while heard, played from by a click, underlined where they are in doubt."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support import fake_engine
from tests.support.browser import SHIFTS, OpenPage, serious_findings, speak, wait_for
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.server import RunningServer
from tests.support.transcribing import release, transcribing

Serve = Callable[..., RunningServer]
FIRST = "one two three four five six seven eight nine ten."
SECOND = "Boats came home in the evening, and nobody waited."
WHOLE_PAGE = 4000  # pixels: what moves outside the window is not counted
MARKS = """
globalThis.marks = [];
new MutationObserver((changes) => {
  for (const { target } of changes) if (target.ariaCurrent) marks.push(target.textContent);
}).observe(document.getElementById("said"), { subtree: true, attributeFilter: ["aria-current"] });
"""


@pytest.fixture
def serve_recognizer(tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as servers:

        def start(recognizer: FakeRecognizer | None = None) -> RunningServer:
            return servers.enter_context(transcribing(tmp_path, recognizer))

        yield start


def words(page: Page) -> Locator:
    return page.get_by_role("group", name="Spoken words")


def word(page: Page, text: str) -> Locator:
    return words(page).get_by_role("button", name=text, exact=True)


def marks(page: Page) -> list[str]:
    return page.evaluate("marks")


@pytest.mark.slow
def test_a_clicked_word_is_heard_again_and_each_word_is_marked_while_it_is_heard(
    serve_recognizer: Serve, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake_engine, "WORD_S", 0.4)
    page = open_page(serve_recognizer())
    speak(page, "Nobody saw the boat. It came home late.")
    wait_for(page, "finished")
    page.evaluate(MARKS)
    word(page, "the").click()
    wait_for(page, "speaking")
    wait_for(page, "finished")
    assert marks(page) == ["the", "boat.", "It", "came", "home", "late."]
    expect(words(page).locator("[aria-current]")).to_have_count(0)
    form = page.locator("#speak")
    assert form.get_attribute("data-played") == form.get_attribute("data-received")
    assert form.get_attribute("data-gaps") == "0"


@pytest.mark.slow
def test_a_word_is_played_from_while_the_rest_is_still_being_made(serve_recognizer: Serve, open_page: OpenPage) -> None:
    server = serve_recognizer()
    page = open_page(server)
    speak(page, f"{FIRST} {SECOND} Then please wait for this one.")
    word(page, "two").click()
    expect(page.locator("#length")).to_contain_text("more is coming")
    assert server.engine is not None
    release(server, server.engine.release)  # type: ignore[attr-defined]
    wait_for(page, "finished")
    form = page.locator("#speak")
    assert form.get_attribute("data-played") == form.get_attribute("data-received")
    expect(word(page, "wait")).to_be_visible()
    expect(page.locator("#error")).to_be_empty()


@pytest.mark.slow
def test_the_audio_does_not_wait_for_its_words(serve_recognizer: Serve, open_page: OpenPage) -> None:
    waits = asyncio.Event()
    server = serve_recognizer(FakeRecognizer(waits=waits))
    page = open_page(server)
    speak(page, FIRST)
    wait_for(page, "speaking")
    expect(page.locator("#first-sound")).to_contain_text("ms")
    expect(words(page).get_by_role("button")).to_have_count(0)
    release(server, waits)
    wait_for(page, "finished")
    expect(words(page)).to_have_text(f"0:00{FIRST}")


@pytest.mark.slow
def test_words_in_doubt_are_underlined_and_have_their_probability(serve_recognizer: Serve, open_page: OpenPage) -> None:
    page = open_page(serve_recognizer(FakeRecognizer(unsure={"three": 0.034, "four": 0.2})))
    speak(page, FIRST)
    wait_for(page, "finished")
    doubtful = words(page).locator(".doubtful")
    expect(doubtful).to_have_text(["three 3 %"])
    assert "underline" in doubtful.evaluate("button => getComputedStyle(button).textDecorationLine")
    page.evaluate(MARKS)
    words(page).locator("small").click()
    wait_for(page, "finished")
    assert marks(page)[0] == "three 3 %"


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_while_a_word_is_marked(
    serve_recognizer: Serve, open_page: OpenPage, scheme: str
) -> None:
    server = serve_recognizer(FakeRecognizer(unsure={"three": 0.034}))
    page = open_page(server, color_scheme=scheme, reduced_motion="reduce")
    speak(page, f"{FIRST} {SECOND} Then please wait.")
    expect(word(page, "ten.")).to_be_visible()
    word(page, "ten.").evaluate("button => button.setAttribute('aria-current', 'true')")
    assert serious_findings(page) == []


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_jumps_and_nothing_sticks_out_when_words_come(
    serve_recognizer: Serve, open_page: OpenPage, width: int
) -> None:
    server = serve_recognizer(FakeRecognizer(unsure={"three": 0.034}))
    page = open_page(server, script=SHIFTS, viewport={"width": width, "height": WHOLE_PAGE})
    speak(page, f"{FIRST} {SECOND} {'so' * 60}.")
    wait_for(page, "finished")
    word(page, "five").click()
    wait_for(page, "finished")
    assert page.evaluate("shifts") == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.slow
def test_arrow_keys_go_from_word_to_word_and_enter_plays(serve_recognizer: Serve, open_page: OpenPage) -> None:
    page = open_page(serve_recognizer())
    speak(page, FIRST)
    wait_for(page, "finished")
    page.evaluate(MARKS)
    word(page, "one").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    expect(word(page, "nine")).to_be_focused()
    page.keyboard.press("Enter")
    wait_for(page, "speaking")
    wait_for(page, "finished")
    assert marks(page) == ["nine", "ten."]


def test_a_server_without_a_recogniser_says_so_and_speaks(fake_server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(fake_server)
    expect(words(page)).to_contain_text("This server shows no words of its speech")
    speak(page, "Hello there.")
    wait_for(page, "finished")
    expect(words(page).get_by_role("button")).to_have_count(0)
