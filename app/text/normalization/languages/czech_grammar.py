"""Czech. CLDR has no ordinals for it, so they are here; nouns behind a number take three forms."""

import re

from app.text.normalization.grammar import Grammar
from app.text.normalization.languages import czech_words
from app.text.normalization.numerals import MAX_INTEGER_DIGITS, Number

_FEMININE = re.compile(
    r"(?:korun|libr|tun|hodin|minut|sekund|mil[ei]|unc|koruna|stran|žen|dív|knih|míl|rupi|lir|osob|tisícin|celá|celé|setin|"
    r"stop[ay]?\b|vteřin)"
)
_NEUTER = re.compile(r"(?:procent|eur[oa]|měst|slov|kol[oa]|aut[oa]|dít)")
_ONES = ["", "první", "druhý", "třetí", "čtvrtý", "pátý", "šestý", "sedmý", "osmý", "devátý", "desátý", "jedenáctý", "dvanáctý",
         "třináctý", "čtrnáctý", "patnáctý", "šestnáctý", "sedmnáctý", "osmnáctý", "devatenáctý"]  # fmt: skip
_TENS = ["", "", "dvacátý", "třicátý", "čtyřicátý", "padesátý", "šedesátý", "sedmdesátý", "osmdesátý", "devadesátý"]
_HUNDREDS = ["", "stý", "dvoustý", "třístý", "čtyřstý", "pětistý", "šestistý", "sedmistý", "osmistý", "devítistý"]
_PARTS = {
    1: ("desetina", "desetiny", "desetin"),
    2: ("setina", "setiny", "setin"),
    3: ("tisícina", "tisíciny", "tisícin"),
}


_GENITIVES = {
    "nula": "nuly", "jeden": "jednoho", "jedna": "jedné", "jedno": "jednoho", "dva": "dvou", "dvě": "dvou", "tři": "tří",
    "čtyři": "čtyř", "devět": "devíti", "deset": "deseti",
}  # fmt: skip
_QUEENS = frozenset(["Alžběta", "Kateřina", "Marie", "Anna", "Viktorie", "Johana", "Markéta", "Kristina", "Isabela"])


class Czech(Grammar):
    language = "cs"
    locale = "cs"
    thousands = " ."
    decimal = ","
    date_separators = "./-"
    minus = "minus"
    plus = "plus"
    point = "celá"
    to = "až"
    per = "na"
    and_ = "a"
    by = "krát"
    money_joiner = " a "
    percent_pattern = "{0} procent"
    signs = czech_words.SIGNS
    operators = {"*": "krát", "<": "je menší než", ">": "je větší než"}
    web_signs = czech_words.WEB_SIGNS
    abbreviations = czech_words.ABBREVIATIONS
    numbered = czech_words.NUMBERED
    locatives = czech_words.LOCATIVES
    locative_prepositions = "na|ve?|po|o|při"
    magnitudes = czech_words.MAGNITUDES
    units = czech_words.UNITS
    unit_words = czech_words.UNIT_WORDS
    rulers = r"[IVX]+\."
    currency_signs = {"Kč": "CZK", "kč": "CZK"}
    roman_words = ("kapitola", "díl", "část", "kniha", "svazek")

    def cardinal(self, number: int, context: str = "") -> str:
        gender = "feminine" if _FEMININE.match(context) else "neuter" if _NEUTER.match(context) else "masculine"
        spoken = self.numerals.spell(number, f"spellout-cardinal-{gender}")
        if not context:
            spoken = re.sub(r"jeden$", "jedna", spoken)  # one counts `jedna, dva, tři`
        return re.sub(r"^jeden (?=tisíc)", "", spoken).replace("ilión", "ilion")

    def genitive(self, number: int, context: str = "") -> str:
        """Up to 100, as after `od` and `do`: `pěti`, `dvaceti jedné`."""
        if number == 100:
            return "sta"
        return " ".join(
            _GENITIVES.get(word) or (word if word.endswith("i") else word + "i")
            for word in self.cardinal(number, context or "x").split()
        )

    def ruler(self, name: str, number: int) -> str:
        ending = (
            "á" if name in _QUEENS else "ého" if name.endswith(("a", "ho")) else "ým" if name.endswith("em") else ""
        )
        return f"{name} {self.ordinal(number, ending)}"

    def ordinal(self, number: int, context: str = "") -> str:
        """`context` is the ending of a hard adjective: "" (`první`, `druhý`), `ého`, `á`, `ém`, `é`."""
        tens, ones = number % 100 // 10, number % 10
        low = [_ONES[number % 100]] if number % 100 < 20 else [_TENS[tens], _ONES[ones]]
        hundreds, thousands = number % 1000 // 100, number // 1000
        words = [word for word in low if word]
        head = number - number % 100
        if head:
            if words:
                words.insert(0, self.cardinal(head))
            else:
                words = [_HUNDREDS[hundreds]] if hundreds and not thousands else [self.cardinal(head) + "í"]
        split = max(0, len(words) - (2 if number % 100 >= 20 and ones else 1))
        return " ".join([*words[:split], *(_declined(word, context) for word in words[split:])])

    def number(self, number: Number, context: str = "") -> str:
        if not number.fraction or len(number.integer) > MAX_INTEGER_DIGITS:
            return super().number(number, context)
        whole = int(number.integer or "0")
        integer = (
            "nula celá"
            if whole == 0
            else f"{self.cardinal(whole, 'celá')} {self.form(Number(False, str(whole)), 'celá', 'celé', 'celých')}"
        )
        if len(number.fraction) in _PARTS:
            part = int(number.fraction)
            parts = self.form(Number(False, str(part)), *_PARTS[len(number.fraction)])
            fraction = f"{self.cardinal(part, 'setina')} {parts}"
        else:
            fraction = self.digits(number.fraction)
        return self.join(self.minus if number.is_negative else "", integer, fraction)

    def form(self, number: Number, one: str, few: str, many: str) -> str:
        """The form of a noun behind a number; a decimal takes the genitive singular, given as `few`."""
        if number.fraction:
            return few
        return {"one": one, "few": few}.get(self.names.plural(number.value), many)

    def percent(self, number: Number) -> str:
        return f"{self.number(number, 'procent')} {self.form(number, 'procento', 'procenta', 'procent')}"

    def currency(self, code: str, number: Number) -> str:
        forms = {
            "CZK": ("koruna", "koruny", "korun"), "EUR": ("euro", "eura", "eur"), "USD": ("dolar", "dolary", "dolarů"),
            "GBP": ("libra", "libry", "liber"), "PLN": ("zlotý", "zloté", "zlotých"),
        }  # fmt: skip
        return self.form(number, *forms[code]) if code in forms else super().currency(code, number)

    def subunit(self, code: str, number: Number) -> str | None:
        forms = {"CZK": ("haléř", "haléře", "haléřů"), "EUR": ("cent", "centy", "centů"), "USD": ("cent", "centy", "centů"),
                 "GBP": ("pence", "pence", "pencí")}  # fmt: skip
        return self.form(number, *forms[code]) if code in forms else None

    def magnitude(self, number: Number, word: str) -> str:
        forms = {
            "mil": ("milion", "miliony", "milionů", "milionu"),
            "mld": ("miliarda", "miliardy", "miliard", "miliardy"),
        }
        if word not in forms:
            return word
        return forms[word][3] if number.fraction else self.form(number, *forms[word][:3])

    def large_money(self, number: Number, magnitude: str, code: str) -> str:
        word = self.magnitude(number, magnitude)
        return self.join(self.number(number, word), word, self.currency(code, Number(False, "5")))

    def year(self, number: int) -> str:
        if 1100 <= number < 2000:
            rest = number % 100
            return self.join(f"{self.numerals.spell(number // 100)} set", self.numerals.spell(rest) if rest else "")
        return self.cardinal(number)

    def date(self, day: int | None, month: int, year: int | None) -> str:
        """Day and month in the genitive: `prvního května`."""
        return self.join(
            self.ordinal(day, "ého") if day else "", self.month(month), "" if year is None else self.year(year)
        )

    def time(self, hour: int, minute: int, second: int | None = None, suffix: str = "") -> str:
        parts = [(hour, "hodina", "hodiny", "hodin"), (minute, "minuta", "minuty", "minut")]
        if second:
            parts.append((second, "sekunda", "sekundy", "sekund"))
        said = [
            f"{self.cardinal(value, one)} {self.form(Number(False, str(value)), one, few, many)}"
            for value, one, few, many in parts
            if value or one == "hodina"
        ]
        return self.join(*said, suffix)

    def genitive_time(self, hour: int, minute: int) -> str:
        """As after `od` and `do`: `osmi hodin třiceti minut`."""
        hours = f"{self.genitive(hour, 'hodin')} {'hodiny' if hour % 20 == 1 else 'hodin'}"
        minutes = f"{self.genitive(minute, 'minut')} {'minuty' if minute % 10 == 1 and minute != 11 else 'minut'}"
        return f"{hours} {minutes}" if minute else hours

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        if (numerator, denominator) == (1, 2):
            return f"{self.cardinal(whole, 'celá')} a půl"
        return f"{self.cardinal(whole, 'celá')} a {self.fraction(numerator, denominator)}"

    def fraction(self, numerator: int, denominator: int) -> str:
        names = {2: ("polovina", "poloviny", "polovin"), 3: ("třetina", "třetiny", "třetin"), 4: ("čtvrtina", "čtvrtiny", "čtvrtin"),
                 5: ("pětina", "pětiny", "pětin"), 6: ("šestina", "šestiny", "šestin"), 7: ("sedmina", "sedminy", "sedmin"),
                 8: ("osmina", "osminy", "osmin"), 9: ("devítina", "devítiny", "devítin"), 10: _PARTS[1], 100: _PARTS[2], 1000: _PARTS[3]}  # fmt: skip
        if 10 < denominator < 20:
            part = self.cardinal(denominator) + "in"
            names[denominator] = (part + "a", part + "y", part)
        if denominator not in names:
            return f"{self.cardinal(numerator)} lomeno {self.cardinal(denominator)}"
        above = self.numerals.spell(numerator, "spellout-cardinal-feminine")
        return f"{above} {self.form(Number(False, str(numerator)), *names[denominator])}"


def _declined(word: str, ending: str) -> str:
    """An ordinal in another case: soft `první` takes `-ího`, hard `druhý` takes `-ého`."""
    if not ending or word[-1] not in "íý":
        return word
    soft = {"ého": "ího", "á": "í", "ém": "ím", "é": "í", "ých": "ích", "ou": "í", "ým": "ím"}
    return word[:-1] + (soft[ending] if word.endswith("í") else ending)


GRAMMAR = Czech()
