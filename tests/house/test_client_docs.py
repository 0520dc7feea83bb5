"""docs/clients.md is code: the routes and settings that it names exist, and its YAML is what it says."""

import re
from pathlib import Path

from litestar.handlers import HTTPRouteHandler

from app.http.dialects.openai import MODELS
from app.http.dialects.openai import OpenAISpeechBody as SpeechBody
from app.http.dialects.sillytavern import SillyTavernSpeech
from app.server.app import ROUTES
from tests.support.settings import variable_names

TEXT = (Path(__file__).parents[2] / "docs/clients.md").read_text()
DIALECTS = (
    *("/sillytavern/s", "/sillytavern/tts", "/v1/models", "/v1/audio/"),
    *("/v1/text-to-", "/v1/voices/", "/v2/", "/v1/user", "/elevenlabs/v1/models"),
    *("/studio_speakers", "/clone_speaker", "/v1/tts/", "/api/tts", "/process", "/locales"),
)
SERVED = {
    (method, re.sub(r":\w+", "", path))
    for route in ROUTES
    if isinstance(route, HTTPRouteHandler)
    for path in route.paths
    for method in route.http_methods
}


def test_every_route_that_it_names_is_served() -> None:
    named = set(re.findall(r"\b(GET|POST|DELETE) (/[\w/{}-]*)", TEXT))
    assert len(named) > 10
    assert named - SERVED == set()


def test_every_route_of_the_dialects_is_named() -> None:
    ours = {
        route
        for route in SERVED
        if route[0] != "HEAD"  # where there is GET there is HEAD
        and route[1].startswith(DIALECTS)
    }
    named = set(re.findall(r"\b(GET|POST|DELETE) (/[\w/{}-]*)", TEXT))
    also = {("POST", "/v1/audio/speech"), ("GET", "/sillytavern/speakers_list")}  # as an address; at the root
    assert ours - named - also == set()


def test_every_address_that_it_gives_to_a_client_is_served() -> None:
    paths = {path for _, path in SERVED}
    for address in re.findall(r"http://chorus:8000(/[\w/]*)", TEXT):
        assert address in paths or any(path.startswith(f"{address}/") for path in paths), address


def test_every_setting_that_it_names_exists() -> None:
    assert set(re.findall(r"CHORUS_\w+", TEXT)) <= set(variable_names())


def test_the_models_and_options_that_it_names_are_taken() -> None:
    row = re.search(r"^- model: (.*?), all the one engine", TEXT, re.MULTILINE)
    assert row is not None
    assert set(re.findall(r"`([\w-]+)`", row[1])) <= set(MODELS)
    for schema in (SpeechBody, SillyTavernSpeech):
        assert {"language", "seed", "speed", "temperature"} <= set(schema.__struct_fields__)
