"""Times of the day and durations: `10:30`, `17h30`, `1:02:03`."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.rule import Rule

CLOCK = re.compile(r"(?<![\w:.,])(\d{1,2}):([0-5]\d)(?::([0-5]\d))?(?![\w:]|[.,]\d)")


def rules(grammar: Grammar) -> Iterator[Rule]:
    def say(match: re.Match[str]) -> str | None:
        hour, minute = int(match[1]), int(match[2])
        second = int(match[3]) if match[3] else None
        return grammar.time(hour, minute, second) if hour <= 24 else None

    yield Rule("time", CLOCK, say)
