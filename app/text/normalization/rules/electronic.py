"""Web addresses, e-mail addresses, host names and file paths."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby

from app.text.normalization.grammar import Grammar
from app.text.normalization.rule import Rule

TOP_LEVEL = (
    "com|org|net|edu|gov|mil|int|info|biz|io|ai|app|dev|me|tv|eu|uk|us|ca|au|nz|de|at|ch|fr|be|nl|lu|it|es|pt|br|mx|ar|"
    "cl|co|pl|cz|sk|hu|ru|ua|tr|gr|ro|se|no|dk|fi|jp|cn|kr|in|sm|sa|ae|eg|il|za|sg|hk|tw"
)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_PATH = r"(?:[/?#][^\s<>\"“”„»，。、]*[^\s<>\"“”„»，。、.,;:!?)\]']|/)?"
URL = re.compile(
    r"\b(?:(?:https?|ftps?|file|wss?)://|www\.)[^\s<>\"“”„»，。、]*[^\s<>\"“”„»，。、.,;:!?)\]']", re.IGNORECASE
)
EMAIL = re.compile(rf"(?<![\w.])[\w.+!#$%&*=^~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})+{_PATH}")
HOST = re.compile(rf"(?<![\w@.-]){_LABEL}(?:\.{_LABEL})*\.(?:{TOP_LEVEL})\b(?![\w-]){_PATH}", re.IGNORECASE)
FILE = re.compile(
    r"(?<![\w./\\-])[\w-]{1,64}\.(?:jpe?g|png|gif|svg|pdf|csv|txt|docx?|xlsx?|pptx?|zip|html?|php|xml|json|mp3|mp4|wav|py|js|exe)"
    r"(?![\w.]*\w)",
    re.IGNORECASE,
)
PATH = re.compile(r"(?<![^\s(\"'])(?:[A-Za-z]:\\|~?/(?=[\w.]+/\w))[^\s<>\"]*", re.ASCII)
HANDLE = re.compile(r"(?<!\S)@[A-Za-z]\w*(?:\.\w+)*")


def say_address(grammar: Grammar, written: str) -> str:
    runs = ((kind, "".join(run)) for kind, run in groupby(written, _kind))
    return " ".join(word for kind, run in runs for word in _say_run(grammar, kind, run) if word)


def _kind(char: str) -> str:
    return "digits" if char.isdecimal() else "letters" if unicodedata.category(char)[0] in "LM" else "signs"


def _say_run(grammar: Grammar, kind: str, run: str) -> Iterator[str]:
    if kind == "digits":
        yield grammar.digits(run)
    elif kind == "letters":
        yield grammar.web_word(run)
    else:
        names = grammar.signs | grammar.web_signs
        yield from (names.get(sign, "" if unicodedata.category(sign).startswith("P") else sign) for sign in run)


def rules(grammar: Grammar) -> Iterator[Rule]:
    def say_host(match: re.Match[str]) -> str | None:
        is_abbreviation = f"{match[0]}." in grammar.abbreviations and match.string[match.end() :].startswith(".")
        return None if is_abbreviation else say_address(grammar, match[0])  # Polish `m.in.` is no host in India

    yield Rule("address", URL, lambda match: say_address(grammar, match[0]))
    yield Rule("address", EMAIL, lambda match: say_address(grammar, match[0]))
    yield Rule("address", HOST, say_host)
    yield Rule("address", FILE, lambda match: say_address(grammar, match[0]))
    yield Rule("address", PATH, lambda match: say_address(grammar, match[0].rstrip(".,;:!?)'")))
    yield Rule("address", HANDLE, lambda match: say_address(grammar, match[0]))
