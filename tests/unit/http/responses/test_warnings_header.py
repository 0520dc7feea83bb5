"""X-Chorus-Warnings is short, loses no count, and can be read back."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http.responses.warnings_header import MAX_BYTES, warnings_header


def test_a_few_warnings_are_written_whole() -> None:
    assert warnings_header(["seed has no effect"]) == "seed has no effect"
    assert unquote(warnings_header(["100 % of 世界", "b"])) == "100 % of 世界; b"


def test_a_warning_about_a_field_without_a_name_is_a_valid_header() -> None:
    """HTTP allows no blank at either end of a value, and a server must not send one."""
    assert warnings_header([" has no effect", "b "]) == "has no effect; b"
    assert warnings_header([" "]) == ""


def test_what_does_not_fit_is_counted() -> None:
    written = [f"segment {number} did not end by itself and was cut" for number in range(220)]
    parts = warnings_header(written).split("; ")
    assert parts[:-1] == written[: len(parts) - 1]
    assert parts[-1] == f"and {220 - (len(parts) - 1)} more"
    assert MAX_BYTES - 60 < len(warnings_header(written)) <= MAX_BYTES


@pytest.mark.parametrize("length", range(MAX_BYTES - 40, MAX_BYTES + 40))
def test_one_long_warning_is_shortened_and_not_left_out(length: int) -> None:
    value = warnings_header(["x" * length, "y"])
    assert value.startswith("x" * 40)
    assert value.endswith(("; y", "; and 1 more"))
    assert len(value) <= MAX_BYTES


@given(st.lists(st.text(min_size=1, max_size=700), max_size=30))
def test_the_header_is_short_ascii_whatever_the_warnings_are(warnings: list[str]) -> None:
    warnings = [warning.encode("utf-8", "replace").decode() for warning in warnings]
    value = warnings_header(warnings)
    assert len(value) <= MAX_BYTES
    assert value.isascii()
    assert value.isprintable()
