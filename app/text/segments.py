"""Segments: the pieces of a text that an engine decodes one by one."""

from enum import StrEnum

import msgspec


class Boundary(StrEnum):
    """What ends a segment; the stitcher turns it into a pause."""

    CLAUSE = "clause"
    SENTENCE = "sentence"
    PARAGRAPH = "paragraph"


class Segment(msgspec.Struct, frozen=True):
    """One piece of text, decoded as one sequence."""

    index: int
    text: str
    boundary: Boundary
