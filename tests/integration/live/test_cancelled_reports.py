"""`/ws/tts` with words and verdicts: a conversation goes on after what was waited for is cancelled."""

from pathlib import Path

import pytest

from tests.support.fake_recognizer import FakeRecognizer
from tests.support.live import live_caller
from tests.support.transcribing import transcribing

LONG = f"{'The river went on and on between the hills, ' * 4}and then we had to wait for the boat that came home late. "
"""One sentence of two segments, the second of which is never made."""


@pytest.mark.parametrize("fields", [{"timestamps": "word"}, {"check": "report"}, {"check": "retry"}])
def test_a_conversation_goes_on_after_a_cancel_while_audio_or_verdicts_are_waited_for(
    tmp_path: Path, fields: dict[str, str]
) -> None:
    recognizer = FakeRecognizer()
    with transcribing(tmp_path, recognizer) as server, live_caller(server) as caller, server.client() as client:
        caller.say("start", **fields)
        for _ in range(3):
            caller.say("text", text=LONG)
            caller.say("flush")
            caller.until("segment_ended")
            caller.say("cancel")
            caller.until("cancelled")
            assert client.get("/health").json()["queue"]["admitted"] == 0
        caller.say("text", text="This one is spoken.")
        caller.say("end")
        _, messages = caller.until("done")
        assert [m["text"] for m in messages if m["type"] == "segment_ended"] == ["This one is spoken."]
        kind = "words" if "timestamps" in fields else "checked"
        assert sum(m["type"] == kind for m in messages) == 1
