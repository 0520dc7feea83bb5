"""Behind a proxy that takes a prefix off the path, addresses contain the prefix."""

import re
from collections.abc import Iterator
from urllib.parse import urljoin

import httpx
import pytest

from tests.support.prefix_proxy import prefix_proxy
from tests.support.server import RunningServer


@pytest.fixture(params=["/upstream/chorus", "/tts"])
def prefixed(request: pytest.FixtureRequest, embedded_server: RunningServer) -> Iterator[str]:
    with prefix_proxy(embedded_server.url, request.param) as url:
        yield url


def server_of(document_address: str) -> str:
    """The address of the server as OpenAPI 3.1 has it: relative to the address of the document."""
    (server,) = httpx.get(document_address).json()["servers"]
    return urljoin(document_address, server["url"]).rstrip("/")


def test_the_document_names_the_address_under_which_it_was_asked(prefixed: str, embedded_server: RunningServer) -> None:
    assert server_of(f"{prefixed}/docs/openapi.json") == prefixed
    assert server_of(f"{embedded_server.url}/docs/openapi.json") == embedded_server.url
    assert httpx.get(f"{server_of(f'{prefixed}/docs/openapi.json')}/speakers").json()["count"] == 1


@pytest.mark.parametrize("path", ["/docs", "/"])
def test_every_file_of_a_page_is_found_below_the_prefix(prefixed: str, path: str) -> None:
    page = httpx.get(f"{prefixed}{path}").raise_for_status().text
    links = [link for link in re.findall(r'(?:href|src)="([^"#]+)"', page) if not link.startswith(("data:", "https:"))]
    assert len(links) >= 3
    for link in links:
        assert urljoin(f"{prefixed}{path}", link).startswith(prefixed)
        httpx.get(urljoin(f"{prefixed}{path}", link)).raise_for_status()
