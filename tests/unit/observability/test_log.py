"""No text of a caller can begin a line of the log, or steer the terminal that shows it."""

import json
import subprocess
import sys

import pytest

from app.observability.log import escape

FORGED = "\n13:00:00 ERROR   [-] forged"
CONTROLS = [
    *map(chr, range(32)),
    "\x7f",
    *map(chr, range(0x80, 0xA0)),
    "\u2028",
    "\u2029",
    "\u061c",
    "\u200e",
    "\u200f",
]
CONTROLS += [*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A)), "\ufeff", "\ud800", "\U000e0041"]


@pytest.mark.parametrize("char", CONTROLS, ids=ascii)
def test_no_character_that_steers_a_terminal_is_written_as_it_is(char: str) -> None:
    shown = escape(f"a{char}b")
    assert shown == f"a{ascii(char)[1:-1]}b"


def test_letters_of_every_script_are_written_as_they_are() -> None:
    assert escape("Grüße 声音 🎤 نورة 'quoted' \\n") == "Grüße 声音 🎤 نورة 'quoted' \\n"


def log_of(statements: str, log_format: str) -> list[str]:
    program = "import logging; from app.observability.log import configure_logging\n"
    program += f"configure_logging('info', '{log_format}')\n"
    done = subprocess.run([sys.executable, "-c", program + statements], capture_output=True, text=True, check=True)
    return done.stderr.split("\n")[:-1]


SAY = {
    "in a message": f"logging.info({'x' + FORGED!r})",
    "in an argument": f"logging.info('%s', {'x' + FORGED!r})",
    "in an exception": f"try:\n  raise ValueError({'x' + FORGED!r})\nexcept ValueError:\n  logging.exception('failed')",
    "in a warning": f"import warnings; warnings.warn({'x' + FORGED!r})",
    "beside a stack": f"logging.info({'x' + FORGED!r}, stack_info=True)",
}


@pytest.mark.parametrize("statements", SAY.values(), ids=SAY)
def test_a_line_break_begins_no_line_of_its_own(statements: str) -> None:
    lines = log_of(statements, "text")
    assert [line for line in lines if line[:1].isdigit()] == lines[:1]
    assert all(line.startswith("    ") for line in lines[1:])
    assert "forged" in "".join(lines)


@pytest.mark.parametrize("statements", SAY.values(), ids=SAY)
def test_an_object_of_the_log_is_one_line_of_ascii(statements: str) -> None:
    (line,) = log_of(statements.replace("forged", "forged\\x9b\\u2028\\u202e\\x7f"), "json")
    assert line.isascii()
    assert line.isprintable()
    assert "forged\x9b\u2028\u202e\x7f" in "".join(map(str, json.loads(line).values()))


def test_a_value_without_a_form_in_json_costs_no_line() -> None:
    statements = "logging.info('a \\ud800', extra={'fields': {'path': 'b \\udcff', 'odd': {1, 2}}})"
    (line,) = log_of(statements, "json")
    entry = json.loads(line)
    assert (entry["message"], entry["path"], entry["odd"]) == ("a \ud800", "b \udcff", "{1, 2}")
