"""Pauses that a caller writes into a text: `[pause 500ms]`, `[pause 1.5s]`.

Other markup reads a pause as digits between two private characters of Unicode, which are first removed from callers'
texts.
"""

import re

from app.text.markup.spans import Span, Warnings
from app.text.segments import Boundary

MAX_PAUSE_S = 10.0
MAX_TOTAL_S = 300.0
"""All pauses of one text: silence costs memory and time without costing the engine anything."""

_START, _END = "\ue000", "\ue001"
_WRITTEN = re.compile(r"\[pause[ \t]{1,4}(\d{1,9}(?:[.,]\d{0,9})?|[.,]\d{1,9})[ \t]?(ms|s)\]", re.IGNORECASE)
_DURATION = re.compile(r"\+?(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})(ms|s)")
_MARK = re.compile(f"{_START}([0-9]+){_END}")
_SENTENCE_END = re.compile(r"""[.!?…。！？।॥؟]["'”’»›」』）)\]]*$""")


def mark_pauses(text: str) -> str:
    text = text.replace(_START, "").replace(_END, "")
    return _WRITTEN.sub(lambda match: f"{_START}{round(_seconds(match[1], match[2]) * 1000)}{_END}", text)


def parse_duration(written: str) -> float | None:
    """Seconds of `500ms` or `1.5s`; None for anything else."""
    match = _DURATION.fullmatch(written.strip())
    return _seconds(match[1], match[2]) if match else None


def split_at_pauses(text: str, warnings: Warnings, budget: "PauseBudget") -> list[Span]:
    """Spans that end at the marks. The last one has no pause; pauses next to each other are one."""
    pieces = _MARK.split(text)
    spans: list[Span] = []
    wanted_s, piece = 0.0, pieces[0]
    for milliseconds, following in zip(pieces[1::2], pieces[2::2], strict=True):
        wanted_s += int(milliseconds) / 1000
        if following.strip():
            spans.append(Span(text=piece, boundary=end_of(piece), pause_s=budget.take(wanted_s, warnings)))
            wanted_s, piece = 0.0, following
    if len(pieces) > 1 and not pieces[-1].strip():
        return [*spans, Span(text=piece, boundary=end_of(piece), pause_s=budget.take(wanted_s, warnings))]
    return [*spans, Span(text=piece)]


def end_of(text: str) -> Boundary:
    return Boundary.SENTENCE if _SENTENCE_END.search(text[-20:].rstrip()) else Boundary.CLAUSE


class PauseBudget:
    def __init__(self) -> None:
        self._left_s = MAX_TOTAL_S

    def take(self, wanted_s: float, warnings: Warnings, *, before_s: float = 0.0) -> float:
        """Seconds granted of `wanted_s`, behind a pause of `before_s` at the same place."""
        if wanted_s + before_s > MAX_PAUSE_S:
            warnings.add(f"a pause is at most {MAX_PAUSE_S:g} s: {{}} is shortened", f"{wanted_s + before_s:g} s")
        given_s = min(wanted_s, MAX_PAUSE_S - before_s)
        if given_s > self._left_s:
            warnings.add(f"the pauses of a text are at most {MAX_TOTAL_S:g} s in all: later ones are shortened")
            given_s = self._left_s
        self._left_s -= given_s
        return before_s + given_s


def _seconds(amount: str, unit: str) -> float:
    return float(amount.replace(",", ".")) / (1000 if unit.lower() == "ms" else 1)
