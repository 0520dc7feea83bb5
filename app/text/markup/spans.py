"""Spans of plain text, each with its language, its rate and the pause after it."""

from collections.abc import Iterable, Sequence

import msgspec

from app.text.segments import Boundary

MIN_RATE, MAX_RATE = 0.5, 2.0


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Plain text in one language and at one rate. An empty line in it separates paragraphs."""

    text: str
    language: str | None = None
    """canonical code; None: that of the request"""
    rate: float = 1.0
    """multiplies the speed of the request; MIN_RATE to MAX_RATE"""
    boundary: Boundary = Boundary.PARAGRAPH
    pause_s: float | None = None
    """silence after the span instead of the pause of its boundary"""


class MarkedText(msgspec.Struct, frozen=True):
    """A text without its markup. `warnings` name what has no effect or is not spoken, each once."""

    spans: tuple[Span, ...]
    warnings: tuple[str, ...] = ()


class Warnings:
    """Distinct warnings of one text, in order of appearance. Names of one kind share a sentence."""

    MAX_NAMES = 8

    def __init__(self) -> None:
        self._names: dict[str, dict[str, None]] = {}

    def add(self, sentence: str, name: str = "") -> None:
        """`{}` in `sentence` is replaced by all names that were added with it."""
        names = self._names.setdefault(sentence, {})
        if name and len(names) <= self.MAX_NAMES:
            names[name if len(name) <= 40 else f"{name[:39]}…"] = None

    def sentences(self) -> tuple[str, ...]:
        return tuple(sentence.replace("{}", self._listed(tuple(names))) for sentence, names in self._names.items())

    def _listed(self, names: Sequence[str]) -> str:
        return ", ".join(names[: self.MAX_NAMES]) + (", …" if len(names) > self.MAX_NAMES else "")


def without_blanks(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The spans that hold text or a pause."""
    return tuple(span for span in spans if span.pause_s is not None or span.text.strip())
