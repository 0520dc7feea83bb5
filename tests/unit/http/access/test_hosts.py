"""Under which names the server may be asked."""

import socket

import pytest

from app.errors import HostNotAllowed, InvalidSetting
from app.http.access.hosts import HostRule
from app.settings import Hosts, Settings, load_settings

LISTED = Settings(allowed_hosts=Hosts("speech.example.com, *.voices.example"))


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.0.0.1:8000", "192.168.1.5:8000", "8.8.8.8", "[::1]", "[::1]:8000", "[fe80::1%25eth0]:80"),
        *("::1", "fd00::7", "localhost", "LOCALHOST:8000", "localhost.", "app.localhost", "chorus", "chorus:8000", ""),
        *("nas.local", "NAS.local.:8000", "host.docker.internal:8000", "speech.home.arpa", "pi.lan", "x_y:1", ":8000"),
        socket.gethostname(),
    ],
)
def test_a_name_that_no_stranger_can_own_is_served(host: str) -> None:
    assert HostRule(Settings(), needs_key=False).allows(host)


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8000", "EVIL.example.", "127.0.0.1.evil.example", "localhost.evil.example"),
        *("a.locals", "evil.example:8000:8000", "[::1].evil.example", "[evil.example]", "evil.example@localhost"),
        *(
            "1.2.3.4.5",
            "999.1.1.1",
            "xn--bcher-kva.example",
            "a b.example",
            "localhost@evil.example",
            "x:80@evil.example",
        ),
    ],
)
def test_any_other_name_is_refused(host: str) -> None:
    with pytest.raises(HostNotAllowed, match="CHORUS_ALLOWED_HOSTS"):
        HostRule(Settings(), needs_key=False).check([host])


def test_every_header_of_several_is_looked_at() -> None:
    rule = HostRule(Settings(), needs_key=False)
    rule.check([])
    rule.check(["localhost", "127.0.0.1"])
    with pytest.raises(HostNotAllowed):
        rule.check(["localhost", "evil.example"])


@pytest.mark.parametrize(
    ("host", "is_served"),
    [
        ("speech.example.com", True),
        ("Speech.Example.com.:443", True),
        ("a.voices.example", True),
        ("a.b.voices.example", True),
        ("voices.example", False),
        ("evilvoices.example", False),
        ("other.example.com", False),
        ("speech.example.com.evil.example", False),
        ("127.0.0.1", True),
    ],
)
@pytest.mark.parametrize("needs_key", [True, False])
def test_a_list_holds_with_and_without_keys(host: str, is_served: bool, needs_key: bool) -> None:
    assert HostRule(LISTED, needs_key=needs_key).allows(host) is is_served


def test_a_server_with_keys_or_a_star_serves_every_name() -> None:
    assert HostRule(Settings(), needs_key=True).allows("evil.example")
    assert HostRule(Settings(allowed_hosts=Hosts("*")), needs_key=False).allows("evil.example")


def test_the_name_that_the_server_listens_on_is_its_own() -> None:
    assert HostRule(Settings(host="speech.example.com"), needs_key=False).allows("speech.example.com:8000")


@pytest.mark.parametrize("text", ["https://a.example", "a.example:80", "a b", "*, a.example", ".a.example", "a..b"])
def test_a_list_that_could_match_nothing_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(InvalidSetting, match="without scheme and port") as caught:
        load_settings({"CHORUS_ALLOWED_HOSTS": text})
    assert caught.value.param == "CHORUS_ALLOWED_HOSTS"


def test_a_list_is_read_as_browsers_write_names() -> None:
    listed = load_settings({"CHORUS_ALLOWED_HOSTS": " Speech.Example.com. ,bücher.example"}).allowed_hosts
    assert listed.values == ("speech.example.com", "xn--bcher-kva.example")
