import pytest

from app.http.routes import docs, page
from tests.support.http import check
from tests.support.server import RunningServer

FILES = [f"/page/{path.name}" for path in page.FOLDER.iterdir()] + [
    f"/docs/{path.name}" for path in docs.ASSETS.iterdir()
]


@pytest.mark.parametrize("path", ["/", "/docs", *sorted(FILES)])
def test_every_file_is_served_and_nothing_else_is_loaded_by_it(embedded_server: RunningServer, path: str) -> None:
    with embedded_server.client() as client:
        answer = client.get(path)
    assert answer.status_code == 200
    assert answer.content
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path", ["/docs/nothing.js", "/page/nothing.js", "/docs/..%2Fdocs.py", "/page/..%2F__init__.py"]
)
def test_a_file_that_is_not_there_is_not_found(embedded_server: RunningServer, path: str) -> None:
    with embedded_server.client() as client:
        check(client.get(path), 404, "not_found")


@pytest.mark.parametrize("path", ["/", "/page/main.js"])
def test_a_file_that_the_browser_has_is_not_sent_again(embedded_server: RunningServer, path: str) -> None:
    with embedded_server.client() as client:
        first = client.get(path)
        known = first.headers["ETag"]
        for sent in (known, f"W/{known}", f'"other", {known}'):
            again = client.get(path, headers={"If-None-Match": sent})
            assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", known)
        assert client.get(path, headers={"If-None-Match": '"other"'}).content == first.content
