"""The header `X-Chorus-Warnings`."""

from collections.abc import Sequence
from urllib.parse import quote

from app.errors import shortened

MAX_BYTES = 2000
"""Common proxies answer 502 to heads of more than 4 KiB; the other headers take up to 1 KiB."""
MAX_ALONE_CHARS = 100
"""Characters kept of a warning that is too long by itself; each takes up to twelve bytes percent-encoded."""

_ASCII = "".join(map(chr, range(32, 127))).replace("%", "")


def warnings_header(warnings: Sequence[str]) -> str:
    """The first `warnings` that fit into MAX_BYTES, separated by `; `; the rest is counted: `and 12 more`.

    `%` and characters beyond ASCII are percent-encoded.
    """
    value = ""
    for num_written, warning in enumerate(warnings):
        separator = "; " if value else ""
        rest = f"; and {len(warnings) - num_written - 1} more"
        encoded = quote(warning, safe=_ASCII)
        if not value and len(encoded) + len(rest) > MAX_BYTES:
            encoded = quote(shortened(warning, MAX_ALONE_CHARS), safe=_ASCII)
        if len(value) + len(separator) + len(encoded) + len(rest) > MAX_BYTES:
            return f"{value}; and {len(warnings) - num_written} more".strip(" ")
        value += separator + encoded
    return value.strip(" ")  # HTTP allows no blank at either end; a warning may begin with an empty field name
