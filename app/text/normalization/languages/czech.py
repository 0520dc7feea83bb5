"""Czech: the written forms that its grammar says differently from other languages."""

import re
from collections.abc import Iterator

from app.text.normalization.languages.czech_grammar import GRAMMAR, Czech
from app.text.normalization.rule import Rule, text_before
from app.text.normalization.rules import governed
from app.text.normalization.rules.dates import is_date, named_date_rules, year_rules
from app.text.normalization.rules.numbers import roman_value
from app.text.normalization.rules.order import ordered_rules

_FEMININE_NOUNS = re.compile(
    r"(?:kapitol|tříd|část|etap|séri|lig|řad|polovin|minut|hodin|stran|skupin|fáz|generac|knih|kategori|úrov|pozic|příčk|cen|"
    r"světov|směn|linc|link|hodnot|sezón|sezon|válk|brán|ulic)"
)
_NEUTER_NOUNS = re.compile(r"(?:století|patro|místo|kolo|výročí|vydání|pololetí|čtvrtletí|poschodí|podlaží|dítě)")
_LOCATIVE = ("v", "ve", "na", "po", "o", "při")
_GENITIVE = ("z", "ze", "do", "od", "u", "bez", "během", "kolem", "okolo", "podle", "vedle")


def rules() -> Iterator[Rule]:
    grammar = GRAMMAR
    return ordered_rules(
        grammar,
        words=[Rule("roman", re.compile(r"(?<![\w.])(?<![A-ZÁ-Ž][a-zá-ž] )([IVX]+)\.(?= [a-zá-ž])"), _arabic)],
        date_rules=_dates(grammar),
        time_rules=_times(grammar),
        amount_rules=[*_ordinals(grammar), *governed.rules(grammar, "od|do|kolem|okolo|bez|během", grammar.genitive)],
        year_rules=year_rules(grammar, after=r"(?! (?:korun|lidí|Kč|osob|obyvatel|kus))"),
    )


def _arabic(match: re.Match[str]) -> str | None:
    """`XX. století` as `20. století`, which the rule for ordinals reads. Behind a name it is a ruler's number."""
    if re.search(r"[A-ZÁ-Ž][\w'-]+ $", text_before(match)):
        return None
    value = roman_value(match[1])
    return f"{value}." if value else None


def _dates(grammar: Czech) -> Iterator[Rule]:
    spaced = re.compile(r"(?<![\w.,/-])(\d{1,2})\. ?(\d{1,2})\.(?: ?(\d{4}))?(?!\w|[.,]\d)")

    def say(match: re.Match[str]) -> str | None:
        day, month = int(match[1]), int(match[2])
        return grammar.date(day, month, int(match[3]) if match[3] else None) if is_date(day, month) else None

    yield from named_date_rules(
        grammar, more_months={"leden": 1, "únor": 2, "březen": 3, "duben": 4, "květen": 5, "červen": 6}
    )
    yield Rule("date", spaced, say)


def _times(grammar: Czech) -> Iterator[Rule]:
    """`v 8.30 hod.`, `od 8:00`: the preposition decides the case."""
    clock = re.compile(
        r"(?<![\w:.,])(?P<before>(?i:v|ve|od|do|kolem|okolo|bez) )?(?P<hour>[01]?\d|2[0-4])(?P<mark>[:.])(?P<minute>[0-5]\d)"
        r"(?P<unit> ?(?:hod\.?|hodin|h)(?!\w))?(?![\w:]|[.,]\d)"
    )

    def say(match: re.Match[str]) -> str | None:
        before = (match["before"] or "").strip().lower()
        if match["mark"] == "." and not match["unit"] and before not in ("v", "ve"):
            return None
        hour, minute = int(match["hour"]), int(match["minute"])
        if before in _GENITIVE:
            return (match["before"] or "") + grammar.genitive_time(hour, minute)
        spoken = grammar.time(hour, minute)
        if before and hour == 1:
            spoken = spoken.replace("jedna hodina", "jednu hodinu")
        return (match["before"] or "") + spoken

    yield Rule("time", clock, say)


def _ordinals(grammar: Czech) -> Iterator[Rule]:
    """`19. století`, `ve 3. patře`: a figure with a full stop before a word in small letters."""
    pattern = re.compile(r"(?<![\w.,])(\d{1,4})\.(?= (?!(?:a|i|nebo|ale) )[a-záčďéěíňóřšťúůýž])")

    def say(match: re.Match[str]) -> str:
        before = text_before(match).lower().split()[-1:]
        return grammar.ordinal(int(match[1]), _ending(before[0] if before else "", match.string[match.end() + 1 :]))

    yield Rule("ordinal", pattern, say)


def _ending(before: str, following: str) -> str:
    """The ending of a hard ordinal between a preposition and a noun or adjective."""
    noun = re.match(r"\w*", following)
    word = noun[0] if noun else ""
    if word in ("let", "letech", "letům"):
        return "ým" if word == "letům" else "ých"
    if word == "léta":
        return "á"
    is_feminine = _FEMININE_NOUNS.match(word) is not None
    if (before in _LOCATIVE and not word.endswith(("u", "í", "o", "a", "á"))) or (
        before in _LOCATIVE and word == "století"
    ):
        return "é" if is_feminine else "ém"
    if before in _LOCATIVE and not is_feminine and word.endswith("u"):
        return "ém"
    if before in _GENITIVE:
        return "é" if is_feminine else "ého"
    if word.endswith("ou") or (is_feminine and word.endswith("u")):
        return "ou"
    if is_feminine or word.endswith(("a", "á")):
        return "á"
    return "é" if _NEUTER_NOUNS.match(word) or word.endswith("é") else ""
