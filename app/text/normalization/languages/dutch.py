"""Dutch. Thousands with a full stop, decimals with a comma; `half drie` is not used, times are read as figures."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.numerals import Number
from app.text.normalization.rule import Rule
from app.text.normalization.rules.dates import named_date_rules, year_rules
from app.text.normalization.rules.order import ordered_rules


class Dutch(Grammar):
    language = "nl"
    locale = "nl"
    thousands = ". "
    decimal = ","
    minus = "min"
    plus = "plus"
    point = "komma"
    to = "tot"
    per = "per"
    and_ = "en"
    by = "bij"
    money_joiner = " en "
    percent_pattern = "{0} procent"
    signs = {
        "&": "en", "@": "apenstaartje", "#": "hekje", "%": "procent", "=": "is gelijk aan", "≠": "is niet gelijk aan",
        "≈": "ongeveer", "≤": "kleiner dan of gelijk aan", "≥": "groter dan of gelijk aan", "±": "plus of min", "×": "maal",
        "÷": "gedeeld door", "√": "wortel van", "∞": "oneindig", "→": "naar", "°": "graden", "§": "paragraaf",
        "©": "copyright", "®": "geregistreerd handelsmerk", "™": "handelsmerk", "$": "dollar", "€": "euro", "£": "pond",
        "¥": "yen", "№": "nummer", "^": "tot de macht", "+": "plus",
    }  # fmt: skip
    operators = {"*": "maal", "<": "is kleiner dan", ">": "is groter dan"}
    web_signs = {
        ".": "punt", "/": "slash", "-": "streepje", "_": "laag streepje", ":": "dubbele punt", "@": "apenstaartje",
        "?": "vraagteken", "=": "is", "&": "en", "#": "hekje", "~": "tilde",
    }  # fmt: skip
    numbered = {
        "nr.": "nummer", "nrs.": "nummers", "p.": "pagina", "art.": "artikel", "fig.": "figuur", "vol.": "volume",
    }  # fmt: skip
    abbreviations = {
        "dhr.": "de heer", "Dhr.": "de heer", "mevr.": "mevrouw", "Mevr.": "mevrouw", "mw.": "mevrouw", "dr.": "doctor",
        "Dr.": "doctor", "drs.": "doctorandus", "prof.": "professor", "Prof.": "professor", "ir.": "ingenieur", "mr.": "meester",
        "bijv.": "bijvoorbeeld", "bv.": "bijvoorbeeld", "enz.": "enzovoort", "o.a.": "onder andere", "d.w.z.": "dat wil zeggen",
        "i.p.v.": "in plaats van", "m.a.w.": "met andere woorden", "t.o.v.": "ten opzichte van", "a.u.b.": "alstublieft",
        "ca.": "circa", "afb.": "afbeelding", "blz.": "bladzijde", "pag.": "pagina", "hfst.": "hoofdstuk", "str.": "straat",
        "tel.": "telefoon", "Tel.": "telefoon", "incl.": "inclusief", "excl.": "exclusief", "max.": "maximaal",
        "min.": "minimaal", "v.Chr.": "voor Christus", "n.Chr.": "na Christus", "St.": "Sint", "vs.": "versus",
        "zgn.": "zogenaamd", "resp.": "respectievelijk", "t.a.v.": "ter attentie van",
        "n.a.v.": "naar aanleiding van", "m.b.t.": "met betrekking tot", "i.v.m.": "in verband met",
        "o.l.v.": "onder leiding van", "e.d.": "en dergelijke", "e.a.": "en anderen", "evt.": "eventueel",
        "t/m": "tot en met", "etc.": "et cetera", "ing.": "ingenieur", "jl.": "jongstleden", "a.s.": "aanstaande",
        "z.o.z.": "zie ommezijde", "vlg.": "volgens",
    }  # fmt: skip
    magnitudes = {word: word for word in ("duizend", "miljoen", "miljard", "biljoen", "biljard")} | {
        "mln.": "miljoen", "mln": "miljoen", "mld.": "miljard", "mld": "miljard"}  # fmt: skip
    units = {"u": "duration-hour", "uur": "duration-hour", "sec": "duration-second", "km/u": "speed-kilometer-per-hour"}
    rulers = r"[IVX]{2,}|I"
    unit_words = {
        "duration-hour": ("uur", "uur"), "length-kilometer": ("kilometer", "kilometer"), "dB": ("decibel", "decibel"),
        "temperature-celsius": ("graad Celsius", "graden Celsius"), "duration-minute": ("minuut", "minuten"),
        "°": ("graad", "graden"), "angle-degree": ("graad", "graden"), "length-inch": ("inch", "inch"),
    }  # fmt: skip
    rates = {"maand": "maand", "jaar": "jaar", "dag": "dag", "week": "week", "uur": "uur"}
    currency_words = {
        "EUR": ("euro", "euro"), "USD": ("dollar", "dollar"), "GBP": ("pond", "pond"), "JPY": ("yen", "yen"),
        "CHF": ("Zwitserse frank", "Zwitserse frank"), "RUB": ("roebel", "roebel"), "PLN": ("złoty", "złoty"),
    }  # fmt: skip
    subunit_words = {
        "EUR": ("cent", "cent"),
        "USD": ("cent", "cent"),
        "GBP": ("penny", "pence"),
        "CHF": ("rappen", "rappen"),
    }
    roman_words = ("hoofdstuk", "deel", "band", "akte", "boek", "bijlage", "paragraaf")

    def cardinal(self, number: int, context: str = "") -> str:
        """With a space behind `duizend`, and `één`, which the article `een` is not."""
        return "één" if number == 1 else re.sub(r"duizend(?=\w)", "duizend ", self.numerals.spell(number))

    def decimals(self, fraction: str) -> str:
        """Two figures as one number: `3,14` is `drie komma veertien`."""
        return self.cardinal(int(fraction)) if len(fraction) == 2 and fraction[0] != "0" else self.digits(fraction)

    def measure(self, number: Number, key: str, magnitude: str = "") -> str | None:
        """`1,5 l` is `anderhalve liter`."""
        spoken = super().measure(number, key, magnitude)
        if spoken and not number.is_negative and spoken.startswith("één komma vijf ") and number.fraction == "5":
            noun = spoken.removeprefix("één komma vijf ")
            return f"{'anderhalf' if noun.startswith(('uur', 'pond')) else 'anderhalve'} {noun}"
        return spoken

    def ruler(self, name: str, number: int) -> str:
        return f"{name} de {self.ordinal(number).capitalize()}"

    def year(self, number: int) -> str:
        """1905 is `negentienhonderdvijf`, 1995 `negentienvijfennegentig`."""
        if not 1100 <= number < 2000:
            return self.cardinal(number)
        low = self.numerals.spell(number % 100) if number % 100 else ""
        return f"{self.cardinal(number // 100)}{'' if number % 100 > 9 else 'honderd'}{low}"

    def time(self, hour: int, minute: int, second: int | None = None, suffix: str = "") -> str:
        seconds = f"en {self.cardinal(second)} seconden" if second else ""
        return self.join(self.cardinal(hour), "uur", self.cardinal(minute) if minute else "", seconds, suffix)

    def fraction(self, numerator: int, denominator: int) -> str:
        above = "een" if numerator == 1 else self.cardinal(numerator)
        if denominator == 2:
            return "een half" if numerator == 1 else f"{above} tweede"
        return f"{above} {'kwart' if denominator == 4 else self.ordinal(denominator)}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        if (numerator, denominator) == (1, 2):
            return "anderhalf" if whole == 1 else f"{self.cardinal(whole)}{'ën' if whole in (2, 3) else 'en'}half"
        return f"{self.cardinal(whole)} {self.fraction(numerator, denominator)}"


GRAMMAR = Dutch()


def rules() -> Iterator[Rule]:
    grammar = GRAMMAR
    return ordered_rules(
        grammar,
        date_rules=named_date_rules(grammar, more_months={"sept": 9, "okt": 10, "mrt": 3}),
        time_rules=_times(grammar),
        amount_rules=_ordinals(grammar),
        year_rules=_years(grammar),
    )


def _times(grammar: Dutch) -> Iterator[Rule]:
    clock = re.compile(
        r"(?<![\w:.,])(\d{1,2})[:.]([0-5]\d) ?(?:uur|u\.?)(?!\w)|(?<![\w:.,])(\d{1,2}) ?u ?([0-5]\d)(?!\w)|(?<![\w:.,])(\d{1,2}):([0-5]\d)(?![\w:]|[.,]\d)"
    )

    def say(match: re.Match[str]) -> str | None:
        hour = int(match[1] or match[3] or match[5])
        return grammar.time(hour, int(match[2] or match[4] or match[6])) if hour <= 24 else None

    yield Rule("time", clock, say)


def _ordinals(grammar: Dutch) -> Iterator[Rule]:
    pattern = re.compile(r"(?<![\w.,])(\d{1,4})(?:ste|de|e)(?!\w)")
    yield Rule("ordinal", pattern, lambda match: grammar.ordinal(int(match[1])))


def _years(grammar: Dutch) -> Iterator[Rule]:
    decade = re.compile(r"(?<!\w)([Jj]aren) '?([2-9]0)(?!\w|[.,]\d)")
    yield Rule("decade", decade, lambda match: f"{match[1]} {grammar.cardinal(int(match[2]))}")
    yield from year_rules(grammar)
