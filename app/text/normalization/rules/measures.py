"""Numbers with units: `5 km`, `20°C`, `16GB`, `50 %`, `12 kg/m³`."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.quantities import UNITS
from app.text.normalization.rule import Rule
from app.text.normalization.rules.money import alternatives

_NEEDS_A_NUMBER_TIGHT = frozenset("BKANVWJ")
"""Units of one capital letter: read so only where they touch their number (`5V`, but not `Plan 5 A`)."""


def rules(grammar: Grammar) -> Iterator[Rule]:
    own = grammar.units | {symbol: symbol for symbol in grammar.unit_words}
    units = UNITS | own
    written = units | {symbol.replace("²", "2").replace("³", "3"): key for symbol, key in units.items()}
    written |= {symbol.replace("²", "^2").replace("³", "^3"): key for symbol, key in units.items()}
    written |= {symbol.replace("°", "° "): key for symbol, key in units.items() if symbol.startswith("°")}
    magnitude = rf"(?:\s?(?P<magnitude>{alternatives(grammar.magnitudes)})(?!\w))?"
    rate = re.compile(rf"(?<=[^\W\d_])/(?P<unit>{alternatives(written | grammar.rates)})(?!\w)")
    elided = r"|'\w" if grammar.elides else ""
    pattern = re.compile(
        rf"(?<![\w.,/])(?P<sign>[-+]?)(?:(?:(?P<whole>\d+) )?(?P<above>\d+)/(?P<below>[1-9]\d*)"
        rf"|(?P<number>{grammar.notation.amount})){magnitude}"
        rf"(?P<gap>\s?|-)(?P<unit>{alternatives(written)})(?![\w²³]{elided})"
    )

    def say(match: re.Match[str]) -> str | None:
        unit = match["unit"]
        if match["gap"] == "-" and not grammar.hyphen_before_units:
            return None
        if unit in _NEEDS_A_NUMBER_TIGHT and match["gap"]:
            return None
        if match["below"]:
            whole = int(match["whole"]) if match["whole"] else None
            spoken = grammar.fraction_measure(whole, int(match["above"]), int(match["below"]), written[unit])
            return spoken and (grammar.join(grammar.minus, spoken) if match["sign"] == "-" else spoken)
        number = grammar.parse(match["number"], "-" if match["sign"] == "-" else "").amount
        magnitude = grammar.magnitudes[match["magnitude"]] if match["magnitude"] else ""
        key = written[unit]
        if key == "concentr-percent" and not magnitude:
            return grammar.percent(number)
        return grammar.measure(number, key, magnitude)

    def say_rate(match: re.Match[str]) -> str | None:
        """The unit after an amount that has been said: `twelve dollars/month`, `twelve kilograms/m³`."""
        name = grammar.rates.get(match["unit"]) or grammar.unit_name(written[match["unit"]])
        return name and f" {grammar.per} {name}"

    long = alternatives(symbol for symbol in written if len(symbol) > 1)
    each = re.compile(rf"(?<![\w.,/])(?P<number>{grammar.notation.amount}) ?/ ?(?P<unit>{long})(?!\w)")

    def say_each(match: re.Match[str]) -> str | None:
        name = grammar.unit_name(written[match["unit"]])
        return name and grammar.join(grammar.number(grammar.parse(match["number"])), grammar.per, name)

    yield Rule("measure", pattern, say)
    yield Rule("measure", each, say_each)
    yield Rule("measure", rate, say_rate)
