"""Hungarian. Dates begin with the year; a number with a full stop before a word is an ordinal."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.languages import hungarian_suffixes
from app.text.normalization.rule import Rule
from app.text.normalization.rules.dates import is_date, month_numbers
from app.text.normalization.rules.money import alternatives
from app.text.normalization.rules.numbers import roman_value
from app.text.normalization.rules.order import ordered_rules

_PARTS = {1: "tized", 2: "század", 3: "ezred", 4: "tízezred", 5: "százezred", 6: "milliomod"}
_DAY_ENDINGS = {
    "": "",
    "je": "",
    "jén": "jén",
    "én": "jén",
    "án": "jén",
    "e": "",
    "a": "",
    "i": "ji",
    "ai": "ji",
    "ei": "ji",
}


class Hungarian(Grammar):
    language = "hu"
    locale = "hu"
    thousands = ". "
    decimal = ","
    date_separators = ".-/"
    minus = "mínusz"
    plus = "plusz"
    point = "egész"
    to = "–"
    per = "per"
    and_ = "és"
    by = "szer"
    percent_pattern = "{0} százalék"
    signs = {
        "&": "és", "@": "kukac", "#": "kettőskereszt", "%": "százalék", "=": "egyenlő", "≠": "nem egyenlő", "≈": "körülbelül",
        "≤": "kisebb vagy egyenlő", "≥": "nagyobb vagy egyenlő", "±": "plusz-mínusz", "×": "szor", "÷": "osztva", "√": "gyök",
        "∞": "végtelen", "→": "nyíl", "°": "fok", "§": "paragrafus", "©": "copyright", "®": "bejegyzett védjegy",
        "™": "védjegy", "$": "dollár", "€": "euró", "£": "font", "¥": "jen", "№": "szám", "^": "hatvány", "+": "plusz",
    }  # fmt: skip
    operators = {"*": "szor", "<": "kisebb mint", ">": "nagyobb mint"}
    web_signs = {
        ".": "pont", "/": "perjel", "-": "kötőjel", "_": "aláhúzás", ":": "kettőspont", "@": "kukac", "?": "kérdőjel",
        "=": "egyenlőségjel", "&": "és", "#": "kettőskereszt", "~": "hullámvonal",
    }  # fmt: skip
    abbreviations = {
        "dr.": "doktor", "Dr.": "doktor", "pl.": "például", "stb.": "satöbbi", "kb.": "körülbelül", "ill.": "illetve",
        "ún.": "úgynevezett", "u.": "utca", "ált.": "általános", "id.": "idősebb", "ifj.": "ifjabb", "özv.": "özvegy",
        "prof.": "professzor", "tel.": "telefon", "i. e.": "időszámításunk előtt", "i. sz.": "időszámításunk szerint",
        "Kft.": "káefté", "Zrt.": "zéerté", "old.": "oldal", "vki": "valaki", "vmi": "valami",
        "vö.": "vesd össze", "ld.": "lásd", "krt.": "körút", "em.": "emelet", "fszt.": "földszint",
        "Bp.": "Budapest", "sz.": "szám", "max.": "maximum", "min.": "minimum", "db": "darab", "tv.": "törvény",
        "fn.": "főnév", "isk.": "iskola", "ua.": "ugyanaz", "Bt.": "bété", "Nyrt.": "enyérté",
    }  # fmt: skip
    hyphen_before_units = False
    magnitudes = {"ezer": "ezer", "millió": "millió", "milliárd": "milliárd", "billió": "billió", "mrd": "milliárd", "M": "millió",
                  "md": "milliárd"}  # fmt: skip
    unit_words = {
        "length-meter": ("méter", "méter"),
        "dB": ("decibel", "decibel"),
        "temperature-celsius": ("Celsius-fok", "Celsius-fok"),
    }
    currency_words = {
        "USD": ("dollár", "dollár"), "EUR": ("euró", "euró"), "GBP": ("angol font", "angol font"), "HUF": ("forint", "forint"),
        "JPY": ("jen", "jen"),
    }  # fmt: skip
    currency_signs = {"Ft": "HUF"}
    subunit_words = {"USD": ("cent", "cent"), "EUR": ("cent", "cent"), "GBP": ("penny", "penny")}
    roman_words = ()

    def cardinal(self, number: int, context: str = "") -> str:
        """With the hyphens that Hungarian writes between thousands above 2,000."""
        if number > 2000 and number % 1000:
            return f"{self.cardinal(number - number % 1000)}-{self.cardinal(number % 1000)}"
        if number >= 10**6 and number % 10**6 == 0 and number < 10**9:
            millions = number // 10**6
            return "millió" if millions == 1 else f"{self.cardinal(millions)}millió"
        return self.numerals.spell(number, "spellout-cardinal").replace("két", "kettő")

    def decimals(self, fraction: str) -> str:
        return (
            f"{self.cardinal(int(fraction))} {_PARTS[len(fraction)]}"
            if len(fraction) in _PARTS
            else self.digits(fraction)
        )

    def year(self, number: int) -> str:
        return self.cardinal(number)

    def ordinal_day(self, day: int, ending: str = "") -> str:
        """`elseje`, `másodika`, `elsején`; `ending` is `jén` (on that day) or `ji` (of that day)."""
        if day == 1:
            return {"jén": "elsején", "ji": "elsejei"}.get(ending, "elseje")
        spoken = self.numerals.spell(day, "spellout-ordinal")
        long, short = ("á", "a") if re.search("[aáoóuú]", spoken[-5:]) else ("é", "e")
        return spoken + {"jén": f"{long}n", "ji": f"{short}i"}.get(ending, short)

    def date(self, day: int | None, month: int, year: int | None) -> str:
        said = self.ordinal_day(day) if day else ""
        return self.join("" if year is None else self.year(year), self.month(month), said)

    def time(self, hour: int, minute: int, second: int | None = None, suffix: str = "") -> str:
        minutes = f"{self.cardinal(minute)} perc" if minute else ""
        return self.join(
            f"{self.cardinal(hour)} óra", minutes, f"{self.cardinal(second)} másodperc" if second else "", suffix
        )

    def fraction(self, numerator: int, denominator: int) -> str:
        part = "fél" if denominator == 2 else self.cardinal(denominator)
        if denominator == 2:
            return "fél" if numerator == 1 else f"{self.cardinal(numerator)} ketted"
        return f"{self.cardinal(numerator)} {_part(part)}"


def _part(number: str) -> str:
    """A number word as a fraction's denominator: `harmad`, `negyed`, `ötöd`."""
    for end, part in {"három": "harmad", "négy": "negyed", "öt": "ötöd", "hat": "hatod", "hét": "heted", "nyolc": "nyolcad",
                      "kilenc": "kilenced", "tíz": "tized", "húsz": "huszad", "száz": "század", "ezer": "ezred", "kettő": "ketted",
                      "egy": "egyed", "harminc": "harmincad", "millió": "milliomod"}.items():  # fmt: skip
        if number.endswith(end):
            return number.removesuffix(end) + part
    return number + ("ad" if any(vowel in number[-4:] for vowel in "aáoóuú") else "ed")


GRAMMAR = Hungarian()


def rules() -> Iterator[Rule]:
    grammar = GRAMMAR
    roman = re.compile(r"(?<!\w)([IVX]+)\.(?= [a-záéíóöőúüű])|(?<!\w)(I|[IVX]{2,})\.(?= [A-ZÁÉÍÓÖŐÚÜŰ][a-záéíóöőúüű])")

    def say_roman(match: re.Match[str]) -> str | None:
        value = roman_value(match[1] or match[2])
        return grammar.ordinal(value) if value else None

    return ordered_rules(
        grammar, ordinal_rules=[Rule("roman", roman, say_roman)], date_rules=_dates(grammar), time_rules=_times(grammar), amount_rules=_ordinals(grammar), last_rules=hungarian_suffixes.rules(grammar),
    )  # fmt: skip


def _dates(grammar: Hungarian) -> Iterator[Rule]:
    months = month_numbers(grammar)
    month = rf"(?P<name>{alternatives(months)})\.?|(?P<roman>[IVX]+)\.|(?P<number>\d{{1,2}})\."
    pattern = re.compile(
        rf"(?<![\w.,])(?:(?P<year>\d{{4}})\. ?)?(?:{month}) ?(?P<day>\d{{1,2}})(?:\.|-(?P<ending>j?én|án|je|[ae]i?|i))(?!\w)"
    )

    def say(match: re.Match[str]) -> str | None:
        number = (
            months.get((match["name"] or "").lower()) or roman_value(match["roman"] or "") or int(match["number"] or 0)
        )
        day = int(match["day"])
        if not is_date(day, number):
            return None
        year = grammar.year(int(match["year"])) if match["year"] else ""
        ending = _DAY_ENDINGS.get(match["ending"] or "", "")
        return grammar.join(year, grammar.month(number), grammar.ordinal_day(day, ending))

    yield Rule("date", pattern, say)


def _times(grammar: Hungarian) -> Iterator[Rule]:
    hour = re.compile(r"(?<![\w:.,])(\d{1,2}) ó(?: (\d{1,2}) p)?(?:-([a-zé]+))?(?!\w)")

    def say(match: re.Match[str]) -> str:
        spoken = grammar.time(int(match[1]), int(match[2] or 0))
        if not match[3]:
            return spoken
        return spoken[:-1] + "á" + match[3] if spoken.endswith("óra") else spoken + match[3]

    yield Rule("time", hour, say)


def _ordinals(grammar: Hungarian) -> Iterator[Rule]:
    followed = re.compile(r"(?<![\w.,])(\d{1,3}(?: \d{3})+|\d+)\.(?= ?[a-záéíóöőúüű])")
    alone = re.compile(r"^(\d{1,3}(?: \d{3})+|\d+)\.$")

    def say(match: re.Match[str]) -> str:
        number = int(match[1].replace(" ", ""))
        return (
            grammar.cardinal(number - number % 1000) + "-" + grammar.ordinal(number % 1000)
            if number > 2000 and number % 1000
            else grammar.ordinal(number)
        )

    yield Rule("ordinal", alone, say)
    yield Rule("ordinal", followed, say)
