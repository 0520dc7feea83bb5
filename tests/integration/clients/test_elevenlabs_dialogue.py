"""ElevenLabs' text-to-dialogue through its own SDK (elevenlabs), over a real socket."""

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from elevenlabs import DialogueInput, ElevenLabs
from elevenlabs.core.api_error import ApiError

from tests.support.fake_server import fake
from tests.support.server import RunningServer

LINES = [("heart", "The old grey house stood by the sea."), ("harald", "Who lives there now?"), ("heart", "I do.")]
INPUTS = [DialogueInput(text=text, voice_id=voice) for voice, text in LINES]
ASKED: dict[str, Any] = {"inputs": INPUTS, "seed": 1}
PCM = ASKED | {"output_format": "pcm_24000"}
PATH = "/v1/text-to-dialogue"


@pytest.fixture
def sdk(fake_server: RunningServer) -> Iterator[ElevenLabs]:
    with httpx.Client(timeout=60) as client:
        yield ElevenLabs(base_url=f"{fake_server.url}/elevenlabs", api_key="none", httpx_client=client)


def post(server: RunningServer, path: str = PATH, **fields: Any) -> httpx.Response:
    body = {"inputs": [{"voice_id": voice, "text": text} for voice, text in LINES], "seed": 1}
    with server.client() as client:
        return client.post(path, params={"output_format": "pcm_24000"}, json=body | fields)


def test_lines_are_the_turns_of_a_dialogue_with_a_pause_between_them(
    sdk: ElevenLabs, fake_server: RunningServer
) -> None:
    whole = b"".join(sdk.text_to_dialogue.convert(**PCM))
    assert [request.voice.id for request in fake(fake_server).requests] == ["heart", "harald", "heart"]
    turns = [{"speaker_id": voice, "text": text, "pause_ms": 300} for voice, text in LINES]
    turns[-1]["pause_ms"] = 0
    with fake_server.client() as client:
        assert whole == client.post("/tts", json={"turns": turns, "format": "pcm", "seed": 1}).content
    assert whole == b"".join(sdk.text_to_dialogue.stream(**PCM))
    assert b"".join(sdk.text_to_dialogue.convert(**ASKED))[:3] in (b"ID3", b"\xff\xfb\x90")  # mp3 by default


def test_each_part_has_its_voice_and_its_characters(sdk: ElevenLabs) -> None:
    timed = sdk.text_to_dialogue.convert_with_timestamps(**PCM)
    audio = base64.b64decode(timed.audio_base_64)
    assert timed.alignment is not None
    characters = timed.alignment.characters
    assert len(characters) == len(timed.alignment.character_start_times_seconds)
    found = [
        (part.voice_id, "".join(characters[part.character_start_index : part.character_end_index]))
        for part in timed.voice_segments
    ]
    assert found == LINES
    assert [part.dialogue_input_index for part in timed.voice_segments] == [0, 1, 2]
    edges = [edge for part in timed.voice_segments for edge in (part.start_time_seconds, part.end_time_seconds)]
    assert edges == sorted(edges)
    assert edges[2] - edges[1] >= 0.3
    assert abs(edges[-1] - len(audio) / 48_000) < 0.01


def test_a_stream_has_the_same_parts_with_indices_in_their_own_lines(sdk: ElevenLabs) -> None:
    whole = sdk.text_to_dialogue.convert_with_timestamps(**PCM)
    chunks = [*sdk.text_to_dialogue.stream_with_timestamps(**PCM)]
    assert b"".join(base64.b64decode(chunk.audio_base_64) for chunk in chunks) == base64.b64decode(whole.audio_base_64)
    found: list[tuple[str, str]] = []
    times: list[tuple[float, float]] = []
    for chunk in chunks:
        assert chunk.alignment is not None or chunk.voice_segments == []
        for part in chunk.voice_segments:
            assert chunk.alignment is not None
            characters = chunk.alignment.characters[part.character_start_index : part.character_end_index]
            found.append((part.voice_id, "".join(characters)))
            times.append((part.start_time_seconds, part.end_time_seconds))
    assert found == LINES
    assert times == [(part.start_time_seconds, part.end_time_seconds) for part in whole.voice_segments]


def test_a_line_of_several_segments_is_one_part_and_one_left_out_is_none(fake_server: RunningServer) -> None:
    long = "The first sentence of this line has rather many words in it. " * 5
    lines = [{"voice_id": "heart", "text": "…"}, {"voice_id": "harald", "text": long}]
    timed = post(fake_server, f"{PATH}/with-timestamps", inputs=lines).json()
    [part] = timed["voice_segments"]
    assert (part["voice_id"], part["dialogue_input_index"]) == ("harald", 1)
    assert (part["character_start_index"], part["character_end_index"]) == (0, len(timed["alignment"]["characters"]))
    assert len(fake(fake_server).requests[-1].sequences) > 1


def test_one_line_alone_has_its_voice(fake_server: RunningServer) -> None:
    timed = post(fake_server, f"{PATH}/with-timestamps", inputs=[{"voice_id": "harald", "text": "Hello."}]).json()
    assert [part["voice_id"] for part in timed["voice_segments"]] == ["harald"]


def test_directions_are_not_read_aloud_and_are_reported(fake_server: RunningServer) -> None:
    lines = [{"voice_id": "heart", "text": "[laughs] One two. [pause 1s] [whispers softly] Three."}]
    answer = post(fake_server, inputs=lines)
    said = " ".join(each.segment.text for each in fake(fake_server).requests[0].sequences)
    assert said == "One two. Three."
    assert "audio tags are left out: [laughs], [whispers softly]" in answer.headers["X-Chorus-Warnings"]


def test_fields_without_effect_are_reported_also_those_of_lines(fake_server: RunningServer) -> None:
    lines = [{"voice_id": "heart", "text": "One.", "emotion": "sad"}, {"voice_id": "harald", "text": "Two."}]
    answer = post(fake_server, inputs=lines, settings={"stability": 0.5}, use_pvc_as_ivc=True)
    warnings = answer.headers["X-Chorus-Warnings"]
    for name in ("use_pvc_as_ivc", "emotion", "settings.stability"):
        assert warnings.count(f"{name} has no effect") == 1


@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({"inputs": []}, 400, "invalid_field", "inputs"),
        ({"inputs": [{"text": "x"}]}, 400, "invalid_field", "voice_id"),
        ({"inputs": [{"text": "x", "voice_id": "heart"}] * 1001}, 400, "invalid_field", "inputs"),
        (
            {"inputs": [{"text": "x", "voice_id": "hibari"}, *[{"text": "x", "voice_id": "heart"}]]},
            404,
            None,
            "voice_id",
        ),
        ({"inputs": [{"text": "x", "voice_id": "heart", "speaker": "harald"}]}, 400, "invalid_field", "speaker"),
        ({"speaker_wav": "a.wav"}, 400, "invalid_field", "speaker_wav"),
        ({"inputs": [{"text": "…", "voice_id": "heart"}] * 2}, 422, "nothing_to_speak", "inputs"),
        ({"language_code": "tlh"}, 400, "unsupported_language", "language_code"),
    ],
)
def test_a_bad_dialogue_is_refused_before_any_audio(
    fake_server: RunningServer, fields: dict[str, Any], status: int, code: str | None, param: str
) -> None:
    for path in ("", "/stream", "/with-timestamps", "/stream/with-timestamps"):
        answer = post(fake_server, f"{PATH}{path}", **fields)
        detail = answer.json()["detail"]
        assert (answer.status_code, detail["param"]) == (status, param), detail
        assert detail["code"] == (code or "unknown_speaker")
    assert fake(fake_server).requests == []


def test_an_unknown_voice_is_told_by_the_sdk(sdk: ElevenLabs) -> None:
    with pytest.raises(ApiError, match="voice_not_found"):
        list(sdk.text_to_dialogue.convert(inputs=[DialogueInput(text="x", voice_id="hibari")]))
