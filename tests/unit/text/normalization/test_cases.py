"""Written forms and their spoken forms, one table a language in `cases/`: kind, written, spoken, parted by tabs."""

from pathlib import Path

import pytest

from app.text.normalization import MODULES, spoken

CASES = Path(__file__).parent / "cases"
NO_PUBLIC_SUITE = ("cs", "nl", "pl", "tr")


def table(language: str) -> list[tuple[str, str, str]]:
    lines = (CASES / f"{language}.tsv").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(kind, written, said) for kind, written, said in rows]


LINES = [(language, *row) for language in MODULES if (CASES / f"{language}.tsv").exists() for row in table(language)]


@pytest.mark.parametrize(
    ("language", "kind", "written", "said"), LINES, ids=[f"{language}-{kind}-{row}" for language, kind, row, _ in LINES]
)
def test_a_written_form_is_read_as_a_speaker_reads_it(language: str, kind: str, written: str, said: str) -> None:
    assert spoken(written, language) == said


@pytest.mark.parametrize(
    ("language", "kind", "written", "said"), LINES, ids=[f"{language}-{kind}-{row}" for language, kind, row, _ in LINES]
)
def test_what_has_been_said_once_is_not_changed_again(language: str, kind: str, written: str, said: str) -> None:
    assert spoken(said, language) == said


@pytest.mark.parametrize("language", MODULES)
def test_every_language_has_a_table_with_its_sources_in_the_head(language: str) -> None:
    head = (CASES / f"{language}.tsv").read_text("utf-8").partition("\n")[0]
    assert head.startswith("# ") and "CLDR" in head
    assert len(table(language)) >= (80 if language in NO_PUBLIC_SUITE else 25)
