"""The Opus that a real browser records, as it is spoken, on `WS /ws/transcribe`."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.support.browser import OpenPage
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.transcribing import transcribing

SPOKEN = "Good morning. The river is wide."
RECORD = """
async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const socket = new WebSocket(location.origin.replace("http", "ws") + "/ws/transcribe");
  const messages = [];
  const recorder = new MediaRecorder(stream, { mimeType: "audio/webm;codecs=opus" });
  const sent = [];
  recorder.ondataavailable = (event) => {
    if (event.data.size) sent.push(event.data.arrayBuffer().then((bytes) => socket.send(bytes)));
  };
  return new Promise((resolve, reject) => {
    socket.onopen = () => {
      socket.send(JSON.stringify({ type: "start", format: "opus", partials: false }));
      recorder.start(100);
    };
    socket.onerror = () => reject(new Error("the socket failed"));
    socket.onclose = (event) => resolve({ code: event.code, messages });
    socket.onmessage = async (event) => {
      const message = JSON.parse(event.data);
      messages.push(message);
      if (message.type !== "final" || recorder.state === "inactive") return;
      await new Promise((stopped) => { recorder.onstop = stopped; recorder.stop(); });
      await Promise.all(sent);
      socket.send(JSON.stringify({ type: "end" }));
    };
  });
}
"""


@pytest.mark.slow
def test_what_a_browser_records_is_heard_while_it_is_spoken(tmp_path: Path, open_page: OpenPage) -> None:
    """The microphone plays a spoken sentence again and again; recording ends with the text of the first one."""
    with transcribing(tmp_path, FakeRecognizer()) as server:
        page: Page = open_page(server)
        page.context.grant_permissions(["microphone"])
        heard = page.evaluate(RECORD)
    assert heard["code"] == 1000
    types = [message["type"] for message in heard["messages"]]
    assert (types[0], types[-1]) == ("started", "done")
    assert heard["messages"][0]["format"] == "opus"
    assert next(message["text"] for message in heard["messages"] if message["type"] == "final") == SPOKEN
    assert "error" not in types
