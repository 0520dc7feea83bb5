"""English. Dates in figures are read day first unless that gives no date; years and decades in pairs."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.languages import english_words
from app.text.normalization.numerals import Number
from app.text.normalization.rule import Rule
from app.text.normalization.rules.dates import is_date, month_numbers, month_pattern
from app.text.normalization.rules.order import ordered_rules

_SPELT_WORDS = (
    "ai au br ca ch de dk es eu fr hk ie il in io it jp kr mx nl no nz pl pt ru se sg sm tv tw ua uk us za "
    "http https www html css js php pdf ftp csv xml mp3 mp4 gif svg exe"
)
_SPELT = frozenset(_SPELT_WORDS.split())
"""Pieces of addresses that are read letter by letter."""
_STREETS = {
    "Expy": "Expressway", "Hwy": "Highway", "hwy": "Highway", "Ct": "Court", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road",
    "Dr": "Drive", "Ln": "Lane", "Pkwy": "Parkway", "Pl": "Place", "Sq": "Square", "Ter": "Terrace", "St": "Street",
}  # fmt: skip
_COMPASS = {"N": "North", "S": "South", "E": "East", "W": "West"}
_STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado", "CT": "Connecticut",
    "DE": "Delaware", "FL": "Florida", "GA": "Georgia", "HI": "Hawaii", "ID": "Idaho", "IL": "Illinois", "IN": "Indiana",
    "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana", "ME": "Maine", "MD": "Maryland", "MA": "Massachusetts",
    "MI": "Michigan", "MN": "Minnesota", "MS": "Mississippi", "MO": "Missouri", "MT": "Montana", "NE": "Nebraska",
    "NV": "Nevada", "NH": "New Hampshire", "NJ": "New Jersey", "NM": "New Mexico", "NY": "New York", "NC": "North Carolina",
    "ND": "North Dakota", "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon", "PA": "Pennsylvania", "RI": "Rhode Island",
    "SC": "South Carolina", "SD": "South Dakota", "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont",
    "VA": "Virginia", "WA": "Washington", "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming", "DC": "D C",
}  # fmt: skip
_RULERS_WORDS = (
    "Alexander Benedict Catherine Charles Christian Clement Edward Elizabeth Francis Frederick George Gregory "
    "Gustav Henry Innocent Ivan James John Leo Leopold Louis Mary Napoleon Nicholas Olaf Otto Paul Peter "
    "Philip Pius Ramesses Richard Robert Umberto Urban Victoria Wilhelm William"
)
_RULERS = frozenset(_RULERS_WORDS.split())


class English(Grammar):
    language = "en"
    locale = "en"
    date_order = "dmy"
    by = "by"
    money_joiner = " "
    signs = english_words.SIGNS
    operators = {"*": "times", "<": "is less than", ">": "is greater than"}
    ratio = "to"
    web_signs = english_words.WEB_SIGNS
    abbreviations = english_words.ABBREVIATIONS
    numbered = english_words.NUMBERED
    magnitudes = english_words.MAGNITUDES
    unit_words = english_words.UNIT_WORDS
    rates = english_words.RATES
    currency_words = {
        "USD": ("dollar", "dollars"), "GBP": ("pound", "pounds"), "JPY": ("yen", "yen"), "KRW": ("won", "won"),
        "INR": ("rupee", "rupees"), "RUB": ("ruble", "rubles"), "CNY": ("yuan", "yuan"), "TRY": ("lira", "lira"),
        "CAD": ("Canadian dollar", "Canadian dollars"), "BRL": ("real", "reais"), "CHF": ("Swiss franc", "Swiss francs"),
        "BTC": ("bitcoin", "bitcoins"),
    }  # fmt: skip
    subunit_words = {
        "USD": ("cent", "cents"), "EUR": ("cent", "cents"), "GBP": ("penny", "pence"), "INR": ("paisa", "paise"),
        "CAD": ("cent", "cents"), "AUD": ("cent", "cents"), "BRL": ("centavo", "centavos"), "RUB": ("kopeck", "kopecks"),
    }  # fmt: skip
    rulers = r"[IVX]{2,}|V"
    roman_words = ("chapter", "part", "volume", "book", "act", "scene", "section", "title", "appendix", "world war")

    def cardinal(self, number: int, context: str = "") -> str:
        return self.numerals.spell(number).replace("-", " ")

    def ordinal(self, number: int, context: str = "") -> str:
        return self.numerals.spell(number, "spellout-ordinal").replace("-", " ")

    def year(self, number: int) -> str:
        """In pairs: `nineteen oh five`, `three forty`."""
        if 100 < number < 1000 and number % 100:
            return f"{self.cardinal(number // 100)} {self.year(number % 100)}"
        if number < 100:
            return self.cardinal(number) if number > 9 else f"oh {self.cardinal(number)}"
        return super().year(number).replace("-", " ")

    def decade(self, number: int) -> str:
        """1980 -> nineteen eighties; 80 -> eighties; 2000 -> two thousands."""
        spoken = self.year(number) if number >= 100 else self.cardinal(number)
        return spoken[:-1] + "ies" if spoken.endswith("y") else spoken + "s"

    def date(self, day: int | None, month: int, year: int | None) -> str:
        """Month first, as in `july twenty fifth twenty twelve`."""
        return self.join(self.month(month), self.ordinal(day) if day else "", "" if year is None else self.year(year))

    def day_first(self, day: int, month: int, year: int | None) -> str:
        spoken = f"the {self.ordinal(day)} of {self.month(month)}"
        return spoken if year is None else f"{spoken} {self.year(year)}"

    def time(self, hour: int, minute: int, second: int | None = None, suffix: str = "") -> str:
        if second is not None:
            parts = [(hour, "hour"), (minute, "minute"), (second, "second")]
            said = [f"{self.cardinal(value)} {unit}{'' if value == 1 else 's'}" for value, unit in parts]
            return self.join(f"{said[0]} {said[1]} and {said[2]}", suffix)
        if minute == 0:
            return self.join(self.cardinal(hour), suffix or "o'clock")
        low = f"oh {self.cardinal(minute)}" if minute < 10 else self.cardinal(minute)
        return self.join(self.cardinal(hour), low, suffix)

    def fraction(self, numerator: int, denominator: int) -> str:
        if denominator == 1:
            return f"{self.cardinal(numerator)} over one"
        one = numerator == 1
        if denominator == 2:
            return "one half" if one else f"{self.cardinal(numerator)} halves"
        part = "quarter" if denominator == 4 else self.ordinal(denominator)
        return f"{self.cardinal(numerator)} {part}{'' if one else 's'}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        if numerator == 1 and denominator in (2, 4):
            return f"{self.cardinal(whole)} and a {'half' if denominator == 2 else 'quarter'}"
        return f"{self.cardinal(whole)} and {self.fraction(numerator, denominator)}"

    def power(self, exponent: Number) -> str:
        low = {"2": "squared", "3": "cubed"}.get(exponent.integer)
        return low if low and not exponent.is_negative else super().power(exponent)

    def ruler(self, name: str, number: int) -> str:
        return f"{name} the {self.ordinal(number)}" if name in _RULERS else f"{name} {self.cardinal(number)}"

    def house_number(self, written: str) -> str:
        """In pairs: `twenty seven eighty eight`; digit by digit around a zero."""
        if not 3 <= len(written) <= 4 or "0" in written:
            return self.digits(written) if len(written) > 2 else self.cardinal(int(written))
        return f"{self.cardinal(int(written[:-2]))} {self.cardinal(int(written[-2:]))}"

    def web_word(self, word: str) -> str:
        return word.upper() if word.lower() in _SPELT else {"jpg": "jpeg"}.get(word, word)


GRAMMAR = English()


def rules() -> Iterator[Rule]:
    grammar = GRAMMAR
    return ordered_rules(
        grammar, words=_words(grammar), date_rules=_dates(grammar), time_rules=_times(grammar),
        amount_rules=_decades(grammar), ordinal_rules=_ordinals(grammar), year_rules=_years(grammar),
    )  # fmt: skip


def _words(grammar: English) -> Iterator[Rule]:
    """Abbreviations whose reading depends on their neighbours."""
    street = re.compile(r"(?<=[a-z] )(?:St|Street)\b\.?(?= [A-Z0-9]|[,.;]|$)(?<!\bAta St)")
    yield Rule("abbreviation", re.compile(r"\bSt\. (?=[A-Z])(?<!\w\w\w St\. )"), lambda match: "saint ")
    yield Rule("abbreviation", re.compile(r"(?<=\d )([A-Z]\w+) St\b\.?"), lambda match: f"{match[1]} street")
    yield Rule("abbreviation", street, lambda match: "street" + ("." if match[0].endswith(".") else ""))
    yield Rule("number", re.compile(r"#(?=\d)"), lambda match: "number ")
    yield from _addresses(grammar)


def _addresses(grammar: English) -> Iterator[Rule]:
    """House numbers, streets, states and ZIP codes, and codes of letters and digits."""
    streets = "|".join([*_STREETS, *_STREETS.values()])
    house = re.compile(
        rf"(?<![\w.,$-])(?P<house>\d{{1,5}})(?P<compass> [NSEW]\.?)?(?P<name>(?: (?:[A-Z][a-z]+|\d{{1,3}}(?:st|nd|rd|th))){{1,3}}) (?P<street>{streets})\b"
    )
    zip_code = re.compile(
        rf"\b(?P<state>{'|'.join(_STATES)})(?P<gap>,? )(?P<zip>\d{{5}})(?:-(?P<more>\d{{4}}))?(?![\w-])"
    )
    code = re.compile(r"(?<=[a-z])(?<![^\W\d_]{6})(\d{4,12})(?![\w.,]*\w)", re.IGNORECASE)
    slash = re.compile(r"(?<=[a-z]{2}) ?/ ?(?=[a-z]{2})", re.IGNORECASE)

    def say_house(match: re.Match[str]) -> str:
        compass = _COMPASS[match["compass"].strip(" .")] if match["compass"] else ""
        street = _STREETS.get(match["street"], match["street"])
        return grammar.join(grammar.house_number(match["house"]), compass, match["name"].strip(), street)

    def say_zip(match: re.Match[str]) -> str:
        more = f" {grammar.digits(match['more'])}" if match["more"] else ""
        return f"{_STATES[match['state']]}{match['gap']}{grammar.digits(match['zip'])}{more}"

    yield Rule("address", house, say_house)
    yield Rule("address", zip_code, say_zip)
    yield Rule("number", code, lambda match: grammar.digits(match[1]))
    yield Rule("sign", re.compile(r"(?<=\band)/(?=or\b)"), lambda _: " ")
    yield Rule("sign", slash, lambda _: " slash ")


def _dates(grammar: English) -> Iterator[Rule]:
    months, month = month_numbers(grammar) | {"sept": 9}, f"{month_pattern(grammar)}|sept"
    day = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
    year = r"(?P<year>\d{4})(?!\d)"
    flags = re.IGNORECASE
    day_first = re.compile(rf"(?<![\w.,])(?P<the>the )?{day} (?:of )?(?P<month>{month})\b\.?(?:,? {year})?", flags)
    month_first = re.compile(rf"\b(?P<month>{month})\b\.? {day}(?![\w:]|[.,]\d)(?:,? {year})?", flags)
    month_year = re.compile(rf"\b(?P<month>{month})\b\.?,? {year}", flags)

    def parts(match: re.Match[str]) -> tuple[int, int, int | None]:
        found = match.groupdict()
        return int(found.get("day") or 0), months[match["month"].lower()], int(found["year"]) if found["year"] else None

    def say_day_first(match: re.Match[str]) -> str | None:
        day, month, year = parts(match)
        return grammar.day_first(day, month, year) if is_date(day, month) else None

    def say_month_first(match: re.Match[str]) -> str | None:
        day, month, year = parts(match)
        return grammar.date(day, month, year) if is_date(day or 1, month) else None

    numeric = re.compile(r"(?<![\w.,/-])(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?![\w/-]|[.,]\d)")

    def say_numeric(match: re.Match[str]) -> str | None:
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        if match[2] == "/" and is_date(second, first):  # with slashes the month is first, in the United States
            return grammar.date(second, first, year)
        return grammar.day_first(first, second, year) if is_date(first, second) else None

    yield Rule("date", day_first, say_day_first)
    yield Rule("date", month_first, say_month_first)
    yield Rule("date", month_year, say_month_first)
    yield Rule("date", numeric, say_numeric)


def _times(grammar: English) -> Iterator[Rule]:
    zone = r"(?: ?(?P<zone>e\.?s\.?t|p\.?s\.?t|c\.?s\.?t|m\.?s\.?t|e\.?d\.?t|p\.?d\.?t|gmt|utc|cet)\b\.?)?"
    clock = re.compile(
        r"(?<![\w:.,])(?P<hour>\d{1,2})(?:[:.](?P<minute>[0-5]\d))?(?::(?P<second>[0-5]\d))?"
        rf" ?(?P<half>[ap])\.? ?m\b\.?(?!\w){zone}",
        re.IGNORECASE,
    )

    def say(match: re.Match[str]) -> str | None:
        hour = int(match["hour"])
        if hour > 23:
            return None
        zone = " ".join(match["zone"].replace(".", "")) if match["zone"] else ""
        suffix = grammar.join(f"{match['half'].upper()}M", zone.upper().replace(" ", ""))
        second = int(match["second"]) if match["second"] else None
        spoken = grammar.time(hour, int(match["minute"] or 0), second, suffix)
        ends_sentence = match[0].endswith(".") and match.end() == len(match.string)
        return spoken + "." if ends_sentence else spoken

    duration = re.compile(r"(?<![\w.,])(\d+)h ?(\d+)m(?: ?(\d+)s)?(?!\w)|(?<![\w.,])(\d+)m ?(\d+)s(?!\w)")

    def say_duration(match: re.Match[str]) -> str:
        values = zip(
            ("hour", "minute", "second"), match.groups()[:3] if match[1] else (None, match[4], match[5]), strict=True
        )
        return " ".join(
            f"{grammar.cardinal(int(value))} {unit}{'' if int(value) == 1 else 's'}" for unit, value in values if value
        )

    yield Rule("time", clock, say)
    yield Rule("duration", duration, say_duration)


def _ordinals(grammar: English) -> Iterator[Rule]:
    pattern = re.compile(r"(?<![\w.,])(\d{1,3}(?:,\d{3})+|\d+)(st|nd|rd|th)\b", re.IGNORECASE)

    def say(match: re.Match[str]) -> str | None:
        number = int(match[1].replace(",", ""))
        teen = number % 100 in (11, 12, 13)
        suffix = "th" if teen else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
        return grammar.ordinal(number) if match[2].lower() == suffix else None

    yield Rule("ordinal", pattern, say)


def _decades(grammar: English) -> Iterator[Rule]:
    decade = re.compile(r"(?<![\w.,])(?:(1[1-9]|20)(\d0)|'?([2-9]0))'?s\b(?! *[-/])|'([2-9]0)s\b")

    def say(match: re.Match[str]) -> str | None:
        if (
            match[3]
            and match.string[match.start()] != "'"
            and match.string[match.start() - 4 : match.start()] != "mid-"
        ):
            return None  # "80s" alone may be eighty seconds
        return grammar.decade(int(match[1] + match[2]) if match[1] else int(match[3] or match[4]))

    yield Rule("decade", decade, say)


def _years(grammar: English) -> Iterator[Rule]:
    year = re.compile(r"(?<![\w.,$€£#-])(1[1-9]\d\d|20\d\d)(?![\w]|[.,:/]\d|-\d{3})")
    span = re.compile(r"(?<![\w.,])(1[1-9]\d\d|20\d\d)[-–](\d\d(?:\d\d)?)(?![\w]|[.,:/-]\d)")
    era = re.compile(r"(?<![\w.,])(\d{1,4}) ?(A\.?D|B\.?C(?:\.?E)?|C\.?E)\b\.?")

    def say_span(match: re.Match[str]) -> str:
        return f"{grammar.year(int(match[1]))} to {grammar.year(int(match[2]))}"

    def say_era(match: re.Match[str]) -> str:
        return f"{grammar.year(int(match[1]))} {match[2].replace('.', '')}"

    yield Rule("year", era, say_era)
    yield Rule("range", span, say_span)
    yield Rule("year", year, lambda match: grammar.year(int(match[1])))
