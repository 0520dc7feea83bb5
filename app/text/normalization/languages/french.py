"""French. Numbers of France: `soixante-dix`, `quatre-vingts`."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.numerals import Number
from app.text.normalization.rule import Rule
from app.text.normalization.rules.dates import is_date, month_numbers, named_date_rules
from app.text.normalization.rules.money import alternatives, amount_sign
from app.text.normalization.rules.numbers import roman_value
from app.text.normalization.rules.order import ordered_rules

_FEMININE = re.compile(
    r"(?:heures?|minutes?|secondes?|livres?|tonnes?|onces?|roupies?|couronnes?|lires?|calories?|personnes?|pages?|semaines?|"
    r"femmes?|filles?|maisons?|choses?|fois|années?|millisecondes?)\b"
)


class French(Grammar):
    language = "fr"
    locale = "fr"
    elides = True
    thousands = " ."
    decimal = ","
    minus = "moins"
    plus = "plus"
    point = "virgule"
    to = "à"
    per = "par"
    and_ = "et"
    by = "par"
    money_joiner = " "
    percent_pattern = "{0} pour cent"
    signs = {
        "&": "et", "@": "arobase", "#": "dièse", "%": "pour cent", "=": "égale", "≠": "différent de", "≈": "environ",
        "≤": "inférieur ou égal à", "≥": "supérieur ou égal à", "±": "plus ou moins", "×": "fois", "÷": "divisé par",
        "√": "racine de", "∞": "infini", "→": "vers", "°": "degrés", "§": "paragraphe", "©": "copyright",
        "®": "marque déposée", "™": "marque", "$": "dollar", "€": "euro", "£": "livre", "¥": "yen", "№": "numéro",
        "^": "puissance", "+": "plus",
    }  # fmt: skip
    operators = {"*": "fois", "<": "est inférieur à", ">": "est supérieur à"}
    ratio = "à"
    web_signs = {
        ".": "point", "/": "barre oblique", "-": "tiret", "_": "tiret bas", ":": "deux points", "@": "arobase",
        "?": "point d'interrogation", "=": "égal", "&": "et", "#": "dièse", "~": "tilde",
    }  # fmt: skip
    numbered = {
        "n°": "numéro", "nº": "numéro", "no.": "numéro", "nos": "numéros", "p.": "page", "pp.": "pages",
        "art.": "article", "t.": "tome", "vol.": "volume", "fig.": "figure", "chap.": "chapitre", "al.": "alinéa",
    }  # fmt: skip
    abbreviations = {
        "M.": "monsieur", "MM.": "messieurs", "Mme": "madame", "Mᵐᵉ": "madame", "Mmes": "mesdames", "Mᵐᵉˢ": "mesdames",
        "Mlle": "mademoiselle", "Mˡˡᵉ": "mademoiselle", "Mlles": "mesdemoiselles", "Mˡˡᵉˢ": "mademoiselles", "Dr": "docteur",
        "Dʳ": "docteur", "Dʳᵉ": "docteure", "Dʳᵉˢ": "docteures", "Pr": "professeur", "Prof.": "professeur", "St": "saint",
        "Ste": "sainte", "etc.": "et cetera", "p. ex.": "par exemple", "c.-à-d.": "c'est-à-dire", "env.": "environ",
        "av.": "avenue", "bd": "boulevard", "Bd": "boulevard", "tél.": "téléphone", "Tél.": "téléphone", "chap.": "chapitre",
        "éd.": "édition", "vol.": "volume", "fig.": "figure", "av. J.-C.": "avant Jésus-Christ",
        "apr. J.-C.": "après Jésus-Christ", "s.v.p.": "s'il vous plaît", "SVP": "s'il vous plaît", "cf.": "confer",
        "Mme.": "madame", "Mlle.": "mademoiselle", "Mmes.": "mesdames", "bd.": "boulevard", "Bd.": "boulevard",
        "boul.": "boulevard", "Mgr": "monseigneur", "suiv.": "suivantes", "hab.": "habitants", "max.": "maximum",
        "réf.": "référence", "trad.": "traduction", "dép.": "département", "janv.": "janvier", "févr.": "février",
        "avr.": "avril", "juill.": "juillet", "sept.": "septembre", "oct.": "octobre", "nov.": "novembre",
        "déc.": "décembre",
    }  # fmt: skip
    magnitudes = {
        word: word for word in ("mille", "million", "millions", "milliard", "milliards", "billion", "billions")
    }
    magnitudes |= {"M": "millions", "Md": "milliards", "Mds": "milliards", "k": "mille"}
    units = {"mn": "duration-minute", "o": "digital-byte", "Ko": "digital-kilobyte", "ko": "digital-kilobyte",
             "Mo": "digital-megabyte", "Go": "digital-gigabyte", "To": "digital-terabyte"}  # fmt: skip
    unit_words = {"dB": ("décibel", "décibels"), "h": ("heure", "heures"), "digital-byte": ("octet", "octets")}
    rates = {"mois": "mois", "an": "an", "jour": "jour", "j": "jour", "semaine": "semaine", "heure": "heure"}
    currency_words = {
        "EUR": ("euro", "euros"), "USD": ("dollar", "dollars"), "GBP": ("livre", "livres"), "JPY": ("yen", "yens"),
        "CHF": ("franc suisse", "francs suisses"), "RUB": ("rouble", "roubles"),
    }  # fmt: skip
    subunit_words = {
        "EUR": ("centime", "centimes"), "USD": ("cent", "cents"), "CAD": ("cent", "cents"), "GBP": ("penny", "pence"),
        "CHF": ("centime", "centimes"), "RUB": ("kopeck", "kopecks"),
    }  # fmt: skip
    rulers = r"[IVX]+"
    roman_words = ("chapitre", "tome", "partie", "livre", "acte", "scène", "volume", "section", "annexe")

    def cardinal(self, number: int, context: str = "") -> str:
        gender = "feminine" if context and _FEMININE.match(context) else "masculine"
        return self.numerals.spell(number, f"spellout-cardinal-{gender}")

    def ordinal(self, number: int, context: str = "") -> str:
        """`context` is the ending, such as `er` or `ère`."""
        is_feminine = number == 1 and context in ("re", "ère", "ere")
        return self.numerals.spell(number, f"spellout-ordinal-{'feminine' if is_feminine else 'masculine'}")

    def decimals(self, fraction: str) -> str:
        """Zeros one by one, then pairs; three digits as one number."""
        zeros = len(fraction) - len(fraction.lstrip("0"))
        rest = fraction[zeros:]
        pairs = [rest] if len(rest) <= 3 else [rest[index : index + 2] for index in range(0, len(rest), 2)]
        said = [self.digits(pair) if pair.startswith("0") else self.cardinal(int(pair)) for pair in pairs if pair]
        return " ".join([*["zéro"] * zeros, *said])

    def year(self, number: int) -> str:
        return self.cardinal(number)

    def day(self, number: int) -> str:
        return "premier" if number == 1 else self.cardinal(number)

    def time(self, hour: int, minute: int, second: int | None = None, suffix: str = "") -> str:
        hours = f"{self.cardinal(hour, 'heures')} {'heure' if hour < 2 else 'heures'}"
        if second is None:
            return self.join(hours, self.cardinal(minute, "minutes") if minute else "", suffix)
        minutes = f"{self.cardinal(minute, 'minutes')} {'minute' if minute < 2 else 'minutes'}"
        return self.join(
            hours, minutes, f"{self.cardinal(second, 'secondes')} {'seconde' if second < 2 else 'secondes'}", suffix
        )

    def fraction(self, numerator: int, denominator: int) -> str:
        plural = "" if numerator == 1 else "s"
        part = {2: "demi", 3: "tiers", 4: "quart"}.get(denominator)
        if denominator == 3:
            plural = ""
        return f"{self.cardinal(numerator)} {part or self.ordinal(denominator)}{plural}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        if (numerator, denominator) == (1, 2):
            return f"{self.cardinal(whole)} et demi"
        return f"{self.cardinal(whole)} et {self.fraction(numerator, denominator)}"

    def ruler(self, name: str, number: int) -> str:
        """`Louis quatorze`, `François premier`."""
        return f"{name} {self.day(number)}"

    def large_money(self, number: Number, magnitude: str, code: str) -> str:
        many = self.currency(code, Number(False, "2"))
        of = "" if magnitude == "mille" else "d'" if many[0] in "aeiouyé" else "de "
        return f"{self.number(number)} {magnitude} {of}{many}"


GRAMMAR = French()


def rules() -> Iterator[Rule]:
    grammar = GRAMMAR
    return ordered_rules(
        grammar,
        date_rules=_dates(grammar),
        time_rules=_times(grammar),
        amount_rules=_ordinals(grammar),
    )


def _dates(grammar: French) -> Iterator[Rule]:
    months = alternatives(month_numbers(grammar))
    days = re.compile(rf"(?<![\w.,])(\d{{1,2}}(?:[-/]\d{{1,2}}){{1,3}})(?= (?:{months})\b)")
    short = re.compile(rf"(?<![\w.,$€£¥])(\d{{1,2}})\.(0[1-9]|1[0-2])(?![\w.,]|{amount_sign(grammar)})")

    def say_short(match: re.Match[str]) -> str | None:
        return grammar.date(int(match[1]), int(match[2]), None) if is_date(int(match[1]), int(match[2])) else None

    yield Rule("date", days, lambda match: " ".join(grammar.day(int(day)) for day in re.findall(r"\d+", match[1])))
    yield from named_date_rules(grammar)
    yield Rule("date", short, say_short)


def _times(grammar: French) -> Iterator[Rule]:
    clock = re.compile(r"(?<![\w:.,])(\d{1,2}) ?h(?: ?([0-5]\d))?(?: ?(?:mn|min))?(?![\w:]|[.,]\d)")

    def say(match: re.Match[str]) -> str | None:
        return grammar.time(int(match[1]), int(match[2] or 0)) if int(match[1]) <= 24 else None

    yield Rule("time", clock, say)


def _ordinals(grammar: French) -> Iterator[Rule]:
    arabic = re.compile(
        r"(?<![\w.,])(\d{1,4})(ers?|ères?|eres?|res?|ièmes?|èmes?|emes?|es?|nde?s?|ds?|°)(?![\w°])(?! ?[cCfF]\b)"
    )
    roman = re.compile(r"\b([IVX]+)(er|ère|re|ème|e)\b")

    def say_roman(match: re.Match[str]) -> str | None:
        value = roman_value(match[1])
        return None if value is None else grammar.ordinal(value, match[2])

    yield Rule("ordinal", arabic, lambda match: grammar.ordinal(int(match[1]), match[2].removesuffix("s")))
    yield Rule("ordinal", roman, say_roman)
