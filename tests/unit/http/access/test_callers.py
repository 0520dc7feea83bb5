"""The file of callers: its entries, refused contents, and changes while the server runs."""

import hashlib
import hmac
import logging
from pathlib import Path

import pytest

from app.errors import InvalidSetting, Unauthorized
from app.http.access.callers import ANYBODY, Caller
from app.http.access.middleware import Access, sent_keys
from app.settings import ApiKeys, Settings
from tests.support.clock import Clock

ADA = '[ada]\nkey = "the-key-of-ada"\n'


def settings(tmp_path: Path, text: str | None, **others: object) -> Settings:
    path = tmp_path / "callers.toml"
    if text is not None:
        path.write_text(text)
    return Settings(api_keys_file=str(path), **others)  # type: ignore[arg-type]


def test_keys_of_the_setting_and_of_the_file_both_count(tmp_path: Path) -> None:
    bob = f'[bob]\nsha256 = "{hashlib.sha256(b"the-key-of-bob").hexdigest().upper()}"\nmax_concurrent = 0\n'
    access = Access(settings(tmp_path, ADA + bob, api_keys=ApiKeys("first, second"), max_concurrent_per_key=3))
    assert [access.identify([key]) for key in ("the-key-of-ada", "the-key-of-bob", "second")] == [
        Caller(name="ada", owner="ada", max_concurrent=3),
        Caller(name="bob", owner="bob", max_concurrent=0),
        Caller(name="#2", owner=f"key:{hashlib.sha256(b'second').hexdigest()[:32]}", max_concurrent=3),
    ]
    assert access.identify(["a placeholder", "first"]).name == "#1"
    for keys in ([], [""], ["the-key-of-bo"], ["ada"], ["\u00fc"]):
        with pytest.raises(Unauthorized):
            access.identify(keys)


def test_without_keys_everybody_is_nobody_in_particular() -> None:
    access = Access(Settings())
    assert access.identify([]) is access.identify(["anything"]) is ANYBODY
    for _ in range(100):
        access.enter(ANYBODY)


def test_an_empty_file_lets_nobody_in(tmp_path: Path) -> None:
    access = Access(settings(tmp_path, ""))
    with pytest.raises(Unauthorized):
        access.identify([])


@pytest.mark.parametrize("field", ["max_concurrent_per_key", "requests_per_minute"])
def test_a_limit_that_would_limit_nobody_is_refused(field: str) -> None:
    with pytest.raises(InvalidSetting, match="there are none") as caught:
        Access(Settings(**{field: 1}))  # type: ignore[arg-type]
    assert caught.value.param == f"CHORUS_{field.upper()}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "no such file"),
        ("[ada", "Expected ']'"),
        ('key = "the-secret"', r"\[key\]: Expected `object`"),
        ("[ada]\n", "either `key` or `sha256`"),
        (ADA + f'sha256 = "{"0" * 64}"', "either `key` or `sha256`"),
        ('[ada]\nkey = ""', "printable ASCII"),
        ('[ada]\nkey = "the-secret with a blank"', "printable ASCII"),
        ('[ada]\nkey = "the-secret,another"', "printable ASCII"),
        ('[ada]\nsha256 = "the-secret"', "matching regex"),
        (ADA + "max_concurrent = -1", ">= 0"),
        (ADA + 'requests_per_minute = "60"', "Expected `int"),
        (ADA + "requests_per_min = 60", "unknown field `requests_per_min`"),
        ('["a\\nb"]\nkey = "the-secret"', "a name is 1 to 64"),
        (ADA + '[bob]\nkey = "the-key-of-ada"', r"\[bob\]: this key belongs to ada already"),
        ('[ada]\nkey = "of-the-setting"', "this key belongs to #1 already"),
        ("#" * (1024 * 1024 + 1), "larger than"),
    ],
)
def test_a_file_that_cannot_be_used_ends_the_start_in_one_line(tmp_path: Path, text: str | None, says: str) -> None:
    with pytest.raises(InvalidSetting, match=says) as caught:
        Access(settings(tmp_path, text, api_keys=ApiKeys("of-the-setting")))
    assert caught.value.param == "CHORUS_API_KEYS_FILE"
    assert "callers.toml" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "the-secret" not in str(caught.value)
    assert "the-key" not in str(caught.value)


def test_the_documents_example_is_understood(tmp_path: Path) -> None:
    example = Path("docs/access.md").read_text().split("```toml\n")[1].split("```")[0]
    callers = Access(settings(tmp_path, example)).callers
    assert [(who.name, who.max_concurrent, who.requests_per_minute) for who in callers] == [
        ("ada", 4, 0),
        ("reading-app", 0, 600),
    ]


def test_a_changed_file_is_read_again_once_a_second_has_passed(tmp_path: Path) -> None:
    clock = Clock()
    access = Access(settings(tmp_path, ADA), clock)
    settings(tmp_path, '[eve]\nkey = "the-key-of-eve"\n')
    assert access.identify(["the-key-of-ada"]).name == "ada"
    clock.now_s += 1
    assert access.identify(["the-key-of-eve"]).name == "eve"
    with pytest.raises(Unauthorized):
        access.identify(["the-key-of-ada"])


@pytest.mark.parametrize("broken", ["[ada", None])
def test_a_file_that_breaks_changes_nobody_and_is_told_of_once(
    tmp_path: Path, broken: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    access = Access(settings(tmp_path, ADA), clock)
    settings(tmp_path, broken)
    if broken is None:
        (tmp_path / "callers.toml").unlink()
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            clock.now_s += 1
            assert access.identify(["the-key-of-ada"]).name == "ada"
            assert access.callers.is_file_stale
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        settings(tmp_path, ADA)
        clock.now_s += 1
        assert access.identify(["the-key-of-ada"]).name == "ada"
        assert not access.callers.is_file_stale
    assert "the-key-of-ada" not in caplog.text


def test_who_leaves_the_file_and_comes_back_is_counted_on_while_something_is_under_way(tmp_path: Path) -> None:
    clock = Clock()
    one = ADA + "max_concurrent = 1\n"
    access = Access(settings(tmp_path, one), clock)
    leave = access.enter(access.identify(["the-key-of-ada"]))
    for text in ('[eve]\nkey = "the-key-of-eve"\n', one):
        settings(tmp_path, text)
        clock.now_s += 1
        access.identify(["the-key-of-eve" if "eve" in text else "the-key-of-ada"])
    ada = access.identify(["the-key-of-ada"])
    with pytest.raises(Exception, match="under way"):
        access.enter(ada)
    leave()
    access.enter(ada)


def test_every_key_is_compared_in_constant_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of three is found, and the other two are compared all the same."""
    access = Access(Settings(api_keys=ApiKeys("one, two, three")))
    compared: list[bytes] = []
    compare = hmac.compare_digest

    def count(sent: bytes, digest: bytes) -> bool:
        compared.append(digest)
        return compare(sent, digest)

    monkeypatch.setattr(hmac, "compare_digest", count)
    assert access.identify(["one"]).name == "#1"
    assert compared == [hashlib.sha256(key).digest() for key in (b"one", b"two", b"three")]


@pytest.mark.parametrize(
    ("headers", "keys"),
    [
        ({}, []),
        ({"authorization": "Bearer  a "}, ["a"]),
        ({"authorization": "bearer a", "xi-api-key": "b", "x-api-key": "c"}, ["b", "c", "a"]),
        ({"authorization": "Basic a"}, []),
        ({"authorization": "Bearer "}, []),
    ],
)
def test_keys_are_read_from_three_headers(headers: dict[str, str], keys: list[str]) -> None:
    assert sent_keys(headers) == keys
