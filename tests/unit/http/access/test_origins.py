"""Whose pages may use the server."""

import pytest

from app.errors import InvalidSetting, OriginNotAllowed
from app.http.access.origins import check_origin, origin_allowed
from app.settings import Origins, Settings, load_settings

LISTED = Settings(cors_origins=Origins("https://app.example.com, http://localhost:3000"))
NONE, ANY = Settings(), Settings(cors_origins=Origins("*"))


@pytest.mark.parametrize(
    ("origin", "host", "settings", "fetch_site", "is_allowed"),
    [
        (None, "127.0.0.1:8000", NONE, None, True),
        (None, None, NONE, None, True),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", NONE, None, True),
        ("https://Chorus.example", "chorus.EXAMPLE", NONE, None, True),
        ("http://[::1]:8000", "[::1]:8000", NONE, None, True),
        ("http://127.0.0.1:3000", "127.0.0.1:8000", NONE, None, False),
        ("http://localhost:8000", "127.0.0.1:8000", NONE, None, False),
        ("https://evil.example", "chorus.example", NONE, None, False),
        ("https://chorus.example.evil.example", "chorus.example", NONE, None, False),
        ("null", "127.0.0.1:8000", NONE, None, False),
        ("null", "", NONE, None, False),
        ("", "", NONE, None, False),
        ("null", None, LISTED, None, False),
        ("https://app.example.com", "chorus.example", LISTED, "cross-site", True),
        ("http://app.example.com", "chorus.example", LISTED, None, False),
        ("https://app.example.com:8443", "chorus.example", LISTED, None, False),
        ("http://localhost:3000", "localhost:8000", LISTED, "same-site", True),
        ("https://evil.example", "chorus.example", ANY, "cross-site", True),
        ("null", "chorus.example", ANY, "cross-site", True),
        # A proxy has replaced Host, and the browser knows better.
        ("https://chorus.example", "upstream:8000", NONE, "same-origin", True),
        ("https://chorus.example", "upstream:8000", NONE, None, False),
        ("http://chorus.example", "chorus.example", NONE, "cross-site", False),
        (None, "127.0.0.1:8000", NONE, "cross-site", False),
        (None, "127.0.0.1:8000", NONE, "none", True),
    ],
)
def test_who_may(
    origin: str | None, host: str | None, settings: Settings, fetch_site: str | None, is_allowed: bool
) -> None:
    assert origin_allowed(origin, host, settings, fetch_site=fetch_site) is is_allowed


@pytest.mark.parametrize(
    ("method", "makes_audio", "fetch_site", "is_refused"),
    [
        ("POST", True, "cross-site", True),
        ("DELETE", False, "cross-site", True),
        ("GET", False, "cross-site", False),
        ("OPTIONS", False, "cross-site", False),
        ("GET", True, "cross-site", True),
        ("GET", True, "same-site", False),
        ("GET", True, None, False),
    ],
)
def test_what_a_page_of_another_site_may_not_ask(
    method: str, makes_audio: bool, fetch_site: str | None, is_refused: bool
) -> None:
    def ask() -> None:
        check_origin(method, None, "x", NONE, fetch_site=fetch_site, makes_audio=makes_audio)

    if is_refused:
        with pytest.raises(OriginNotAllowed, match="CHORUS_CORS_ORIGINS"):
            ask()
    else:
        ask()


@pytest.mark.parametrize(
    "text",
    [
        "app.example.com",
        "https://app.example.com:443",
        "http://app.example.com:80",
        "https://*.example.com",
        "*, https://app.example.com",
        "null",
        "https://user@app.example.com",
        "https://app example.com",
    ],
)
def test_an_origin_that_no_browser_would_send_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(InvalidSetting, match="not what a browser sends") as caught:
        load_settings({"CHORUS_CORS_ORIGINS": text})
    assert caught.value.param == "CHORUS_CORS_ORIGINS"


def test_origins_are_read_as_browsers_write_them() -> None:
    origins = load_settings({"CHORUS_CORS_ORIGINS": " HTTPS://App.example.com ,http://[::1]:3000"}).cors_origins
    assert origins.values == ("https://app.example.com", "http://[::1]:3000")
    assert load_settings({"CHORUS_CORS_ORIGINS": ""}).cors_origins == Origins()
    assert load_settings({"CHORUS_CORS_ORIGINS": "chrome-extension://abcdef"}).cors_origins.values
