"""SSML, the part that docs/text.md lists: https://www.w3.org/TR/speech-synthesis11/.

The words of other elements are spoken, with a warning. Document types, and with them entities, are refused.
"""

import math
import re
from collections.abc import Sequence
from xml.parsers import expat

import msgspec

from app.errors import InvalidMarkup
from app.text.languages import match_language
from app.text.markup.pauses import PauseBudget, end_of, mark_pauses, parse_duration, split_at_pauses
from app.text.markup.say_as import say_as
from app.text.markup.spans import MAX_RATE, MIN_RATE, Span, Warnings
from app.text.segments import Boundary

MAX_DEPTH = 100
STRENGTHS_S = {"none": 0.0, "x-weak": 0.1, "weak": 0.25, "medium": 0.5, "strong": 0.8, "x-strong": 1.2}
"""`<break>` defines no lengths for these; they lie around the pauses between clauses and paragraphs."""
RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.5}
_KNOWN = frozenset(
    ("speak", "p", "s", "paragraph", "sentence", "break", "sub", "say-as", "lang", "prosody", "w", "token")
)
_ENDS = {
    "p": Boundary.PARAGRAPH,
    "paragraph": Boundary.PARAGRAPH,
    "s": Boundary.SENTENCE,
    "sentence": Boundary.SENTENCE,
}
_PERCENT = re.compile(r"([+-]?)(\d{1,6}(?:\.\d{0,6})?)%")
_FACTOR = re.compile(r"\d{1,6}(?:\.\d{0,6})?")
_SURROGATES = re.compile("[\ud800-\udfff]")


class _Element(msgspec.Struct, frozen=True):
    language: str
    rate: float
    attributes: dict[str, str] = {}


def read_ssml(
    text: str, warnings: Warnings, budget: PauseBudget, *, language: str, languages: Sequence[str]
) -> list[Span]:
    """Raises InvalidMarkup with line and column."""
    reader = _Reader(warnings, budget, language, languages)
    try:
        reader.parser.Parse(_SURROGATES.sub("", text.lstrip("\ufeff \t\r\n")), True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise InvalidMarkup(
            f"the SSML cannot be read: {reason}{_at(error.lineno, error.offset)}", param="text"
        ) from error
    reader.flush(Boundary.PARAGRAPH)
    return reader.spans


def _at(line: int, column: int) -> str:
    return f" (line {line}, column {column + 1})"


class _Reader:
    """Receives the parser's events. Every element has a language and a rate, its own or its parent's."""

    def __init__(self, warnings: Warnings, budget: PauseBudget, language: str, languages: Sequence[str]) -> None:
        self.spans: list[Span] = []
        self._warnings = warnings
        self._budget = budget
        self._language = language
        self._languages = languages
        self._open = [_Element(language, 1.0)]
        self._text: list[str] = []
        self._replaced_depth = 0
        """of the open `<sub>` or `<say-as>`, whose content is replaced; 0 without one"""
        self._replaced_from = 0
        """index in `_text` where its content begins"""
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text.append
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype

    def flush(self, boundary: Boundary | None = None) -> None:
        """End the current span. Without a `boundary` its last character decides."""
        text = " ".join("".join(self._text).split())
        self._text.clear()
        if not text:
            # Nothing stands between the last span and `boundary`, which ends that span too.
            if boundary and self.spans and self.spans[-1].boundary is not Boundary.PARAGRAPH:
                self.spans[-1] = msgspec.structs.replace(self.spans[-1], boundary=boundary)
            return
        element = self._open[-1]
        *spans, last = split_at_pauses(mark_pauses(text), self._warnings, self._budget)
        language = None if element.language == self._language else element.language
        for span in (*spans, msgspec.structs.replace(last, boundary=boundary or end_of(last.text))):
            self.spans.append(msgspec.structs.replace(span, language=language, rate=element.rate))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) == 1 and name != "speak":
            raise self._error(f"the outermost element is <{name[:40]}> and must be <speak>")
        if len(self._open) > MAX_DEPTH:
            raise self._error(f"elements are nested more than {MAX_DEPTH} deep")
        parent = self._open[-1]
        if self._replaced_depth:
            self._open.append(parent)
            return
        if name not in _KNOWN:
            self._warnings.add("SSML that has no effect: {}", f"<{name}>")
        rate = self._rate(attributes, parent.rate) if name == "prosody" else parent.rate
        element = _Element(self._language_of(attributes, parent.language), rate, attributes)
        if name in _ENDS:
            self.flush(_ENDS[name])
        elif _is_other(element, parent):
            self.flush()
        self._open.append(element)
        if name == "break":
            self._pause(attributes)
        elif name in ("sub", "say-as"):
            self._replaced_depth, self._replaced_from = len(self._open), len(self._text)

    def _end(self, name: str) -> None:
        element, parent = self._open[-1], self._open[-2]
        if self._replaced_depth == len(self._open):
            content = "".join(self._text[self._replaced_from :])
            del self._text[self._replaced_from :]
            self._text.append(
                element.attributes.get("alias", content) if name == "sub" else self._said(content, element)
            )
            self._replaced_depth = 0
        if name in _ENDS and not self._replaced_depth:
            self.flush(_ENDS[name])
        elif _is_other(element, parent):
            self.flush()
        self._open.pop()

    def _said(self, content: str, element: _Element) -> str:
        kind = element.attributes.get("interpret-as", "")
        words = say_as(content, kind, element.attributes.get("format", ""), element.language)
        if words is None:
            self._warnings.add("read as written, because it is no such kind: {}", f"<say-as> {kind} {content.strip()}")
        return content if words is None else words

    def _pause(self, attributes: dict[str, str]) -> None:
        self.flush()
        wanted_s = self._seconds(attributes)
        if not self.spans:
            self.spans.append(Span(text="", pause_s=0.0))
        last = self.spans[-1]
        pause_s = self._budget.take(wanted_s, self._warnings, before_s=last.pause_s or 0.0)
        self.spans[-1] = msgspec.structs.replace(last, pause_s=pause_s)

    def _seconds(self, attributes: dict[str, str]) -> float:
        strength = attributes.get("strength", "medium")
        if "time" in attributes:
            seconds = parse_duration(attributes["time"])
            if seconds is not None:
                return seconds
            self._warnings.add("no time such as 500ms or 1.5s: {}", f'<break time="{attributes["time"]}">')
        elif strength not in STRENGTHS_S:
            self._warnings.add(f"known strengths are {', '.join(STRENGTHS_S)}, not {{}}", strength)
        return STRENGTHS_S.get(strength, STRENGTHS_S["medium"])

    def _language_of(self, attributes: dict[str, str], inherited: str) -> str:
        if not (code := attributes.get("xml:lang")):
            return inherited
        language = match_language(code, self._languages)
        if language is None:
            self._warnings.add(f"spoken in {inherited!r}, because the engine does not speak {{}}", code)
        return language or inherited

    def _rate(self, attributes: dict[str, str], inherited: float) -> float:
        for name in attributes:
            if name != "rate" and not name.startswith("xml"):
                self._warnings.add("SSML that has no effect: {}", f"<prosody {name}>")
        written = attributes.get("rate", "default").strip()
        rate = parse_rate(written)
        if rate is None:
            self._warnings.add("no rate such as slow or 80%: {}", f'<prosody rate="{written}">')
            return inherited
        wanted = inherited * rate
        given = min(max(wanted, MIN_RATE), MAX_RATE)
        if not math.isclose(wanted, given):
            self._warnings.add(f"a rate is {MIN_RATE:.0%} to {MAX_RATE:.0%}: {{}} is bounded", written)
        return given

    def _refuse_doctype(self, name: str, system_id: str | None, public_id: str | None, has_subset: bool) -> None:
        raise self._error("a document type (<!DOCTYPE ...>) is not accepted: leave it out")

    def _error(self, reason: str) -> InvalidMarkup:
        where = _at(self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber)
        return InvalidMarkup(f"the SSML cannot be read: {reason}{where}", param="text")


def parse_rate(written: str) -> float | None:
    """The factor of `slow`, `80%`, `+20%` or `1.2`; None for anything else."""
    if written in RATES:
        return RATES[written]
    if match := _PERCENT.fullmatch(written):
        share = float(match[2]) / 100
        return {"+": 1 + share, "-": 1 - share, "": share}[match[1]]
    return float(written) if _FACTOR.fullmatch(written) else None


def _is_other(element: _Element, parent: _Element) -> bool:
    return (element.language, element.rate) != (parent.language, parent.rate)
