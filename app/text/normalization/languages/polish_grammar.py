"""Polish. CLDR has no ordinals for it, so they are here; nouns behind a number take three forms."""

import re

from app.text.normalization.grammar import Grammar
from app.text.normalization.languages import polish_words
from app.text.normalization.numerals import Number

_FEMININE = re.compile(
    r"(?:godzin|minut|sekund|mil[ei]|ton|unc|koron|hrywn|lir|rupi|stron|kobiet|książ|osob|część|dziesiąt|setn|tysięczn|"
    r"stop[ay]|stóp)"
)
_NEUTER = re.compile(r"(?:euro|miast|słow|dziec|okn|jaj)")
_ONES = ["zerowy", "pierwszy", "drugi", "trzeci", "czwarty", "piąty", "szósty", "siódmy", "ósmy", "dziewiąty", "dziesiąty", "jedenasty",
         "dwunasty", "trzynasty", "czternasty", "piętnasty", "szesnasty", "siedemnasty", "osiemnasty", "dziewiętnasty"]  # fmt: skip
_TENS = ["", "", "dwudziesty", "trzydziesty", "czterdziesty", "pięćdziesiąty", "sześćdziesiąty", "siedemdziesiąty", "osiemdziesiąty",
         "dziewięćdziesiąty"]  # fmt: skip
_HUNDREDS = [
    "",
    "setny",
    "dwusetny",
    "trzechsetny",
    "czterechsetny",
    "pięćsetny",
    "sześćsetny",
    "siedemsetny",
    "osiemsetny",
    "dziewięćsetny",
]
_PARTS = {
    1: ("dziesiąta", "dziesiąte", "dziesiątych"),
    2: ("setna", "setne", "setnych"),
    3: ("tysięczna", "tysięczne", "tysięcznych"),
}


_QUEENS = frozenset(
    ["Elżbieta", "Katarzyna", "Maria", "Anna", "Wiktoria", "Małgorzata", "Krystyna", "Izabela", "Jadwiga"]
)


class Polish(Grammar):
    language = "pl"
    locale = "pl"
    thousands = " ."
    decimal = ","
    minus = "minus"
    plus = "plus"
    point = "przecinek"
    to = "do"
    per = "na"
    and_ = "i"
    by = "na"
    money_joiner = " i "
    percent_pattern = "{0} procent"
    signs = polish_words.SIGNS
    operators = {"*": "razy", "<": "jest mniejsze niż", ">": "jest większe niż"}
    web_signs = polish_words.WEB_SIGNS
    abbreviations = polish_words.ABBREVIATIONS
    numbered = polish_words.NUMBERED
    locatives = polish_words.LOCATIVES
    locative_prepositions = "na|przy|we?|po|o"
    magnitudes = polish_words.MAGNITUDES
    rulers = r"[IVX]+"
    date_suffix = r"(?: ?(?:r\.|roku)(?!\w))?"
    units = polish_words.UNITS
    unit_words = polish_words.UNIT_WORDS
    currency_signs = {"zł": "PLN"}
    roman_words = ("rozdział", "tom", "część", "księga", "akt")

    def cardinal(self, number: int, context: str = "") -> str:
        gender = "feminine" if _FEMININE.match(context) else "neuter" if _NEUTER.match(context) else "masculine"
        return self.numerals.spell(number, f"spellout-cardinal-{gender}")

    def genitive(self, number: int, context: str = "") -> str:
        """As after `od` and `do`: `pięciu`, `dwudziestu jeden`."""
        gender = "feminine" if _FEMININE.match(context) else "masculine"
        return self.numerals.spell(number, f"spellout-cardinal-{gender}-genitive")

    def range(self, low: Number, high: Number, context: str = "") -> str:
        """Before a noun side by side, as in `dwie trzy godziny`; alone with the second in the genitive."""
        if context[:1].isalpha():
            return self.join(self.number(low, context), self.number(high, context))
        is_year = len(low.integer) == len(high.integer) == 4
        if is_year or high.fraction or len(high.integer) > 9:
            return super().range(low, high, context)
        return self.join(self.number(low), self.to, self.genitive(int(high.integer)))

    def ruler(self, name: str, number: int) -> str:
        ending = (
            "a" if name in _QUEENS else "ego" if name.endswith(("a", "ego")) else "ym" if name.endswith("em") else ""
        )
        return f"{name} {self.ordinal(number, ending)}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        if (numerator, denominator) == (1, 2):
            return "półtora" if whole == 1 else f"{self.cardinal(whole)} i pół"
        return super().mixed(whole, numerator, denominator)

    def measure(self, number: Number, key: str, magnitude: str = "") -> str | None:
        """`1,5 l` is `półtora litra`."""
        spoken = super().measure(number, key, magnitude)
        if spoken and not number.is_negative and spoken.startswith("jeden i pół "):
            noun = spoken.removeprefix("jeden i pół ")
            return f"{'półtorej' if _FEMININE.match(noun) else 'półtora'} {noun}"
        return spoken

    def ordinal(self, number: int, context: str = "") -> str:
        """`context` is the ending of an adjective: "" (`drugi`), `ego`, `a`, `ym`, `e`."""
        tens, ones = number % 100 // 10, number % 10
        low = (
            [_ONES[number % 100]]
            if 0 < number % 100 < 20
            else [word for word in (_TENS[tens], _ONES[ones] if ones else "") if word]
        )
        head = number - number % 100
        words = list(low)
        if head and words:
            words.insert(0, self.cardinal(head))
        elif head:
            words = [_HUNDREDS[head // 100]] if head < 1000 else _thousandth(self, head)
        split = max(0, len(words) - (2 if number % 100 >= 20 and ones else 1))
        return " ".join([*words[:split], *(_declined(word, context) for word in words[split:])])

    def number(self, number: Number, context: str = "") -> str:
        if not number.fraction or len(number.fraction) > 3:
            return super().number(number, context)
        whole, part = int(number.integer or "0"), int(number.fraction)
        parts = self.form(Number(False, str(part)), *_PARTS[len(number.fraction)])
        integer = "zero" if whole == 0 else self.numerals.spell(whole, "spellout-cardinal-masculine")
        if part == 5 and len(number.fraction) == 1 and whole:
            spoken = f"{integer} i pół"
        elif whole == 0:
            spoken = f"{self.numerals.spell(part, 'spellout-cardinal-feminine')} {parts}"
        else:
            spoken = f"{integer} i {self.numerals.spell(part, 'spellout-cardinal-feminine')} {parts}"
        return self.join(self.minus, spoken) if number.is_negative else spoken

    def form(self, number: Number, one: str, few: str, many: str) -> str:
        """The form of a noun behind a number."""
        return {"one": one, "few": few}.get(self.names.plural(number.value), many)

    def percent(self, number: Number) -> str:
        return f"{self.number(number)} {'procenta' if number.fraction else 'procent'}"

    def currency(self, code: str, number: Number) -> str:
        forms = {
            "PLN": ("złoty", "złote", "złotych", "złotego"), "USD": ("dolar", "dolary", "dolarów", "dolara"),
            "EUR": ("euro", "euro", "euro", "euro"), "GBP": ("funt", "funty", "funtów", "funta"), "CZK": ("korona", "korony", "koron", "korony"),
        }  # fmt: skip
        if code not in forms:
            return super().currency(code, number)
        return forms[code][3] if number.fraction else self.form(number, *forms[code][:3])

    def subunit(self, code: str, number: Number) -> str | None:
        forms = {"PLN": ("grosz", "grosze", "groszy"), "EUR": ("cent", "centy", "centów"), "USD": ("cent", "centy", "centów"),
                 "GBP": ("pens", "pensy", "pensów")}  # fmt: skip
        return self.form(number, *forms[code]) if code in forms else None

    def magnitude(self, number: Number, word: str) -> str:
        forms = {"tys": ("tysiąc", "tysiące", "tysięcy", "tysiąca"), "mln": ("milion", "miliony", "milionów", "miliona"),
                 "mld": ("miliard", "miliardy", "miliardów", "miliarda")}  # fmt: skip
        if word not in forms:
            return word
        return forms[word][3] if number.fraction else self.form(number, *forms[word][:3])

    def large_money(self, number: Number, magnitude: str, code: str) -> str:
        word = self.magnitude(number, magnitude)
        return self.join(self.number(number, word), word, self.currency(code, Number(False, "5")))

    def year(self, number: int) -> str:
        """In the genitive, as after a date or before `roku`: `tysiąc dziewięćset dziewięćdziesiątego piątego`."""
        return self.ordinal(number, "ego")

    def date(self, day: int | None, month: int, year: int | None) -> str:
        said_year = "" if year is None else f"{self.year(year)} roku"
        return self.join(self.ordinal(day, "ego") if day else "", self.month(month), said_year)

    def time(self, hour: int, minute: int, second: int | None = None, suffix: str = "") -> str:
        """Hours as feminine ordinals: `dziesiąta trzydzieści`."""
        return self.join(self.clock(hour, minute, second), suffix)

    def clock(self, hour: int, minute: int, second: int | None = None, ending: str = "a") -> str:
        """`ending` of the hour: `a`, `ej` (as after `o`), `ą` (as after `przed`)."""
        hours = "zero" if hour == 0 else self.ordinal(hour, ending)
        low = ("zero " if 0 < minute < 10 else "") + self.cardinal(minute) if minute else ""
        form = self.form(Number(False, str(second or 0)), "sekunda", "sekundy", "sekund")
        return self.join(hours, low, f"i {self.cardinal(second, form)} {form}" if second else "")

    def fraction(self, numerator: int, denominator: int) -> str:
        if (numerator, denominator) == (1, 2):
            return "jedna druga"
        above = self.numerals.spell(numerator, "spellout-cardinal-feminine")
        part = self.ordinal(denominator, "a")
        if numerator == 1:
            return f"{above} {part}"
        few = self.names.plural(numerator) == "few"
        return f"{above} {self.ordinal(denominator, 'e') if few else self.ordinal(denominator, 'ych')}"


def _thousandth(grammar: Polish, number: int) -> list[str]:
    """Round hundreds and thousands: `tysięczny`, `dwutysięczny`, `tysiąc dziewięćsetny`."""
    if number % 1000:
        return [grammar.cardinal(number - number % 1000), _HUNDREDS[number % 1000 // 100]]
    prefix = {
        1: "",
        2: "dwu",
        3: "trzy",
        4: "cztero",
        5: "pięcio",
        6: "sześcio",
        7: "siedmio",
        8: "ośmio",
        9: "dziewięcio",
        10: "dziesięcio",
    }
    return [prefix.get(number // 1000, grammar.cardinal(number // 1000)) + "tysięczny"]


def _declined(word: str, ending: str) -> str:
    """An ordinal in another case or gender: `pierwszy`, `pierwszego`, `drugiego`, `trzecia`."""
    if not ending or word[-1] not in "yi":
        return word
    stem = word[:-1]
    if word.endswith("y"):
        return stem + ending
    soft = {
        "ego": "iego",
        "a": "ia",
        "ym": "im",
        "e": "ie",
        "ych": "ich",
        "ej": "iej",
        "ą": "ią",
        "emu": "iemu",
        "ymi": "imi",
    }
    if word.endswith("gi"):
        soft |= {"a": "a", "ą": "ą"}
    return stem + soft[ending]


GRAMMAR = Polish()
