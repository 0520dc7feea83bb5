"""The page speaks: what is heard is what the server said."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from app.http.routes.page import FOLDER
from app.setting_values import Marks
from tests.support.browser import TEXT, OpenPage, speak, wait_for
from tests.support.fake_engine import RATE_HZ
from tests.support.samples import sample_bytes
from tests.support.server import RunningServer

# Whatever goes to the loudspeaker goes to this listener too.
LISTEN = """
const EAR = `
  class Ear extends AudioWorkletProcessor {
    process([input]) {
      if (input[0]) this.port.postMessage(input[0].slice());
      return true;
    }
  }
  registerProcessor("ear", Ear);
`;
const resume = AudioContext.prototype.resume;
const connect = AudioNode.prototype.connect;
globalThis.heard = [];
AudioContext.prototype.resume = async function () {
  if (!this.ear) {
    await this.audioWorklet.addModule(URL.createObjectURL(new Blob([EAR], { type: "text/javascript" })));
    this.ear = new AudioWorkletNode(this, "ear", { channelCount: 1, channelCountMode: "explicit" });
    this.ear.port.onmessage = ({ data }) => heard.push(...data);
  }
  return resume.call(this);
};
AudioNode.prototype.connect = function (target, ...rest) {
  if (target === this.context.destination && this.context.ear) connect.call(this, this.context.ear);
  return connect.call(this, target, ...rest);
};
"""


def said(server: RunningServer, **body: object) -> bytes:
    with server.client() as client:
        answer = client.post("/tts", json={"text": TEXT, "speaker_id": "heart", "seed": 7} | body)
        answer.raise_for_status()
        return answer.content


def admitted(page: Page) -> int:
    return page.evaluate("async () => (await (await fetch('/health')).json()).queue.admitted")


def wait_until_nothing_is_admitted(page: Page) -> None:
    """Asks 500 times at most; each question takes a few milliseconds."""
    for _ in range(500):
        if admitted(page) == 0:
            return
    raise AssertionError("the place was never freed")


def test_what_is_heard_is_what_the_server_said_sample_for_sample(
    embedded_server: RunningServer, open_page: OpenPage
) -> None:
    page = open_page(embedded_server, script=LISTEN, bypass_csp=True)  # the listener's module is a blob
    speak(page)
    wait_for(page, "finished")
    heard: NDArray[np.float32] = np.array(page.evaluate("heard"), np.float32)
    # A moment that is no exact fraction leaves 1e-17 of a sample in its neighbour; a step of 16 bits is 3e-5.
    heard = np.trim_zeros(np.where(np.abs(heard) < 1e-12, np.float32(0), heard))
    sent = np.trim_zeros(np.frombuffer(said(embedded_server, format="pcm"), "<i2")).astype(np.float32) / 32768
    assert page.locator("#speak").get_attribute("data-gaps") == "0"
    np.testing.assert_array_equal(heard, sent)


def test_all_that_was_received_is_played_and_told(embedded_server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(embedded_server)
    speak(page)
    wait_for(page, "finished")
    seconds = len(said(embedded_server, format="pcm")) / 2 / RATE_HZ
    form = page.locator("#speak")
    assert form.get_attribute("data-received") == form.get_attribute("data-played") == f"{seconds:.3f}"
    expect(page.locator("#first-sound")).to_have_text(re.compile(r"^\d+ ms$"))
    expect(page.locator("#audio-length")).to_have_text(f"{seconds:.1f} s")
    expect(page.locator("#rtf")).to_have_text(re.compile(r"^0\.\d+ · \d.*faster$"))
    expect(page.locator("#seed-used")).to_have_text("7")
    expect(page.locator("#status")).to_have_text(f"Finished: {seconds:.1f} s.")


def test_the_waveform_is_drawn_where_there_was_none(embedded_server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(embedded_server)
    # Pixels of the rows above the middle: dots of an empty line do not reach them.
    inked = """() => {
      const canvas = document.querySelector("#waveform");
      const rows = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height * 0.4).data;
      return rows.filter((value, index) => index % 4 === 3 && value > 0).length;
    }"""
    assert page.evaluate(inked) == 0
    speak(page)
    wait_for(page, "finished")
    assert page.evaluate(inked) > 1000
    assert "of speech" in (page.locator("#waveform").get_attribute("aria-label") or "")


def test_stop_is_silence_and_frees_the_place(fake_server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(fake_server)
    # The first sentence is heard; the second one would wait for ever.
    speak(page, f"{'word ' * 30}. wait {'word ' * 30}.")
    wait_for(page, "speaking")
    expect(page.locator("#length")).to_contain_text("more is coming")
    assert admitted(page) == 1
    page.get_by_role("button", name="Stop", exact=True).click()
    wait_for(page, "stopped")
    wait_until_nothing_is_admitted(page)
    expect(page.locator("#status")).to_contain_text("Stopped")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_disabled()


def test_stop_before_the_first_sound_frees_the_place(fake_server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(fake_server)
    speak(page, "wait for ever.")
    expect(page.locator("#status")).to_have_text("Asking …")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#status")).to_have_text("Stopped.")
    wait_until_nothing_is_admitted(page)


def test_a_stream_that_breaks_is_said_and_what_came_is_kept(fake_server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(fake_server)
    words = "word " * 30
    speak(page, f"{words}. {words} wait, and fail.")
    wait_for(page, "speaking")
    expect(page.locator("#length")).to_have_text(" of 0:03, more is coming")  # a break discards what was not read yet
    assert fake_server.engine is not None
    fake_server.on_loop(fake_server.engine.release.set)  # type: ignore[attr-defined]
    expect(page.locator("#error")).to_contain_text("The stream broke off after 3.")
    wait_for(page, "finished")
    expect(page.locator("#status")).to_have_text("Stopped where the stream broke off.")
    page.get_by_role("button", name="Play again").click()
    wait_for(page, "speaking")
    wait_for(page, "finished")


def test_an_error_is_told_in_words(embedded_server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(embedded_server)
    speak(page, "世界")
    expect(page.locator("#error")).to_have_text("The embedded engine has no sound for '世界'.")
    wait_for(page, "failed")


def test_what_is_not_spoken_is_told_beside_the_audio(embedded_server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(embedded_server)
    speak(page, "Hello 世界.")
    wait_for(page, "finished")
    expect(page.locator("#error")).to_contain_text("Not spoken, because the embedded engine cannot: 世界.")


def test_a_busy_server_is_asked_again_only_when_it_says_so(fake_server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(fake_server)
    page.evaluate(
        """() => { globalThis.kept = Array.from({ length: 4 }, () =>
             fetch("/tts", { method: "POST", headers: { "Content-Type": "application/json" },
                             body: JSON.stringify({ text: "wait" }) })); }"""
    )
    for _ in range(500):
        if admitted(page) == 4:
            break
    speak(page, "Hello.")
    expect(page.locator("#error")).to_have_text(
        re.compile(r"^The server is busy: all its places are taken\. Try again in \d+ s\.$")
    )
    expect(page.locator("#start")).to_have_text(re.compile(r"^Wait \d+ s$"))
    assert fake_server.engine is not None
    fake_server.on_loop(fake_server.engine.release.set)  # type: ignore[attr-defined]
    expect(page.locator("#start")).to_have_text("Speak")
    page.locator("#start").click()
    wait_for(page, "finished")


@pytest.mark.parametrize("format_", ["wav", "mp3", "opus", "aac", "flac", "pcm"])
def test_a_download_is_what_the_server_gives_for_the_same_seed(
    embedded_server: RunningServer, open_page: OpenPage, tmp_path: Path, format_: str
) -> None:
    page = open_page(embedded_server)
    button = page.get_by_role("button", name="Download")
    expect(button).to_be_disabled()
    speak(page, "Hello there.", seed=None)
    expect(button).to_be_enabled()
    seed = int(page.locator("#seed-used").inner_text())
    page.get_by_label("Format of the download").select_option(format_)
    with page.expect_download() as download:
        button.click()
    assert download.value.suggested_filename == f"speech-{seed}.{format_}"
    download.value.save_as(tmp_path / "file")
    expected = said(embedded_server, text="Hello there.", seed=seed, format=format_)
    file = (tmp_path / "file").read_bytes()
    assert sample_bytes(file) == sample_bytes(expected)
    assert (b"jumb" in file) == ("c2pa" in Marks().in_force and format_ in ("wav", "mp3", "flac"))


# Firefox replaces an ending that it does not expect of a file's type: .opus of audio/ogg becomes .ogx.
TYPES_OF_FILES = """
const createObjectURL = URL.createObjectURL;
globalThis.types = [];
URL.createObjectURL = (blob) => {
  types.push(blob.type);
  return createObjectURL(blob);
};
"""


@pytest.mark.parametrize("format_", ["wav", "opus"])
def test_a_download_has_no_type_by_which_a_browser_could_rename_it(
    fake_server: RunningServer, open_page: OpenPage, format_: str
) -> None:
    page = open_page(fake_server, script=TYPES_OF_FILES)
    speak(page, "Hello there.")
    page.get_by_label("Format of the download").select_option(format_)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    expect(page.locator("#keep-hint")).to_have_text(f"Saved as {download.value.suggested_filename}.")
    assert page.evaluate("types") == ["application/octet-stream"]


# Firefox without a sound device: the promise stays open and the clock of the sound card stands at 0.
NO_SOUND_DEVICE = """
const resume = AudioContext.prototype.resume;
AudioContext.prototype.resume = function () {
  globalThis.connectDevice = () => resume.call(this);
  this.suspend();
  return new Promise(() => {});
};
"""


def test_a_browser_without_a_sound_device_is_told_so_and_can_download(
    fake_server: RunningServer, open_page: OpenPage
) -> None:
    page = open_page(fake_server, script=NO_SOUND_DEVICE)
    speak(page, "Hello there.")
    expect(page.locator("#status")).to_contain_text("No sound comes out")
    wait_for(page, "unheard")
    with page.expect_download():
        page.get_by_role("button", name="Download").click()
    page.get_by_role("button", name="Play again").click()
    expect(page.locator("#status")).to_have_text("Playing again …")
    expect(page.locator("#status")).to_contain_text("No sound comes out")


def test_speech_is_heard_when_the_sound_device_comes_late(fake_server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(fake_server, script=NO_SOUND_DEVICE)
    speak(page, "Hello there.")
    wait_for(page, "unheard")
    page.evaluate("connectDevice()")
    wait_for(page, "finished")
    form = page.locator("#speak")
    assert form.get_attribute("data-played") == form.get_attribute("data-received")
    assert form.get_attribute("data-gaps") == "0"
    expect(page.locator("#status")).to_contain_text("Finished")


def test_the_copied_command_gives_the_same_samples_in_a_shell(
    embedded_server: RunningServer, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(embedded_server, permissions=["clipboard-read", "clipboard-write"])
    text = "It's \"quoted\",\nover $HOME `two` lines\\; naïve café! @here 'twice'' %s"
    speak(page, text, seed=5)
    expect(page.locator("#seed-used")).to_have_text("5")
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.locator("#keep-hint")).to_have_text("The command is on the clipboard.")
    command = page.evaluate("navigator.clipboard.readText()")
    assert "Authorization" not in command
    subprocess.run(["sh", "-euc", command], cwd=tmp_path, check=True, timeout=60)
    expected = said(embedded_server, text=text, seed=5)
    assert sample_bytes((tmp_path / "speech.wav").read_bytes()) == sample_bytes(expected)


def test_the_keyboard_is_enough(embedded_server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(embedded_server)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the text")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    if not page.get_by_label("Text to speak").evaluate("field => field === document.activeElement"):
        page.keyboard.press("Shift+Tab")
    expect(page.get_by_label("Text to speak")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("Spoken without a mouse. " * 4)
    page.keyboard.press("Control+Enter")
    wait_for(page, "speaking")
    page.keyboard.press("Escape")
    wait_for(page, "stopped")
    page.keyboard.press("Control+Enter")
    wait_for(page, "finished")
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.get_by_role("button", name="Play again").evaluate("button => button === document.activeElement"):
            break
    page.keyboard.press("Enter")
    wait_for(page, "speaking")


def test_pace_reaches_the_server(fake_server: RunningServer, open_page: OpenPage) -> None:
    page = open_page(fake_server)
    page.get_by_label("Pace").fill("1.5")
    page.get_by_label("Voice", exact=True).select_option("Harald")
    page.get_by_label("Language", exact=True).select_option("German")
    speak(page, "Guten Tag.", seed=3)
    wait_for(page, "finished")
    (request,) = fake_server.engine.requests  # type: ignore[union-attr]
    asked = (request.speed, request.voice.id, request.sequences[0].language, request.sampling.seed)
    assert asked == (1.5, "harald", "de", 3)


def test_the_files_of_the_page_are_kept_by_browsers_and_asked_for_again(fake_server: RunningServer) -> None:
    with fake_server.client() as client:
        for path in ["/", *(f"/page/{file.name}" for file in FOLDER.iterdir())]:
            answer = client.get(path)
            assert answer.status_code == 200
            assert "default-src 'self'" in answer.headers["content-security-policy"]
            assert "unsafe" not in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"
            again = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
        assert client.get("/page/..%2fschemas.py").status_code == 404
        assert client.get("/page/nothing.js").status_code == 404
