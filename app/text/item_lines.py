"""Items of lists, rows of tables and headings in text that comes in pieces: each becomes a paragraph of its own.

Sentence by sentence, Markdown cannot see an item's neighbours, so lines are told apart here while the text comes in.
The result does not depend on how the text is cut.
"""

import re

_BULLET = re.compile(r"[ \t]*[-*+•][ \t]+(?=\S)")
_NUMBER = re.compile(r"[ \t]*(\d{1,3})[.)][ \t]+(?=\S)")
_HEADING = re.compile(r"[ \t]{0,3}#{1,6}[ \t]+(?=\S)")
_UNDECIDED = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)]?|#{1,6}|`{1,2}|~{1,2})?[ \t]*")
"""The beginning of a line that may go on to be one of these."""
_ROW = re.compile(r"[ \t]*\|(.*)\|[ \t]*\n?")
_RULE_CELL = re.compile(r"[ \t]*:?-+:?[ \t]*")
_FENCE = re.compile(r"[ \t]*(?:```|~~~)")
_MAX_ROW_CHARS = 2_000
"""A longer line is no row: it would be held for ever."""


class ItemLines:
    """The text of one conversation, in order."""

    def __init__(self) -> None:
        self._held = ""
        """the beginning of a line that is not decided yet"""
        self._is_line_start = True
        self._is_after_colon = False
        """whether the last line with text ends with one"""
        self._is_after_blank = True
        self._in_list = False
        self._in_table = False
        self._number = 0
        """of the last numbered item, or of a line that may be the first one"""
        self._is_heading = False
        self._in_fence = False

    def feed(self, text: str) -> str:
        """Add text; return what is decided now."""
        return self._decided(self._held + text, is_end=False)

    def flush(self) -> str:
        """The rest."""
        return self._decided(self._held, is_end=True)

    def _decided(self, text: str, *, is_end: bool) -> str:
        decided: list[str] = []
        at, self._held = 0, ""
        while at < len(text):
            line_end = text.find("\n", at) + 1 or len(text)
            line = text[at:line_end]
            if self._is_line_start:
                is_whole = line.endswith("\n") or is_end
                if not is_whole and self._is_undecided(line):
                    self._held = line
                    break
                line = self._at_line_start(line)
            decided.append(self._at_line_end(line))
            at = line_end
        return "".join(decided)

    def _is_undecided(self, line: str) -> bool:
        is_row = line.lstrip(" \t").startswith("|") and len(line) <= _MAX_ROW_CHARS
        return is_row or _UNDECIDED.fullmatch(line) is not None

    def _at_line_start(self, line: str) -> str:
        """The line with an empty line before it, where it begins an item, a row or a heading."""
        if not line.strip():
            self._is_after_blank = True
            return line
        was_after_blank, self._is_after_blank = self._is_after_blank, False
        if _FENCE.match(line):
            self._in_fence = not self._in_fence
        if self._in_fence:
            return line
        begins_list = self._in_list or was_after_blank or self._is_after_colon
        was_in_table, self._in_table = self._in_table, False
        if (match := _BULLET.match(line)) and begins_list and (self._in_list or not line[match.end()].isdigit()):
            self._in_list = True
            return f"\n\n* {line[match.end() :]}"
        if match := _NUMBER.match(line):
            number, follows = int(match[1]), int(match[1]) == self._number + 1
            is_item = follows and (number > 1 or self._is_after_colon)
            self._number = number if follows or number == 1 else 0
            self._in_list = self._in_list or is_item
            return f"\n\n{number}: {line[match.end() :]}" if is_item else line
        if (match := _ROW.fullmatch(line)) and len(line) <= _MAX_ROW_CHARS:
            cells = [cell.strip() for cell in match[1].split("|")]
            if any(cells) and (len(cells) > 1 or was_in_table):
                self._in_table = True
                is_rule = all(map(_RULE_CELL.fullmatch, cells))
                return "\n" if is_rule else f"\n\n{', '.join(filter(None, cells))}\n"
        if _HEADING.match(line):
            self._is_heading = True
            return f"\n\n{line}"
        if was_after_blank:
            self._in_list, self._number = False, 0
        return f"\n\n{line}" if was_in_table else line

    def _at_line_end(self, line: str) -> str:
        self._is_line_start = line.endswith("\n")
        if text := line.rstrip():
            self._is_after_colon = text.endswith((":", "："))
        if self._is_heading and self._is_line_start:
            self._is_heading = False
            return f"{line}\n"
        return line
