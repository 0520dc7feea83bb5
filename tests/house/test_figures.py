"""Limits of the figures that `python -m tests.house.figures` prints."""

import ast
import statistics

import pytest

from tests.house import figures

MAX_DIALECT_LINES = 200
MAX_LINES = 300
MAX_MEDIAN_LINES = 90
MAX_NOUN_CLAUSES = 10


def test_no_source_file_is_longer_than_a_reader_can_hold() -> None:
    assert {path: lines for path, lines in figures.lines_of_app().items() if lines > MAX_LINES} == {}


def test_a_dialect_fits_on_few_pages() -> None:
    lines = {path: lines for path, lines in figures.lines_of_app().items() if path.startswith("app/http/dialects/")}
    assert len(lines) > 10
    assert {path: count for path, count in lines.items() if count > MAX_DIALECT_LINES} == {}


def test_the_median_source_file_is_short() -> None:
    assert statistics.median(figures.lines_of_app().values()) <= MAX_MEDIAN_LINES


def test_no_test_module_is_imported() -> None:
    """Helpers that several tests use lie in tests/support."""
    assert figures.imports_between_test_modules() == []


@pytest.mark.parametrize(
    "source", ["from tests.unit.test_a import b", "from tests.unit import test_a", "import tests.conftest as c"]
)
def test_each_form_of_an_import_of_a_test_module_is_found(source: str) -> None:
    assert figures.imported_test_modules(source) != []


def test_modules_of_app_import_each_other_in_no_circle() -> None:
    assert figures.import_circle() == []


@pytest.mark.slow
def test_docstrings_begin_with_the_thing_or_the_verb() -> None:
    found = figures.noun_clauses()
    assert len(found) <= MAX_NOUN_CLAUSES, found


def test_docstrings_of_modules_classes_functions_and_fields_are_found() -> None:
    source = '''"""Of a module."""
SIZE = 1
"""What a constant holds."""

class Box:
    """Who knows."""
    width: int
    """Where it ends."""

    def open(self):
        """Whether it opens."""
        return "What is no docstring"
'''
    assert [line for line, _ in figures.docstrings(ast.parse(source))] == [1, 3, 6, 8, 11]
    assert all(figures.NOUN_CLAUSE.match(text) for _, text in figures.docstrings(ast.parse(source)))
