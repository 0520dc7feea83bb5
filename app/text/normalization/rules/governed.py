"""Numbers behind a preposition that governs a case: `do 10 kg` is `do deseti kilogramů` in Czech."""

import re
from collections.abc import Callable, Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.quantities import UNITS
from app.text.normalization.rule import Rule, text_after
from app.text.normalization.rules.money import alternatives


def rules(grammar: Grammar, prepositions: str, genitive: Callable[[int, str], str]) -> Iterator[Rule]:
    """Whole numbers up to 100 and their units in the genitive, behind one of `prepositions` (a regular expression).

    `genitive(number, noun)` gives the number in words. The unit takes CLDR's form for five, which is the genitive
    plural in Slavic languages.
    """
    units = UNITS | grammar.units
    unit = rf"(?: ?(?P<unit>{alternatives(units)})(?![\w/²³^]))?"
    pattern = re.compile(
        rf"(?<!\w)(?P<before>(?i:{prepositions})) (?P<number>[1-9]\d?|100){unit}"
        r"(?=$|[,;)!?…]|\.$| [^\W\d])"
    )

    def say(match: re.Match[str]) -> str | None:
        number, following = int(match["number"]), text_after(match)
        if match["unit"] is None:
            return f"{match['before']} {genitive(number, following)}"
        unit = grammar.unit_name(units[match["unit"]], 5)
        if unit is None or number == 1:
            return None
        return f"{match['before']} {genitive(number, unit)} {unit}"

    yield Rule("number", pattern, say)
