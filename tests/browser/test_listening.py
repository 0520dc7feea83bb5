"""The sheet Listen: a recording becomes words, which are shown, heard and copied."""

import asyncio
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from app.errors import EngineFailure
from app.settings import ApiKeys
from tests.support.browser import SHIFTS, OpenPage, serious_findings
from tests.support.fake_recognizer import FakeRecognizer, segment
from tests.support.recordings import voice_like, wav
from tests.support.server import RunningServer
from tests.support.transcribing import TEXT, fake, release, send, transcribing, until_open

RECORDING = wav(voice_like(4))
WHOLE_PAGE = 4000  # pixels: what moves outside the window is not counted
Serve = Callable[..., RunningServer]
LONG = [
    segment(index, f" Sentence {index} of a long recording.", index * 2.0, index * 2.0 + 1.5) for index in range(60)
]
MARKS = """
globalThis.marks = [];
new MutationObserver((changes) => {
  for (const { target } of changes) if (target.ariaCurrent) marks.push(target.textContent);
}).observe(document.getElementById("transcript"), { subtree: true, attributeFilter: ["aria-current"] });
"""


@pytest.fixture
def serve_recognizer(tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as servers:

        def start(recognizer: FakeRecognizer | None = None, **settings: object) -> RunningServer:
            return servers.enter_context(transcribing(tmp_path, recognizer, **settings))

        yield start


def give(page: Page, name: str = "speech.wav", recording: bytes = RECORDING) -> None:
    file = {"name": name, "mimeType": "audio/wav", "buffer": recording}
    page.locator("#listen-file").set_input_files([file])


def wait_for(page: Page, state: str) -> None:
    expect(page.locator("#listen")).to_have_attribute("data-state", state)


def transcript(page: Page) -> Locator:
    return page.get_by_role("group", name="Transcript")


def word(page: Page, text: str) -> Locator:
    return transcript(page).get_by_role("button", name=text, exact=True)


def heard_word(page: Page) -> Locator:
    return page.locator("#transcript [aria-current]")


def played_s(page: Page) -> float:
    return page.locator("#listen-audio").evaluate("audio => audio.currentTime")


def copied(page: Page, button: str, told: str) -> str:
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.locator("#copy-hint")).to_contain_text(told)
    return page.evaluate("navigator.clipboard.readText()")


def test_words_appear_before_the_recording_is_transcribed_to_its_end(
    serve_recognizer: Serve, open_page: OpenPage
) -> None:
    waits = asyncio.Event()
    server = serve_recognizer(FakeRecognizer(waits=waits))
    page = open_page(server)
    give(page)
    expect(transcript(page)).to_have_text("0:00Good morning.")
    expect(page.locator("#listen-status")).to_have_text("Listening …")
    release(server, waits)
    wait_for(page, "finished")
    expect(transcript(page)).to_have_text("0:00Good morning.0:01The river is wide.")
    expect(page.locator("#listen-status")).to_have_text("Finished: 6 words of English in 0:04.")
    expect(transcript(page)).to_have_attribute("lang", "en")


def test_progress_tells_how_much_of_the_recording_is_transcribed(serve_recognizer: Serve, open_page: OpenPage) -> None:
    page = open_page(serve_recognizer(FakeRecognizer(fails=EngineFailure("the model failed"))))
    page.route(
        "**/transcribe",
        lambda route: route.fulfill(
            content_type="text/event-stream", body='event: progress\ndata: {"until_s": 30.0, "duration_s": 120.0}\n\n'
        ),
    )
    give(page)
    wait_for(page, "failed")
    assert page.get_by_label("Progress of the transcription").evaluate("bar => bar.value") == 0.25
    expect(page.locator("#listen-error")).to_have_text("The connection broke off before the end of the recording.")


def test_a_clicked_word_is_heard_and_the_word_that_is_heard_is_marked(
    serve_recognizer: Serve, open_page: OpenPage
) -> None:
    page = open_page(serve_recognizer())
    give(page)
    wait_for(page, "finished")
    page.evaluate(MARKS)
    word(page, "river").click()
    expect(page.locator("#listen-audio")).to_have_js_property("ended", True)
    assert page.evaluate("marks") == ["river", "is", "wide."]
    expect(heard_word(page)).to_have_count(0)
    assert page.locator("#listen-audio").evaluate("({ played }) => played.start(0)") == pytest.approx(1.875, abs=0.01)


def test_what_the_microphone_hears_is_transcribed_and_heard_from_a_word(
    serve_recognizer: Serve, open_page: OpenPage
) -> None:
    server = serve_recognizer()
    page = open_page(server)
    page.get_by_role("button", name="Record speech").click()
    expect(page.locator("#listen-hint")).to_have_text("Recording: 0:04")
    page.get_by_role("button", name="Stop and transcribe").click()
    wait_for(page, "finished")
    (request,) = fake(server).requests
    assert len(request.samples) > 3.5 * 16_000
    assert abs(request.samples).max() > 1000
    word(page, "river").click()
    expect(heard_word(page)).to_have_text("river")
    assert played_s(page) >= 1.875


def test_text_and_subtitles_are_copied_as_the_server_gives_them(serve_recognizer: Serve, open_page: OpenPage) -> None:
    odd = [segment(0, " One --> two,", 0.0, 0.0), segment(1, " three\nfour.", 3599.9996, 3725.5)]
    server = serve_recognizer(FakeRecognizer(odd))
    page = open_page(server, permissions=["clipboard-read", "clipboard-write"])
    give(page)
    wait_for(page, "finished")
    assert (
        copied(page, "Copy text", "The text is on the clipboard.")
        == send(server, response_format="json").json()["text"]
    )
    assert copied(page, "Copy SRT", "The subtitles are on the clipboard.") == send(server, response_format="srt").text


def test_the_copied_command_transcribes_the_file_in_a_shell(
    serve_recognizer: Serve, open_page: OpenPage, tmp_path: Path
) -> None:
    name = """it's "quoted"; $HOME, a\\b.wav"""
    (tmp_path / name).write_bytes(RECORDING)
    page = open_page(serve_recognizer(), permissions=["clipboard-read", "clipboard-write"])
    page.get_by_label("Spoken language").select_option("German")
    give(page, name)
    wait_for(page, "finished")
    command = copied(page, "Copy curl", "in the folder of the recording")
    assert "Authorization" not in command
    answer = subprocess.run(["sh", "-euc", command], cwd=tmp_path, check=True, timeout=60, capture_output=True)
    assert json.loads(answer.stdout)["text"] == TEXT
    assert json.loads(answer.stdout)["language"] == "de"


def test_the_language_is_detected_or_chosen(serve_recognizer: Serve, open_page: OpenPage) -> None:
    server = serve_recognizer()
    page = open_page(server)
    choice = page.get_by_label("Spoken language")
    expect(choice.locator("option")).to_have_text(["Detect", "English", "German"])
    give(page)
    wait_for(page, "finished")
    choice.select_option("German")
    page.get_by_role("button", name="Transcribe again").click()
    expect(page.locator("#listen-status")).to_have_text("Finished: 6 words of German in 0:04.")
    assert [request.language for request in fake(server).requests] == [None, "de"]


def test_a_dropped_file_without_sound_is_refused_in_words(serve_recognizer: Serve, open_page: OpenPage) -> None:
    page = open_page(serve_recognizer())
    transfer = page.evaluate_handle(
        """() => { const transfer = new DataTransfer();
                   transfer.items.add(new File(["no audio at all"], "notes.txt"));
                   return transfer; }"""
    )
    page.dispatch_event("#listen-drop", "drop", {"dataTransfer": transfer})
    wait_for(page, "failed")
    expect(page.locator("#listen-error")).to_contain_text("notes.txt")
    expect(page.locator("#listen-status")).to_have_text("Nothing was transcribed.")
    expect(transcript(page)).to_have_text("There are no words.")


def test_a_recording_without_speech_is_no_error(serve_recognizer: Serve, open_page: OpenPage) -> None:
    page = open_page(serve_recognizer(FakeRecognizer([])))
    give(page)
    wait_for(page, "finished")
    expect(page.locator("#listen-status")).to_have_text("Finished: no speech in 0:04.")
    expect(page.locator("#listen-error")).to_be_empty()
    expect(page.get_by_role("button", name="Copy text")).to_be_disabled()


def test_words_that_came_before_a_failure_are_kept(serve_recognizer: Serve, open_page: OpenPage) -> None:
    page = open_page(serve_recognizer(FakeRecognizer(fails=EngineFailure("the model failed"))))
    give(page)
    wait_for(page, "failed")
    expect(page.locator("#listen-error")).to_contain_text("The model failed.")
    expect(page.locator("#listen-status")).to_have_text("Stopped: the rest is missing.")
    expect(word(page, "river")).to_be_visible()
    expect(page.get_by_role("button", name="Copy text")).to_be_enabled()


def test_a_busy_recogniser_is_told_in_words(serve_recognizer: Serve, open_page: OpenPage) -> None:
    page = open_page(serve_recognizer(FakeRecognizer(max_admitted=0)))
    give(page)
    expect(page.locator("#listen-error")).to_contain_text("The server is busy")
    expect(page.get_by_role("button", name="Transcribe again")).to_be_enabled()


def test_stop_frees_the_place_and_keeps_the_words(serve_recognizer: Serve, open_page: OpenPage) -> None:
    server = serve_recognizer(FakeRecognizer(waits=asyncio.Event()))
    page = open_page(server)
    give(page)
    expect(word(page, "morning.")).to_be_visible()
    until_open(server, 1)
    page.get_by_role("button", name="Stop listening").click()
    wait_for(page, "stopped")
    until_open(server, 0)
    expect(word(page, "morning.")).to_be_visible()


def test_a_server_without_a_recogniser_says_how_to_add_one_and_promises_nothing(
    fake_server: RunningServer, open_page: OpenPage
) -> None:
    page = open_page(fake_server)
    expect(transcript(page).locator("code").first).to_have_text("make asr")
    for name in ("Record speech", "Copy curl", "Copy text", "Transcribe again"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()
    expect(page.locator("#listen-file")).to_be_disabled()


def test_the_arrow_keys_go_from_word_to_word_and_enter_plays(serve_recognizer: Serve, open_page: OpenPage) -> None:
    page = open_page(serve_recognizer())
    give(page)
    wait_for(page, "finished")
    transcript(page).focus()
    page.keyboard.press("Tab")
    expect(word(page, "Good")).to_be_focused()
    page.keyboard.press("End")
    expect(word(page, "wide.")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(heard_word(page)).to_have_text("river")
    page.keyboard.press("Escape")
    expect(heard_word(page)).to_have_count(0)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Copy text")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(word(page, "river")).to_be_focused()


def test_a_key_is_asked_for_and_sent_with_the_recording(serve_recognizer: Serve, open_page: OpenPage) -> None:
    page = open_page(serve_recognizer(api_keys=ApiKeys("right-key")), ready=False)
    page.get_by_role("button", name="Not now").click()
    give(page)
    page.get_by_label("API key").fill("right-key")
    page.get_by_label("API key").press("Enter")
    wait_for(page, "finished")


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_jumps_while_words_come_are_heard_and_copied(
    serve_recognizer: Serve, open_page: OpenPage, width: int
) -> None:
    server = serve_recognizer(FakeRecognizer(LONG))
    page = open_page(server, script=SHIFTS, viewport={"width": width, "height": WHOLE_PAGE})
    page.get_by_role("button", name="Record speech").click()
    expect(page.locator("#listen-hint")).to_have_text("Recording: 0:01")
    page.get_by_role("button", name="Stop and transcribe").click()
    wait_for(page, "finished")
    page.locator("#transcript button").first.click()
    expect(heard_word(page)).to_have_count(1)
    page.get_by_role("button", name="Copy curl").click()
    expect(page.locator("#copy-hint")).not_to_be_empty()
    assert page.evaluate("shifts") == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_jumps_where_there_is_no_recogniser(
    fake_server: RunningServer, open_page: OpenPage, width: int
) -> None:
    page = open_page(fake_server, script=SHIFTS, viewport={"width": width, "height": WHOLE_PAGE})
    expect(transcript(page)).to_contain_text("make asr")
    assert page.evaluate("shifts") == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_words_notes_and_errors(
    serve_recognizer: Serve, open_page: OpenPage, scheme: str
) -> None:
    server = serve_recognizer(FakeRecognizer(LONG, fails=EngineFailure("the model failed")))
    page = open_page(server, color_scheme=scheme, reduced_motion="reduce")
    give(page)
    wait_for(page, "failed")
    page.locator("#transcript button").first.click()
    expect(heard_word(page)).to_have_count(1)
    assert serious_findings(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_where_there_is_no_recogniser(
    fake_server: RunningServer, open_page: OpenPage, scheme: str
) -> None:
    page = open_page(fake_server, color_scheme=scheme, reduced_motion="reduce")
    expect(transcript(page)).to_contain_text("make asr")
    assert serious_findings(page) == []


def test_the_console_has_no_error_while_listening(serve_recognizer: Serve, open_page: OpenPage) -> None:
    page = open_page(serve_recognizer())
    heard: list[str] = []
    page.on("console", lambda message: heard.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: heard.append(str(error)))
    give(page)
    wait_for(page, "finished")
    word(page, "wide.").click()
    expect(heard_word(page)).to_have_text("wide.")
    assert heard == []
