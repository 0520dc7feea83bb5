"""Custom voices and consent recordings through OpenAI's SDK, and the addresses where other clients look first."""

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from app.setting_values import ApiKeys
from app.settings import Settings
from tests.support.http import check, get
from tests.support.recordings import voice_like, wav
from tests.support.server import RunningServer, serve
from tests.support.voices import CONSENT

RECORDING = ("ada.wav", wav(voice_like(3)), "audio/wav")
OTHER = ("bob.wav", wav(voice_like(4)), "audio/wav")


@pytest.fixture
def sdk(fake_server: RunningServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{fake_server.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_a_voice_is_made_with_a_consent_spoken_with_and_deleted(sdk: openai.OpenAI, fake_server: RunningServer) -> None:
    consent = sdk.audio.voice_consents.create(name="Ada's yes", language="en-US", recording=RECORDING)
    assert (consent.name, consent.language, consent.object) == ("Ada's yes", "en-US", "audio.voice_consent")
    voice = sdk.audio.voices.create(audio_sample=RECORDING, consent=consent.id, name="Ada")
    assert (voice.name, voice.object, voice.type) == ("Ada", "audio.voice", "audio_sample")
    statement = get(fake_server, f"/voices/{voice.id}")["consent"]
    assert statement.startswith(f"Consent recording {consent.id}: Ada's yes (en-US), SHA-256 ")
    for name in ({"id": voice.id}, "ada"):
        audio = sdk.audio.speech.create(model="tts-1", voice=name, input="Hello.", response_format="pcm").read()  # type: ignore[arg-type]
        assert len(audio) > 1000
        assert fake_server.engine.requests[-1].voice.id == voice.id  # type: ignore[union-attr]
    deleted = sdk.audio.voices.delete("ADA")
    assert (deleted.id, deleted.deleted, deleted.object) == (voice.id, True, "audio.voice.deleted")
    with pytest.raises(openai.NotFoundError):
        sdk.audio.voices.delete(voice.id)


@pytest.mark.slow
def test_consents_are_listed_in_pages_renamed_and_deleted(sdk: openai.OpenAI, fake_server: RunningServer) -> None:
    made = [
        sdk.audio.voice_consents.create(name=f"Number {number}", language="de", recording=RECORDING)
        for number in range(5)
    ]
    again = sdk.audio.voice_consents.create(name="Number 0", language="de", recording=RECORDING)
    assert again == made[0]
    assert {consent.id for consent in sdk.audio.voice_consents.list(limit=2)} == {consent.id for consent in made}
    renamed = sdk.audio.voice_consents.update(made[0].id, name="First")
    assert renamed.name == sdk.audio.voice_consents.retrieve(made[0].id).name == "First"
    assert sdk.audio.voice_consents.delete(made[0].id).deleted
    assert len(list(sdk.audio.voice_consents.list())) == 4
    with fake_server.client() as client:
        for id in (made[0].id, "cons_..%2F..%2Fx", "cons_", "x" * 150):
            check(
                client.get(f"/v1/audio/voice_consents/{id}"), 404, "unknown_consent" if "%" not in id else "not_found"
            )
            check(
                client.post("/v1/audio/voices", data={"name": "A", "consent": id}, files={"audio_sample": OTHER})
                if id.startswith("cons_") and "%" not in id
                else client.get("/v1/audio/voice_consents/none"),
                404,
                "unknown_consent",
            )


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"consent": CONSENT}, "name"),
        ({"name": "Ada"}, "consent"),
        ({"name": "Ada", "consent": "yes"}, "consent"),
        ({"name": "Ada", "consent": CONSENT, "type": "prompt", "prompt": "An old man."}, "type"),
        ({"name": "Ada", "consent": CONSENT, "speaker_embedding": "[0.1]"}, "speaker_embedding"),
        ({"name": "Ada", "consent": CONSENT, "aliases": "heart"}, "aliases"),
    ],
)
def test_a_voice_that_cannot_be_made_names_the_field(
    fake_server: RunningServer, fields: dict[str, str], param: str
) -> None:
    with fake_server.client() as client:
        answer = client.post("/v1/audio/voices", data=fields, files={"audio_sample": RECORDING})
    check(answer, 400, "invalid_field", param)


def test_a_recording_is_needed_and_must_be_audio(fake_server: RunningServer) -> None:
    fields = {"name": "Ada", "consent": CONSENT}
    with fake_server.client() as client:
        check(
            client.post("/v1/audio/voices", data=fields, files={"x": (None, "y")}), 400, "invalid_field", "audio_sample"
        )
        noise = client.post("/v1/audio/voices", data=fields, files={"audio_sample": b"no audio"})
        check(noise, 415, "unreadable_audio", "audio_sample")
        consent = {"name": "Ada", "language": "en"}
        noise = client.post("/v1/audio/voice_consents", data=consent, files={"recording": b"no audio"})
        check(noise, 415, "unreadable_audio", "recording")


def test_the_fields_of_vllm_omni_are_taken_and_its_answer_is_there(fake_server: RunningServer) -> None:
    fields = {"name": "test_voice", "consent": "user_consent_123", "ref_text": "Hello.", "speaker_description": "warm"}
    with fake_server.client() as client:
        made = client.post("/v1/audio/voices", data=fields, files={"audio_sample": RECORDING})
        assert made.status_code == 200, made.text
        assert made.json()["success"] is True
        assert made.json()["voice"]["name"] == "test_voice"
        assert client.get("/v1/audio/voices/TEST_VOICE").json()["id"] == made.json()["id"]
        assert client.delete("/v1/audio/voices/test_voice").json()["success"] is True
        check(client.delete("/v1/audio/voices/test_voice"), 404, "unknown_speaker", "speaker_id")


def test_other_clients_find_the_voices_and_the_document_where_they_look(fake_server: RunningServer) -> None:
    library = get(fake_server, "/v1/voices")
    assert library["count"] == len(library["voices"]) == 2
    assert library["voices"][0]["voice_id"] == "heart"
    document = get(fake_server, "/openapi.json")
    assert document["servers"][0]["url"] == "."
    own = get(fake_server, "/docs/openapi.json")
    assert own["servers"][0]["url"] == ".."
    assert document["paths"] == own["paths"]
    with fake_server.client() as client:
        assert client.get("/redoc").content == client.get("/docs").content


@pytest.mark.slow
def test_a_key_is_taken_from_the_header_of_azures_clients(tmp_path: Path) -> None:
    with (
        serve(Settings(data=tmp_path, api_keys=ApiKeys("a-key"), asr_model="off")) as server,
        server.client() as client,
    ):
        assert client.get("/v1/voices").status_code == 401
        assert client.get("/v1/voices", headers={"api-key": "a-key"}).status_code == 200
        assert client.get("/openapi.json").status_code == client.get("/redoc").status_code == 200
