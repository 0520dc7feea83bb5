import re
import unicodedata
from collections.abc import Callable, Iterable

import msgspec

_NEIGHBOURHOOD = 40

Say = Callable[[re.Match[str]], str | None]
"""The spoken form of a match. None leaves the text to later rules."""


class Rule(msgspec.Struct, frozen=True):
    kind: str
    """such as `money`; shown by `chorus normalize`"""
    pattern: re.Pattern[str]
    say: Say

    def with_ascii_boundaries(self) -> "Rule":
        """The same rule in which only ASCII letters are letters, so that a number that touches `元` has an end."""
        flags = self.pattern.flags & ~re.UNICODE | re.ASCII
        return Rule(self.kind, re.compile(self.pattern.pattern, flags), self.say)


def text_before(match: re.Match[str]) -> str:
    """Up to 40 characters before a match; the whole text before each of its numbers would be quadratic."""
    return match.string[max(0, match.start() - _NEIGHBOURHOOD) : match.start()]


def text_after(match: re.Match[str]) -> str:
    """Up to 40 characters behind a match, without leading blanks."""
    return match.string[match.end() : match.end() + _NEIGHBOURHOOD].lstrip()


class Change(msgspec.Struct, frozen=True):
    """One replacement by a rule."""

    kind: str
    written: str
    spoken: str


def apply_rules(text: str, rules: Iterable[Rule]) -> tuple[str, list[Change]]:
    """Apply the rules in order; no rule sees the words of an earlier one again."""
    changes: list[Change] = []

    def replace(rule: Rule, match: re.Match[str]) -> str:
        spoken = rule.say(match)
        if spoken is None or spoken == match[0]:
            return match[0]
        changes.append(Change(rule.kind, match[0], spoken))
        return _spaced(match, spoken)

    for rule in rules:
        text = rule.pattern.sub(lambda match, rule=rule: replace(rule, match), text)
    return text, changes


def _spaced(match: re.Match[str], spoken: str) -> str:
    """A space between the words and a letter or digit that touched the written form, except in unspaced scripts."""
    before = match.string[match.start() - 1 : match.start()]
    after = match.string[match.end() : match.end() + 1]
    if _needs_space(before, spoken[:1]):
        spoken = " " + spoken
    if _needs_space(spoken[-1:], after):
        spoken += " "
    return spoken


def _needs_space(left: str, right: str) -> bool:
    return _is_of_word(left) and _is_of_word(right) and not (_is_cjk(left) or _is_cjk(right))


def _is_of_word(char: str) -> bool:
    """True for a letter, a digit, and a vowel sign of Hindi or a mark of Arabic."""
    return bool(char) and (char.isalnum() or unicodedata.category(char)[0] == "M")


def _is_cjk(char: str) -> bool:
    """Chinese, Japanese and Korean characters, whose words are not parted by what stands beside a number."""
    return "\u3040" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7a3" or "\uff66" <= char <= "\uff9f"
