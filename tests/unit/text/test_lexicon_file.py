"""CHORUS_LEXICON: read at the start, read again when it changes, and never half read."""

import logging
import os
from pathlib import Path

import pytest

from app.errors import InvalidSetting
from app.text.lexicon import respell
from app.text.lexicon_file import LexiconFile

FILE = """
[en]
Nginx = "engine x"
GIF = { say = "jif", case_sensitive = true }

["*"]
Kaltura = "Kaltoora"

[zh]
"北京" = "beijing"

[voice.Harald.en]
Nginx = "in jinx"
"""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def said(file: LexiconFile, text: str, language: str = "en", voice: str | None = None) -> str:
    return respell(text, file.lexicons_for(language, voice))[0]


def test_words_of_a_voice_come_before_those_of_a_language_and_of_all(tmp_path: Path) -> None:
    path = tmp_path / "words.toml"
    path.write_text(FILE)
    file = LexiconFile(str(path))
    assert len(file) == 5
    assert said(file, "Nginx GIF gif Kaltura") == "engine x jif gif Kaltoora"
    assert said(file, "Nginx GIF", voice="harald") == "in jinx jif"
    assert said(file, "Nginx Kaltura", "de") == "Nginx Kaltoora"
    assert said(file, "Nginx", "en-gb") == "engine x"
    assert said(file, "北京", "zh-cn") == "beijing"


def test_without_a_file_nothing_is_replaced() -> None:
    file = LexiconFile("")
    assert file.lexicons_for("en") == []
    assert not file.is_stale


def test_a_changed_file_is_read_again_and_a_broken_one_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, clock = tmp_path / "words.toml", Clock()

    def write(text: str) -> None:
        path.write_text(text)
        os.utime(path, ns=(round(clock.now * 1e9) + 1, round(clock.now * 1e9) + 1))
        clock.now += 2

    write('[en]\nNginx = "engine x"')
    file = LexiconFile(str(path), clock=clock)
    write('[en]\nNginx = "in jinx"')
    assert said(file, "Nginx") == "in jinx"
    first = file.version
    with caplog.at_level(logging.ERROR):
        write("[en\nNginx = ")
        assert said(file, "Nginx") == "in jinx"
    assert file.is_stale
    assert "CHORUS_LEXICON" in caplog.text
    path.unlink()
    clock.now += 2
    assert said(file, "Nginx") == "in jinx"
    write('[en]\nNginx = "enn jinks"')
    assert said(file, "Nginx") == "enn jinks"
    assert not file.is_stale
    assert file.version != first


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not toml", "Invalid value|Expected|TOML|at line"),
        ('word = "outside"', "outside a table"),
        ("[en]\nword = 5", r"\[en\]"),
        ('[en]\nword = ""', r"\[en\].*is blank"),
        ('[en]\nword = { says = "x" }', r"\[en\]"),
        (f'[en]\nword = "{"x" * 300}"', r"\[en\].*200"),
        ('[voice]\nada = "x"', "outside a table"),
        ('[voice.ada.en]\n" " = "x"', r"\[voice.ada.en\].*blank"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_at_the_start_and_says_where(
    tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "words.toml"
    path.write_text(text)
    with pytest.raises(InvalidSetting, match=says) as failure:
        LexiconFile(str(path))
    assert failure.value.param == "CHORUS_LEXICON"


def test_a_missing_file_and_one_that_is_too_large_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="no such file"):
        LexiconFile(str(tmp_path / "none.toml"))
    large = tmp_path / "large.toml"
    large.write_text("#" * (17 * 1024 * 1024))
    with pytest.raises(InvalidSetting, match="larger than"):
        LexiconFile(str(large))
