"""`chorus normalize`: the words of every language, without weights."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import main


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("CHORUS_DATA", str(tmp_path))
    monkeypatch.setenv("CHORUS_ENGINE", "embedded")

    def run(*arguments: str, stdin: str = "", **environ: str) -> tuple[int, str, str]:
        ended = CliRunner().invoke(main, ["normalize", *arguments], input=stdin, env=environ)
        return ended.exit_code, ended.stdout, ended.stderr

    return run


def test_it_prints_what_is_said_and_each_change(run) -> None:  # type: ignore[no-untyped-def]
    status, printed, _ = run("--language", "de", "Das kostet 27,50 € heute.")
    assert status == 0
    assert printed.splitlines() == [
        "Das kostet siebenundzwanzig Euro fünfzig Cent heute.",
        "    money: '27,50 €' -> 'siebenundzwanzig Euro fünfzig Cent'",
    ]


def test_it_reads_standard_input_and_prints_the_object_of_the_route(run) -> None:  # type: ignore[no-untyped-def]
    _, printed, _ = run("--json", stdin="Hello 世界, 5 km.\n")
    form = json.loads(printed)
    assert form["segments"][0]["spoken"] == "Hello 世界, five kilometers."
    assert form["segments"][0]["unspoken"] == "世界"
    assert form["warnings"]


def test_it_uses_the_lexicon_and_warns_on_standard_error(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    words = tmp_path / "words.toml"
    words.write_text('[en]\nNginx = "engine x"\n')
    _, printed, errors = run("Nginx 世", CHORUS_LEXICON=str(words))
    assert printed.startswith("engine x 世\n    lexicon: 'Nginx' -> 'engine x'")
    assert "世" in errors


def test_an_unknown_language_lists_those_that_there_are(run) -> None:  # type: ignore[no-untyped-def]
    status, _, errors = run("--language", "sv", "hej")
    assert status == 1
    assert "zh-cn" in errors
