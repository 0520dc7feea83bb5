import re
from pathlib import Path
from typing import Any

import pytest
from litestar.handlers import HTTPRouteHandler

from app.server.app import ROUTES
from tests.bench.contract import check_contract, settings_for
from tests.support.server import RunningServer, serve

SPEECH = {200, 400, 401, 403, 404, 413, 415, 422, 429, 500, 503, 504, 507}
CLONING = {400, 401, 403, 413, 415, 422, 429, 500, 501, 503, 507}
TRANSCRIBING = {200, 400, 401, 403, 408, 413, 415, 421, 429, 500, 501, 503, 504, 507}
KINDS: dict[str, set[int]] = {
    "POST /tts": SPEECH,
    "POST /v1/audio/speech": SPEECH | {408, 409, 501},
    "POST /v1/audio/speech/upload": SPEECH | {408, 409, 501},
    "POST /v1/audio/speech/batch": SPEECH,
    "POST /transcribe": TRANSCRIBING,
    "POST /v1/audio/transcriptions": TRANSCRIBING | {404},
    "POST /v1/audio/translations": TRANSCRIBING | {404},
    "POST /v1/audio/alignments": TRANSCRIBING | {422},
    "POST /jobs": {201, 400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 501, 503, 507},
    "GET /jobs": {200, 401, 500, 503, 507},
    "GET /jobs/{job_id}": {200, 400, 401, 404, 500, 503, 507},
    "GET /jobs/{job_id}/events": {200, 400, 401, 404, 500, 503, 507},
    "GET /jobs/{job_id}/audio": {200, 206, 400, 401, 404, 409, 416, 500, 503, 507},
    "GET /jobs/{job_id}/report": {200, 400, 401, 404, 409, 500, 503, 507},
    "POST /jobs/{job_id}/pause": {200, 400, 401, 403, 404, 500, 503, 507},
    "POST /jobs/{job_id}/resume": {200, 400, 401, 403, 404, 500, 503, 507},
    "DELETE /jobs/{job_id}": {204, 400, 401, 403, 404, 500, 503, 507},
    "POST /provenance": {200, 400, 401, 403, 408, 413, 415, 429, 500, 503, 507},
    "POST /normalize": {200, 400, 401, 403, 413, 422, 500, 503},
    "POST /voice-clone": SPEECH | CLONING,
    "POST /voices": CLONING | {200, 201, 404, 409},
    "POST /voices/check": CLONING - {422, 501, 507} | {200},
    "POST /voices/import": CLONING | {200, 201, 404, 409},
    "GET /voices/{voice_id}/export": {200, 400, 401, 404, 500, 503, 507},
    "GET /v1/models/{model_id}": {200, 401, 404, 500, 503},
    "GET /v1/audio/models": {200, 401, 500, 503},
    "GET /sillytavern/speakers": {200, 401, 500, 503, 507},
    "GET /speakers_list": {200, 401, 500, 503, 507},
    "GET /languages": {200, 401, 500, 503},
    "POST /sillytavern/set_tts_settings": {200, 400, 401, 403, 500, 503},
    "POST /tts_to_audio": SPEECH,
    "GET /tts_stream": SPEECH,
    "GET /studio_speakers": {200, 401, 500, 503, 507},
    "POST /clone_speaker": CLONING | {200, 404, 504},
    "POST /v1/tts/conditioning": CLONING | {200, 404, 504},
    "POST /tts_stream": SPEECH,
    "GET /api/tts": SPEECH,
    "POST /api/tts": SPEECH,
    "GET /process": SPEECH,
    "POST /process": SPEECH,
    "GET /locales": {200, 401, 500, 503},
    "GET /v1/audio/speech/voices": {200, 400, 401, 500, 503, 507},
    "POST /v1/text-to-speech/{voice_id}": SPEECH,
    "POST /v1/text-to-speech/{voice_id}/stream": SPEECH,
    "POST /v1/text-to-speech/{voice_id}/with-timestamps": SPEECH,
    "POST /v1/text-to-speech/{voice_id}/stream/with-timestamps": SPEECH,
    "POST /v1/text-to-dialogue": SPEECH,
    "POST /v1/text-to-dialogue/stream": SPEECH,
    "POST /v1/text-to-dialogue/with-timestamps": SPEECH,
    "POST /v1/text-to-dialogue/stream/with-timestamps": SPEECH,
    "POST /v1/voices/add": CLONING | {200, 404, 409},
    "GET /v1/voices/{voice_id}": {200, 400, 401, 404, 500, 503, 507},
    "DELETE /v1/voices/{voice_id}": {200, 400, 401, 403, 404, 500, 503, 507},
    "GET /v2/voices": {200, 400, 401, 500, 503, 507},
    "GET /elevenlabs/v1/voices": {200, 401, 500, 503, 507},
    "GET /elevenlabs/v1/models": {200, 401, 500, 503},
    "GET /v1/user": {200, 401, 500, 503, 507},
    "GET /voices": {200, 401, 500, 503, 507},
    "GET /speakers": {200, 400, 401, 500, 503, 507},
    "GET /v1/audio/voices": {200, 401, 500, 503, 507},
    "GET /v1/voices": {200, 401, 500, 503, 507},
    "POST /v1/audio/voices": CLONING | {200, 404, 409},
    "GET /v1/audio/voices/{voice_id}": {200, 400, 401, 404, 500, 503, 507},
    "DELETE /v1/audio/voices/{voice_id}": {200, 400, 401, 403, 404, 500, 503, 507},
    "POST /v1/audio/voice_consents": {200, 400, 401, 403, 408, 409, 413, 415, 500, 503, 507},
    "GET /v1/audio/voice_consents": {200, 400, 401, 500, 503, 507},
    "GET /v1/audio/voice_consents/{consent_id}": {200, 400, 401, 404, 500, 503, 507},
    "POST /v1/audio/voice_consents/{consent_id}": {200, 400, 401, 403, 404, 500, 503, 507},
    "DELETE /v1/audio/voice_consents/{consent_id}": {200, 400, 401, 403, 404, 500, 503, 507},
    "GET /v1/models": {200, 401, 500, 503},
    "GET /voices/{voice_id}": {200, 400, 401, 404, 500, 503, 507},
    "DELETE /voices/{voice_id}": {204, 400, 401, 403, 404, 500, 503, 507},
    "GET /health": {200, 500, 503},
    "GET /health/live": {200, 500, 503},
    "GET /health/ready": {200, 500, 503},
    "GET /metrics": {200, 500},
}


@pytest.fixture
def document(embedded_server: RunningServer) -> dict[str, Any]:
    with embedded_server.client() as client:
        return client.get("/docs/openapi.json").json()


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        inner = set().union(*map(references, node.values()))
        return inner | {node["$ref"]} if "$ref" in node else inner
    return set().union(*map(references, node)) if isinstance(node, list) else set()


@pytest.mark.slow
def test_every_answer_is_one_that_the_document_allows(tmp_path: Path) -> None:
    with serve(settings_for(tmp_path)) as server:
        result = check_contract(server.url, total=500, seed=1)
    assert result.passed, result.report
    assert result.answers.total() > 500
    assert result.answers["POST /tts", 200] > 20  # it did not only refuse


def test_every_route_documents_what_its_kind_can_answer(document: dict[str, Any]) -> None:
    documented = {name: set(map(int, operation["responses"])) for name, operation in operations(document).items()}
    at_root = re.compile("/sillytavern|/elevenlabs")
    assert {at_root.sub("", name) for name in documented} <= {at_root.sub("", name) for name in KINDS}
    assert {name: statuses - documented[name] for name, statuses in KINDS.items() if statuses - documented[name]} == {}


def test_every_route_but_the_pages_is_in_the_document(document: dict[str, Any]) -> None:
    served = {path for handler in ROUTES if isinstance(handler, HTTPRouteHandler) for path in handler.paths}
    documented = {re.sub(r"{(\w+)}", r"{\1:str}", path) for path in document["paths"]}
    pages = {"/", "/page/{name:str}", "/docs", "/docs/{name:str}", "/docs/openapi.json", "/redoc", "/openapi.json"}
    assert served - documented == pages


def test_every_error_has_the_one_shape_but_for_elevenlabs(document: dict[str, Any]) -> None:
    others = {
        f"{name} {status}"
        for name, operation in operations(document).items()
        for status, response in operation["responses"].items()
        if status >= "400"
        and response["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        != ("ElevenLabsError" if "elevenlabs" in operation["tags"] else "ErrorBody")
    }
    assert others == {"GET /health 503", "GET /health/live 503", "GET /health/ready 503"}


def test_names_for_generated_clients_are_plain_and_unique(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(document).values()]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in names)


def test_every_reference_in_the_document_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        node = document
        for key in reference.removeprefix("#/").split("/"):
            node = node[key]


def test_every_tag_is_described(document: dict[str, Any]) -> None:
    used = {tag for operation in operations(document).values() for tag in operation["tags"]}
    assert used <= {tag["name"] for tag in document["tags"]}


def test_bounds_of_zero_and_unknown_fields_are_documented(document: dict[str, Any]) -> None:
    body = document["components"]["schemas"]["TtsBody"]
    assert body["additionalProperties"] is False
    assert body["properties"]["seed"]["anyOf"][0]["minimum"] == 0
    assert body["properties"]["temperature"]["anyOf"][0]["exclusiveMinimum"] == 0
    assert body["properties"]["language"]["enum"] == ["en"]  # the embedded voice's


@pytest.mark.parametrize(
    ("path", "methods"), [("/voices", "GET, HEAD, OPTIONS, POST"), ("/voices/x", "DELETE, GET, HEAD, OPTIONS")]
)
def test_a_path_tells_all_its_methods(embedded_server: RunningServer, path: str, methods: str) -> None:
    with embedded_server.client() as client:
        assert client.options(path).headers["Allow"] == methods
        refused = client.put(path)
        assert (refused.status_code, refused.headers["Allow"]) == (405, methods)
        assert methods in refused.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/health", "/speakers", "/docs", "/nowhere"])
def test_head_is_get_without_its_body(embedded_server: RunningServer, path: str) -> None:
    with embedded_server.client() as client:
        got, head = client.get(path), client.head(path)
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert head.headers["Content-Type"] == got.headers["Content-Type"]
