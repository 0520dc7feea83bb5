"""Byte ranges (RFC 9110, 14): which bytes of a file a request asks for."""

import re

import msgspec

_BYTES = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)


class ByteRange(msgspec.Struct, frozen=True):
    """`first` and `last` byte, both included. Without `last` up to the end; without `first` the last `last` bytes."""

    first: int | None
    last: int | None

    @property
    def is_from_start_to_end(self) -> bool:
        return self.first == 0 and self.last is None

    def resolve(self, length: int) -> range | None:
        """The positions in a file of `length` bytes; None where the range holds none of them."""
        if self.first is None:
            first, stop = max(0, length - (self.last or 0)), length
        else:
            first, stop = self.first, length if self.last is None else min(length, self.last + 1)
        return range(first, stop) if first < stop else None


def parse_range(header: str | None) -> ByteRange | None:
    """The one range of bytes in a `Range` header.

    None without a header, and for other units, several ranges and malformed values, which get the whole file.
    """
    parts = _BYTES.fullmatch(header) if header else None
    if parts is None or not (parts[1] or parts[2]):
        return None
    first, last = (int(text) if text else None for text in parts.groups())
    if first is not None and last is not None and last < first:
        return None
    return ByteRange(first, last)
