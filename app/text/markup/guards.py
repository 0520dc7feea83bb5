"""Facts about lines that tell markup from plain text.

`1986. A great year` is no list, a dash inside a wrapped sentence begins no item, `>_<` is no quotation.
"""

import re
from bisect import bisect_right
from itertools import accumulate

_ITEM = re.compile(r"(?P<indent>[ \t>]*)(?:(?P<bullet>[-+*])|(?P<number>\d{1,3})(?P<mark>[.)]))(?=\s|$)")
_TILDES = re.compile(r"[ \t>]*~{3,}[ \t]*$")
_NEAR = 50
"""Most lines between two items of one list."""
_QUOTE = re.compile(r">(?:[ \t\n>]|$|[\w\"'“«„‘(\[*_#`¿¡])")
_FACE = re.compile(r">[_.]+<")
_ADDRESS = re.compile(r"\[[^\]\n]{1,300}\]:[ \t]*(?:<[^<>\n]*>|\S*(?:[/:#@]|\.\w)\S*)(?:[ \t]|$)")


class Lines:
    """The lines of one text, numbered from 0. Reading them takes linear time, each question constant time."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._starts = list(accumulate((len(line) + 1 for line in self._lines), initial=0))
        self._items_with_siblings: set[int] = set()
        self._tilde_lines: list[int] = []
        last: dict[tuple[str, str], tuple[int, int]] = {}
        for number, line in enumerate(self._lines):
            if _TILDES.match(line):
                self._tilde_lines.append(number)
            item = _ITEM.match(line)
            if item is None:
                continue
            kind = (item["indent"], item["bullet"] or item["mark"])
            counted = int(item["number"] or 0)
            before, counted_before = last.get(kind, (-_NEAR - 1, 0))
            follows = bool(item["bullet"]) or counted == counted_before + 1 or counted == counted_before == 1
            if follows and number - before <= _NEAR:
                self._items_with_siblings |= {before, number}
            last[kind] = number, counted

    def begins_list(self, number: int, at: int, text: str, *, interrupts: bool) -> bool:
        """True if a list may begin in a line; `interrupts` where the line before it is text of a paragraph.

        `at` is the place in `text` where the line begins behind its containers.
        """
        found = _ITEM.match(text, at)
        if found is None:
            return False  # a number of four digits and more is a year
        item = _ITEM.match(self._lines[number])
        if item is None or at != self._starts[number] + len(item["indent"]):
            return bool(found["bullet"])  # an item that begins in the line of another one
        has_sibling = number in self._items_with_siblings
        if item["number"]:
            return has_sibling
        counts = self._lines[number][item.end() :].lstrip()[:1].isdigit() and item["bullet"] != "*"
        if counts and not has_sibling:
            return False  # `- 5 °C`
        before = self._lines[number - 1] if interrupts else ""
        return not interrupts or has_sibling or before.rstrip().endswith((":", "：")) or bool(_ITEM.match(before))

    def begins_quote(self, at: int, text: str) -> bool:
        """`at` is the place in `text` where the line begins behind its containers."""
        return bool(_QUOTE.match(text, at)) and not _FACE.match(text, at)

    def closes_tildes(self, number: int) -> bool:
        """True if a row of tildes after a line could close the one that stands there."""
        return bisect_right(self._tilde_lines, number) < len(self._tilde_lines)

    def defines_link(self, number: int) -> bool:
        """True if a line such as `[1]: https://example.com` names an address and no plain word."""
        return bool(_ADDRESS.match(self._lines[number].lstrip(" \t>")))
