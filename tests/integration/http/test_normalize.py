import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.settings import Settings
from tests.support.http import check, clone, get, post
from tests.support.recordings import voice_like, wav
from tests.support.samples import sample_bytes
from tests.support.server import RunningServer, serve

LEXICON = {"Nginx": "engine x", "GIF": {"say": "jif", "case_sensitive": True}}


def normalized(server: RunningServer, **body: Any) -> dict[str, Any]:
    answer = post(server, body, "/normalize")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_each_segment_shows_what_is_said_and_what_each_rule_did(embedded_server: RunningServer) -> None:
    form = normalized(
        embedded_server, text="NGINX costs $5.50 — a gif, a GIF.\n\n***\n\nHello 世界 there.", lexicon=LEXICON
    )
    first, second = form["segments"]
    assert form["language"] == "en"
    assert first["text"] == "NGINX costs $5.50 — a gif, a GIF."
    assert first["spoken"] == "engine x costs five dollars fifty cents — a gif, a jif."
    assert first["boundary"] == "paragraph"
    assert first["changes"] == [
        {"kind": "lexicon", "written": "NGINX", "spoken": "engine x"},
        {"kind": "lexicon", "written": "GIF", "spoken": "jif"},
        {"kind": "money", "written": "$5.50", "spoken": "five dollars fifty cents"},
    ]
    assert (second["spoken"], second["unspoken"]) == ("Hello 世界 there.", "世界")
    assert form["warnings"] == ["segment 1: not spoken, because the engine cannot: 世界"]


def test_a_language_that_the_engine_does_not_speak_is_shown_too(embedded_server: RunningServer) -> None:
    form = normalized(embedded_server, text="Das kostet 27,50 €.", language="de-DE")
    assert form["segments"][0]["spoken"] == "Das kostet siebenundzwanzig Euro fünfzig Cent."
    assert "does not speak de" in form["warnings"][0]


def test_a_text_of_nothing_gives_no_segment(embedded_server: RunningServer) -> None:
    form = normalized(embedded_server, text="😀 ***")
    assert (form["segments"], form["warnings"]) == ([], ["the text has nothing that can be spoken"])


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({"text": ""}, 400, "invalid_field", "text"),
        ({"text": "hi", "language": "xx"}, 400, "unsupported_language", "language"),
        ({"text": "hi", "voice": "x"}, 400, "invalid_field", "voice"),
        ({"text": "a" * 30_000}, 413, "text_too_long", "text"),
        ({"text": "hi", "lexicon": ["hi"]}, 400, "invalid_field", "lexicon"),
        ({"text": "hi", "lexicon": {"hi": ""}}, 400, "invalid_field", "lexicon"),
        ({"text": "hi", "lexicon": {"hi": " "}}, 400, "invalid_field", "lexicon"),
        ({"text": "hi", "lexicon": {" ": "blank"}}, 400, "invalid_field", "lexicon"),
        ({"text": "hi", "lexicon": {"hi": "x" * 201}}, 400, "invalid_field", "lexicon"),
        ({"text": "hi", "lexicon": {"hi": 5}}, 400, "invalid_field", "lexicon"),
        ({"text": "hi", "lexicon": {"hi": {"says": "x"}}}, 400, "invalid_field", "says"),
        ({"text": "hi", "lexicon": {f"w{number}": "x" for number in range(1001)}}, 400, "invalid_field", "lexicon"),
        ({"text": "hi " * 300, "lexicon": {"hi": "x" * 200}}, 413, "text_too_long", "lexicon"),
    ],
)
@pytest.mark.parametrize("path", ["/normalize", "/tts"])
def test_what_cannot_be_used_is_refused_with_its_field(
    embedded_server: RunningServer, path: str, body: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    check(post(embedded_server, body, path), status, code, param)


def samples_in(answer: dict[str, Any]) -> bytes:
    return sample_bytes(base64.b64decode(answer["audio"]["data"]))


def test_a_request_is_spoken_with_its_lexicon_and_captions_show_what_is_written(embedded_server: RunningServer) -> None:
    text = "We use Nginx in the cellar, and a cycle."
    said = "We use engine x in the cellar, and a loop."
    words = {"nginx": "engine x", "cycle": "loop", "loop": "cycle"}
    with_lexicon, plain = (
        post(embedded_server, {"text": each, "seed": 1, "timestamps": "segment"} | more).json()
        for each, more in ((text, {"lexicon": words}), (said, {}))
    )
    assert samples_in(with_lexicon) == samples_in(plain)
    assert [segment["text"] for segment in with_lexicon["segments"]] == [text]


def test_the_lexicon_of_a_form_is_a_json_object(fake_server: RunningServer) -> None:
    recording = wav(voice_like(6))
    assert clone(fake_server, recording, text="Nginx", lexicon=json.dumps(LEXICON)).status_code == 200
    for broken in ("{", "[]", '"x"'):
        check(clone(fake_server, recording, text="Nginx", lexicon=broken), 400, "invalid_field", "lexicon")


def test_the_operators_lexicon_is_heard_and_a_broken_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "words.toml"
    path.write_text('[en]\nNginx = "engine x"\n[voice.heart.en]\nAda = "Ayda"\n')
    with serve(Settings(engine="embedded", data=tmp_path / "data", lexicon=str(path))) as server:
        spoken, plain = (
            sample_bytes(post(server, {"text": text, "seed": 1}).content)
            for text in ("Nginx and Ada are here.", "engine x and Ayda are here.")
        )
        assert spoken == plain
        assert normalized(server, text="Nginx, ada", speaker_id="heart")["segments"][0]["spoken"] == "engine x, Ayda"
        assert get(server, "/health")["lexicon"] is None


def test_it_needs_a_key_where_there_are_keys(tmp_path: Path) -> None:
    from app.settings import ApiKeys

    with serve(Settings(engine="embedded", data=tmp_path, api_keys=ApiKeys("secret"))) as server:
        check(post(server, {"text": "hi"}, "/normalize"), 401, "invalid_api_key")
        answer = httpx.post(
            f"{server.url}/normalize", json={"text": "5 km"}, headers={"Authorization": "Bearer secret"}, timeout=30
        )
        assert answer.json()["segments"][0]["spoken"] == "five kilometers"
