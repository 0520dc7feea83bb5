"""The last rules: fractions, ranges, versions, serial and plain numbers, roman numerals, signs, abbreviations."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.numerals import MAX_INTEGER_DIGITS, Number
from app.text.normalization.quantities import CURRENCIES, UNITS
from app.text.normalization.rule import Rule, text_after
from app.text.normalization.rules.money import alternatives

_VULGAR = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5", "⅘": "4/5",
    "⅙": "1/6", "⅚": "5/6", "⅐": "1/7", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8", "⅑": "1/9", "⅒": "1/10",
}  # fmt: skip
_ROMAN = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def roman_value(written: str) -> int | None:
    """The value of a roman numeral in capitals, or None."""
    if not written or not _ROMAN.fullmatch(written):
        return None
    values = [_ROMAN_VALUES[char] for char in written]
    return sum(-value if value < max(values[index:]) else value for index, value in enumerate(values))


def long_number_rules(grammar: Grammar) -> Iterator[Rule]:
    """Runs of 40 digits and more, digit by digit, before all other rules: `int` refuses 4,300 digits."""
    yield Rule("number", re.compile(r"\d{40,}"), lambda match: grammar.digits(match[0]))


def abbreviation_rules(grammar: Grammar) -> Iterator[Rule]:
    """The full stop of an abbreviation stays only at the end of a sentence."""
    known, opening = grammar.abbreviations, grammar.opening_abbreviations
    if not known:
        return
    begins = re.compile(rf"(?:(?<![^\"'“„«(¿¡])|(?<=[.!?…:] ))(?:{alternatives(opening)})(?= )")
    pattern = re.compile(rf"(?<![\w.])(?:{alternatives(known)})(?!\w)")
    # Those that are written without a full stop are sometimes given one.
    dotless = {
        f"{key}.": said for key, said in known.items() if key.isalpha() and not key.isupper() and f"{key}." not in known
    }
    dotted = re.compile(rf"(?<![\w.])(?:{alternatives(dotless)})(?= )")
    yield Rule("abbreviation", begins, lambda match: opening[match[0]])
    yield Rule("abbreviation", dotted, lambda match: dotless[match[0]])
    yield Rule("abbreviation", pattern, lambda match: known[match[0]])


def leading_abbreviation_rules(grammar: Grammar) -> Iterator[Rule]:
    """Abbreviations that need what stands around them, before it is said: a preposition or a number."""
    if grammar.locatives:
        governed = re.compile(
            rf"(?<!\w)(?P<before>(?i:{grammar.locative_prepositions}) )"
            rf"(?P<word>{alternatives(grammar.locatives)}) ?(?=\w)(?![^\W\d]\.)"
        )
        yield Rule("abbreviation", governed, lambda match: f"{match['before']}{grammar.locatives[match['word']]} ")
    words = grammar.numbered_abbreviations
    pattern = re.compile(rf"(?<![\w.])(?:{alternatives(words)}) ?(?=\d|[IVXL]+\b)")
    yield Rule("abbreviation", pattern, lambda match: f"{words[match[0].rstrip()]} ")


def fraction_rules(grammar: Grammar) -> Iterator[Rule]:
    mixed = re.compile(
        rf"(?<![\w.,/])(?P<sign>(?<![)\]%-])-)?(?:(?:(?P<before>\d+) ?)?(?P<vulgar>[{''.join(_VULGAR)}])"
        r"|(?:(?P<whole>\d+) )?(?P<above>\d+)/(?P<below>\d+)(?![\w/]|[.,]\d))"
    )

    def say(match: re.Match[str]) -> str | None:
        whole, above, below = match["whole"], match["above"], match["below"]
        if match["vulgar"]:
            whole, (above, below) = match["before"], _VULGAR[match["vulgar"]].split("/")
        if int(below) == 0 or max(map(len, (whole or "", above, below))) > MAX_INTEGER_DIGITS:
            return None
        numerator, denominator = int(above), int(below)
        spoken = (
            grammar.mixed(int(whole), numerator, denominator) if whole else grammar.fraction(numerator, denominator)
        )
        return grammar.join(grammar.minus, spoken) if match["sign"] else spoken

    yield Rule("fraction", mixed, say)


def amount_range_rules(grammar: Grammar) -> Iterator[Rule]:
    """The dash between two amounts that carry a sign or a unit: `$150-$250`, `2-5 kg`, `5pm-7 pm`, `1960s-1980s`.

    Runs before the rules that say the amounts.
    """
    signs = alternatives(CURRENCIES | grammar.currency_signs)
    number, units = grammar.notation.amount, alternatives(UNITS | grammar.units | grammar.unit_words)
    behind = rf"(?:(?:{signs})|\s?(?:{units})|s|\s?[ap]m)"
    pattern = re.compile(
        rf"(?<![\w.,-])((?:{signs})\s?{number}|{number}{behind}|{number}(?=\s?[-–—]\s?{number}{behind}(?!\w)))\s?[-–—]\s?"
        rf"(?=(?:{signs})\s?\d|{number}{behind}(?!\w))"
    )
    clocks = re.compile(r"(?<=\d[:.][0-5]\d)\s?[-–—]\s?(?=\d{1,2}[:.][0-5]\d(?![\d.,-]))")
    to = grammar.to if grammar.unspaced else f" {grammar.to} "
    yield Rule("range", pattern, lambda match: match[1] + to)
    yield Rule("range", clocks, lambda _: to)


def range_rules(grammar: Grammar) -> Iterator[Rule]:
    number = grammar.notation.pattern
    pattern = re.compile(rf"(?<![\w.,-])({number})\s?[-–—~〜～]\s?({number})(?![\w-]|[.,]\d)")

    def say(match: re.Match[str]) -> str:
        following = text_after(match)
        return grammar.range(grammar.parse(match[1]), grammar.parse(match[2]), following)

    yield Rule("range", pattern, say)


def magnitude_rules(grammar: Grammar) -> Iterator[Rule]:
    """A number with an abbreviated magnitude and no unit: `5 mln`, `10k`."""
    many = Number(False, "5")
    words = {symbol: grammar.magnitude(many, word) for symbol, word in grammar.magnitudes.items()}
    long = [
        symbol for symbol, word in words.items() if len(symbol) > 1 and symbol not in words.values() and symbol != word
    ]
    short = [symbol for symbol in grammar.magnitudes if symbol in "kK"]
    pattern = re.compile(
        rf"(?<![\w.,/])(?P<number>{grammar.notation.amount})(?:\s?(?P<long>{alternatives(long)})|(?P<short>{alternatives(short)}))(?!\w)"
    )

    def say(match: re.Match[str]) -> str:
        number, word = grammar.parse(match["number"]), grammar.magnitudes[match["long"] or match["short"]]
        magnitude = grammar.magnitude(number, word)
        return grammar.join(grammar.number(number, magnitude), magnitude)

    yield Rule("number", pattern, say)


def ratio_rules(grammar: Grammar) -> Iterator[Rule]:
    """Scores and ratios, `3:1`; earlier rules have said times of the day."""
    pattern = re.compile(r"(?<![\w.,:/-])\d{1,5}(?::\d{1,5})+(?![\w:/-]|[.,]\d)")

    def say(match: re.Match[str]) -> str:
        figures = [grammar.number(Number(False, figure)) for figure in match[0].split(":")]
        separator = grammar.ratio or " "
        return (separator if grammar.unspaced else f" {separator} ".replace("   ", " ")).join(figures)

    yield Rule("ratio", pattern, say)


def roman_rules(grammar: Grammar) -> Iterator[Rule]:
    if grammar.roman_words:
        pattern = re.compile(rf"\b((?i:{alternatives(grammar.roman_words)}))(\s)([IVXLCDM]+)\b")

        def say(match: re.Match[str]) -> str | None:
            value = roman_value(match[3])
            return None if value is None else f"{match[1]}{match[2]}{grammar.cardinal(value)}"

        yield Rule("roman", pattern, say)
    if grammar.rulers:
        ruler = re.compile(rf"(?<![\w.])(?P<name>[^\W\d_][\w'-]{{2,20}}) (?P<roman>{grammar.rulers})(?![\w.]*\w)")

        def say_ruler(match: re.Match[str]) -> str | None:
            value = roman_value(match["roman"].rstrip("."))
            return grammar.ruler(match["name"], value) if value and match["name"].istitle() else None

        yield Rule("roman", ruler, say_ruler)


def power_rules(grammar: Grammar) -> Iterator[Rule]:
    """`x²`, which is `x^2` by now, and `10^-3`."""
    pattern = re.compile(r"(?<=[\w)])\^(?P<sign>-?)(?P<number>\d{1,15})(?![\w.,]*\d)")

    def say(match: re.Match[str]) -> str:
        power = grammar.power(Number(bool(match["sign"]), match["number"]))
        return power if grammar.unspaced else f" {power} "

    yield Rule("power", pattern, say)


def plain_rules(grammar: Grammar) -> Iterator[Rule]:
    """All other numbers, so that no digit is left."""
    version = re.compile(r"(?<![\d.])\d+(?:\.\d+)+(?![\d])")
    listed = re.compile(rf"(?<![\w.,])\d+(?:[{grammar.decimal}]\d+){{2,}}(?!\w)")
    operator = re.compile(r"(?<=[\w)]) ([*<>]) (?=[\w(-])|(?<=\d)([*<>])(?=-?\d)|(?<=\w)([<>])(?=-?\d)")
    times = re.compile(r"(?<=\d)(?<!\b0) ?[xX] ?(?=\d)")
    signed = re.compile(rf"(?P<sign>(?<![\w.,)\]%-])[-+](?=\d)(?! ))?(?P<number>{grammar.notation.pattern})")
    bare_fraction = re.compile(rf"(?<![\w.,])(?P<sign>-?)[{grammar.decimal}](?P<fraction>\d+)(?![\w.,]*\d)")
    dot = grammar.web_signs.get(".", grammar.point)
    around = "{}" if grammar.unspaced else " {} "

    def say_version(match: re.Match[str]) -> str | None:
        if re.fullmatch(grammar.notation.pattern, match[0]):
            return None
        return around.format(dot).join(
            grammar.digits(part) if part.startswith("0") else grammar.number(grammar.parse(part))
            for part in match[0].split(".")
        )

    def say_list(match: re.Match[str]) -> str | None:
        if re.fullmatch(grammar.notation.pattern, match[0]):
            return None
        return ", ".join(grammar.number(grammar.parse(part)) for part in re.findall(r"\d+", match[0]))

    def say_operator(match: re.Match[str]) -> str | None:
        word = grammar.operators.get(match[match.lastindex or 0])
        return word and around.format(word)

    def say_number(match: re.Match[str]) -> str:
        number = grammar.parse(match["number"], "-" if match["sign"] == "-" else "")
        spoken = grammar.number(number, text_after(match))
        return grammar.join(grammar.plus, spoken) if match["sign"] == "+" else spoken

    def say_fraction(match: re.Match[str]) -> str:
        return grammar.number(grammar.parse(f"0{grammar.decimal[0]}{match['fraction']}", match["sign"]))

    yield Rule("sign", operator, say_operator)
    yield Rule("sign", times, lambda _: around.format(grammar.by))
    yield Rule("version", version, say_version)
    yield Rule("number", listed, say_list)
    yield Rule("decimal", bare_fraction, say_fraction)

    def say_vulgar(match: re.Match[str]) -> str:
        above, below = _VULGAR[match[0]].split("/")
        return grammar.fraction(int(above), int(below))

    yield Rule("number", signed, say_number)
    yield Rule("fraction", re.compile(f"[{''.join(_VULGAR)}]"), say_vulgar)
    yield Rule("number", re.compile("[²³]"), lambda match: grammar.cardinal(2 if match[0] == "²" else 3))


def sign_rules(grammar: Grammar) -> Iterator[Rule]:
    """Signs by their names; those of currencies by CLDR's where the language has no word of its own."""
    one = Number(False, "1")
    currencies = {sign: grammar.currency(code, one) for sign, code in CURRENCIES.items() if not sign.isalpha()}
    signs = {sign: name for sign, name in currencies.items() if len(sign) == 1} | grammar.signs
    if permille := grammar.unit_name("concentr-permille"):
        signs["‰"] = permille
    around = "{}" if grammar.unspaced else " {} "
    yield Rule("sign", re.compile(alternatives(signs)), lambda match: around.format(signs[match[0]]))
