"""Range headers, and the bytes that they name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http.responses.ranges import ByteRange, parse_range

WHOLE = bytes(range(10))


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-1", WHOLE[0:2]),
        ("bytes=0-0", WHOLE[0:1]),
        ("bytes=0-", WHOLE),
        ("bytes=3-", WHOLE[3:]),
        ("bytes=9-9", WHOLE[9:]),
        ("bytes=9-", WHOLE[9:]),
        ("bytes=3-99", WHOLE[3:]),
        ("bytes=-1", WHOLE[-1:]),
        ("bytes=-10", WHOLE),
        ("bytes=-99", WHOLE),
        ("BYTES= 2-3 ", WHOLE[2:4]),
        ("bytes=10-", None),
        ("bytes=10-11", None),
        ("bytes=-0", None),
    ],
)
def test_a_range_names_bytes_of_a_file_or_none(header: str, part: bytes | None) -> None:
    wanted = parse_range(header)
    assert wanted is not None
    positions = wanted.resolve(len(WHOLE))
    assert (positions and WHOLE[positions.start : positions.stop]) == part


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=2-1", "bytes=1", "bytes=--1", "bytes=1--2"),
        *(
            "lines=0-1",
            "bytes=0-1,3-4",
            "bytes=0-1, -1",
            "bytes =0-1",
            "bytes=٣-٤",
            f"bytes=0-{'9' * 5000}",
            "bytes=+1-2",
        ),
    ],
)
def test_what_is_no_single_range_of_bytes_means_the_whole_file(header: str | None) -> None:
    assert parse_range(header) is None


@given(st.integers(0, 30) | st.none(), st.integers(0, 30) | st.none(), st.integers(1, 20))
def test_a_range_never_leaves_the_file(first: int | None, last: int | None, length: int) -> None:
    positions = ByteRange(first, last).resolve(length) if (first, last) != (None, None) else None
    assert positions is None or 0 <= positions.start < positions.stop <= length
