import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

from app.errors import InvalidSetting
from app.setting_values import Marks
from app.settings import Settings, load_settings


def test_nothing_set_gives_the_defaults() -> None:
    assert load_settings({"PATH": "/bin", "HOME": "/"}) == Settings()


def test_values_are_read_in_their_types() -> None:
    settings = load_settings({"CHORUS_PORT": "9000", "CHORUS_DATA": "/data", "CHORUS_REQUEST_TIMEOUT_S": "1.5"})
    assert (settings.port, settings.data, settings.request_timeout_s) == (9000, Path("/data"), 1.5)


def test_the_command_line_wins_and_none_means_not_given() -> None:
    settings = load_settings({"CHORUS_PORT": "9000", "CHORUS_HOST": "::1"}, port=1, host=None)
    assert (settings.port, settings.host) == (1, "::1")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CHORUS_PROT", "1", "did you mean CHORUS_PORT?"),
        ("CHORUS_QQQ", "1", "known are CHORUS_ENGINE"),
        ("CHORUS_PORT", "eighty", "CHORUS_PORT='eighty' does not fit"),
        ("CHORUS_PORT", "70000", "<= 65535"),
        ("CHORUS_ENGINE", "festival", "festival"),
        ("CHORUS_MAX_QUEUE", "-1", ">= 0"),
    ],
)
def test_what_does_not_fit_is_an_error_that_names_it(name: str, value: str, says: str) -> None:
    with pytest.raises(InvalidSetting) as error:
        load_settings({name: value})
    assert says in str(error.value)
    assert error.value.param == name


def test_keys_are_split_and_never_shown() -> None:
    settings = load_settings({"CHORUS_API_KEYS": " one-key , ,another "})
    assert settings.api_keys.values == ("one-key", "another")
    assert "one-key" not in f"{settings!r} {settings.api_keys} {settings.api_keys!r}"
    assert not load_settings({"CHORUS_API_KEYS": " , "}).api_keys
    for text in ("blank inside", "n\u00f6n-ascii"):
        with pytest.raises(InvalidSetting) as caught:
            load_settings({"CHORUS_API_KEYS": text})
        assert "CHORUS_API_KEYS=(hidden)" in str(caught.value)
        assert text not in str(caught.value)


@pytest.mark.parametrize(("text", "shown"), [("metadata", "metadata"), (" Metadata ,", "metadata"), ("OFF", "off")])
def test_marks_are_named_or_off(text: str, shown: str) -> None:
    marks = load_settings({"CHORUS_MARKS": text}).marks
    assert str(marks) == marks.shown == shown
    assert marks.in_force == (() if shown == "off" else (shown,))


@pytest.mark.parametrize("text", ["", ",", "none", "0", "off,metadata", "metadata,watermark", "c2pa", "auto,metadata"])
def test_marks_that_do_not_exist_are_refused_with_those_that_do(text: str) -> None:
    with pytest.raises(InvalidSetting, match="write auto, metadata, metadata,c2pa or off") as refused:
        load_settings({"CHORUS_MARKS": text})
    assert refused.value.param == "CHORUS_MARKS"


def test_auto_signs_where_the_package_is_and_asking_for_it_elsewhere_names_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package = ModuleType("c2pa")
    package.__spec__ = ModuleSpec("c2pa", None)
    monkeypatch.setitem(sys.modules, "c2pa", package)
    marks = load_settings({"CHORUS_MARKS": "C2PA, metadata"}).marks
    assert (str(marks), marks.shown) == ("metadata,c2pa", "metadata,c2pa")
    assert (str(Marks()), Marks().shown) == ("auto", "metadata,c2pa")
    monkeypatch.setitem(sys.modules, "c2pa", None)
    assert (str(Marks()), Marks().shown) == ("auto", "metadata")
    with pytest.raises(InvalidSetting, match="c2pa needs a package: `make c2pa`"):
        load_settings({"CHORUS_MARKS": "metadata,c2pa"})
