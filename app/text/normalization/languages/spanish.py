"""Spanish. Decimals are read in pairs; ordinals, units and currencies agree in gender."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.numerals import Number
from app.text.normalization.rule import Rule
from app.text.normalization.rules.dates import is_date, month_numbers, month_pattern
from app.text.normalization.rules.order import ordered_rules

_FEMININE = re.compile(
    r"(?:libras?|córdobas?|rupias?|liras?|coronas?|pesetas?|grivnas?|millas?|toneladas?|horas?|onzas?|yardas?|pulgadas?|"
    r"pintas?|hectáreas?|calorías?|atmósferas?|personas?|páginas?|veces|semanas?|mujeres|niñas|casas|cosas)\b"
)
_ORDINALS = {11: "undécim", 12: "duodécim"}
_ZONES = "est|cst|pst|gmt|utc|cet"

_QUEENS = frozenset(
    ["Isabel", "Maria", "María", "Catarina", "Catalina", "Juana", "Joana", "Ana", "Margarita", "Cristina"]
)


class Spanish(Grammar):
    language = "es"
    locale = "es"
    thousands = ". "
    decimal = ","
    minus = "menos"
    plus = "más"
    point = "coma"
    to = "a"
    per = "por"
    and_ = "y"
    by = "por"
    magnitude_of = "de"
    percent_pattern = "{0} por ciento"
    signs = {
        "&": "y", "@": "arroba", "#": "almohadilla", "%": "por ciento", "=": "es igual a", "≠": "es distinto de",
        "≈": "es aproximadamente", "≤": "es menor o igual que", "≥": "es mayor o igual que", "±": "más menos",
        "×": "por", "÷": "entre", "√": "raíz de", "∞": "infinito", "→": "a", "°": "grados", "§": "sección",
        "©": "copyright", "®": "marca registrada", "™": "marca", "$": "dólar", "€": "euro", "£": "libra", "¥": "yen",
        "№": "número", "^": "elevado a", "+": "más",
    }  # fmt: skip
    operators = {"*": "por", "<": "es menor que", ">": "es mayor que"}
    ratio = "a"
    web_signs = {
        ".": "punto", "/": "barra", "-": "guion", "_": "guion bajo", ":": "dos puntos", "@": "arroba",
        "?": "interrogación", "=": "igual", "&": "y", "#": "almohadilla", "~": "virgulilla", "^": "acento circunflejo",
    }  # fmt: skip
    numbered = {
        "n.º": "número", "nº": "número", "n°": "número", "n.°": "número", "núm.": "número", "núms.": "números",
        "nro.": "número", "p.": "página", "pp.": "páginas", "art.": "artículo", "arts.": "artículos",
        "fig.": "figura", "vol.": "volumen", "t.": "tomo",
    }  # fmt: skip
    abbreviations = {
        "Sr.": "señor", "sr.": "señor", "Sra.": "señora", "sra.": "señora", "Srta.": "señorita", "Dr.": "doctor",
        "dr.": "doctor", "Dra.": "doctora", "dra.": "doctora", "D.": "don", "Dña.": "doña", "da.": "doña", "Prof.": "profesor",
        "Ud.": "usted", "Uds.": "ustedes", "etc.": "etcétera", "aprox.": "aproximadamente", "pág.": "página",
        "págs.": "páginas", "Av.": "avenida", "Avda.": "avenida", "C/": "calle ", "esq.": "esquina", "pza.": "plaza",
        "Pza.": "plaza", "EE. UU.": "Estados Unidos", "EE.UU.": "Estados Unidos", "ee. uu.": "estados unidos",
        "FF. AA.": "Fuerzas Armadas", "p. ej.": "por ejemplo", "p.ej.": "por ejemplo", "a. C.": "antes de Cristo",
        "a.C.": "antes de Cristo", "a. c.": "antes de cristo", "d. C.": "después de Cristo", "d.C.": "después de Cristo",
        "c.°": "camino", "b.": "bajo", "tel.": "teléfono", "Tel.": "teléfono", "cap.": "capítulo", "vol.": "volumen",
        "Sto.": "Santo", "Sta.": "Santa", "vs.": "versus", "ec": "era común",
        "Lic.": "licenciado", "Ing.": "ingeniero", "Arq.": "arquitecto", "máx.": "máximo", "mín.": "mínimo",
        "apdo.": "apartado", "Cía.": "compañía", "dcha.": "derecha", "izq.": "izquierda", "ref.": "referencia",
        "Dto.": "departamento",
    }  # fmt: skip
    magnitudes = {word: word for word in (
        "mil", "millón", "millones", "billón", "billones", "trillón", "trillones", "mil millones")
    } | {"M": "millones"}  # fmt: skip
    units = {
        "°K": "temperature-kelvin",
        "° k": "temperature-kelvin",
        "seg": "duration-second",
        "° c": "temperature-celsius",
        "h": "duration-hour",
    }
    unit_words = {"temperature-kelvin": ("grado kelvin", "grados kelvin"), "temperature-celsius": ("grado centígrado", "grados centígrados"), "dB": ("decibelio", "decibelios"),
                  "length-inch": ("pulgada", "pulgadas")}  # fmt: skip
    rates = {"mes": "mes", "año": "año", "día": "día", "semana": "semana", "hora": "hora"}
    currency_words = {
        "USD": ("dólar", "dólares"), "EUR": ("euro", "euros"), "GBP": ("libra", "libras"), "JPY": ("yen", "yenes"),
        "KRW": ("won", "wones"), "CHF": ("franco suizo", "francos suizos"), "NIO": ("córdoba", "córdobas"), "PAB": ("balboa", "balboas"),
        "BRL": ("real brasileño", "reales brasileños"), "BRL_": ("real", "reales"), "USD_": ("dólar estadounidense", "dólares estadounidenses"),
        "CRC_": ("colón", "colones"), "BOP": ("peso boliviano", "pesos bolivianos"), "HKD": ("dólar de hong kong", "dólares de hong kong"),
        "AWG": ("florín arubeño", "florines arubeños"), "FRF": ("franco", "francos"), "HNL": ("lempira", "lempiras"), "GTQ": ("quetzal", "quetzales"),
        "TTD": ("dólar de trinidad y tobago", "dólares de trinidad y tobago"), "ESP": ("peseta", "pesetas"),
        "CRC": ("colón costarricense", "colones costarricenses"), "MXN": ("peso mexicano", "pesos mexicanos"),
    }  # fmt: skip
    currency_signs = {"₧": "ESP", "mex$": "MXN", "MEX$": "MXN", "r$": "BRL_", "R$": "BRL_", "fr": "FRF", "₡": "CRC_", "Q": "GTQ",
                      "q": "GTQ", "us$": "USD_", "US$": "USD_"} | {
        code.lower(): code for code in ["NIO", "PAB", "BOP", "HNL", "GTQ", "CRC", "HKD", "JPY", "CHF", "BRL", "AWG", "TTD", "USD", "EUR"]}  # fmt: skip
    subunit_words = {
        "EUR": ("céntimo", "céntimos"), "GBP": ("penique", "peniques"), "*": ("centavo", "centavos"),
    }  # fmt: skip
    rulers = r"[IVX]+"
    roman_words = ("siglo", "capítulo", "tomo", "parte", "libro", "acto", "año", "rey", "papa", "volumen")

    def cardinal(self, number: int, context: str = "") -> str:
        if not context or not context[0].isalpha():
            return self.numerals.spell(number)
        gender = "feminine" if _FEMININE.match(context) else "masculine"
        return self.numerals.spell(number, f"spellout-cardinal-{gender}")

    def ordinal(self, number: int, context: str = "") -> str:
        """`context` is the ending: `o`, `a`, or `er` before a noun."""
        feminine = context == "a"
        if context != "er" and number in _ORDINALS:
            return _ORDINALS[number] + ("a" if feminine else "o")
        ruleset = "feminine" if feminine else "masculine-adjective" if context == "er" else "masculine"
        if 20 < number < 30:
            return "vigesim" + ("o" + self.numerals.spell(number % 10, f"spellout-ordinal-{ruleset}")).replace(
                "oo", "o"
            )
        spoken = self.numerals.spell(number, f"spellout-ordinal-{ruleset}").replace("octingésim", "octingentésim")
        return spoken.replace(" milésim", "milésim").replace(" millonésim", "millonésim")

    def decimals(self, fraction: str) -> str:
        """In pairs: `14 15`; three digits as one number, where a zero leads digit by digit."""
        if len(fraction) == 3 and not fraction.startswith("0"):
            return self.cardinal(int(fraction))
        said: list[str] = []
        for index in range(0, len(fraction), 2):
            pair = fraction[index : index + 2]
            said.append(self.digits(pair) if pair.startswith("0") or len(pair) == 1 else self.cardinal(int(pair)))
        return " ".join(said)

    def day(self, number: int) -> str:
        return "primero" if number == 1 else self.cardinal(number)

    def date(self, day: int | None, month: int, year: int | None) -> str:
        parts = [self.day(day) if day else "", self.month(month), "" if year is None else self.cardinal(year)]
        return " de ".join(part for part in parts if part)

    def hour(self, number: int) -> str:
        return "una" if number == 1 else "veintiuna" if number == 21 else self.cardinal(number)

    def time(self, hour: int, minute: int, second: int | None = None, suffix: str = "") -> str:
        low = {0: "", 15: "y cuarto", 30: "y media"}.get(minute, f"y {self.cardinal(minute)}")
        said_second = f"y {self.cardinal(second)} segundos" if second else ""
        return self.join(self.hour(hour), low, said_second, suffix)

    def fraction(self, numerator: int, denominator: int) -> str:
        above = "un" if numerator == 1 else self.cardinal(numerator)
        if denominator == 2:
            return "un medio" if numerator == 1 else f"{above} medios"
        part = self._part(denominator)
        if part is None:
            return f"{self.cardinal(numerator)} sobre {self.cardinal(denominator)}"
        return f"{above} {part}{'' if numerator == 1 else 's'}"

    def _part(self, denominator: int) -> str | None:
        if denominator == 3:
            return "tercio"
        if denominator <= 10 or (denominator >= 100 and len(str(denominator).rstrip("0")) == 1):
            return self.ordinal(denominator)
        return None if denominator > 99 else self.cardinal(denominator).replace(" y ", "i").removesuffix("a") + "avo"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        if (numerator, denominator) == (1, 2):
            return f"{self.cardinal(whole)} y medio"
        return f"{self.cardinal(whole)} y {self.fraction(numerator, denominator)}"

    def fraction_measure(self, whole: int | None, numerator: int, denominator: int, key: str) -> str | None:
        """`tres quintos de milla por hora`, `medio milímetro`, `una y media milla`."""
        unit = self.unit_name(key)
        if unit is None:
            return None
        is_feminine = _FEMININE.match(unit) is not None
        half = "media" if is_feminine else "medio"
        said_whole = "" if whole is None else ("una" if whole == 1 and is_feminine else self.cardinal(whole)) + " y"
        if (numerator, denominator) == (1, 2):
            return self.join(said_whole, half, unit)
        return self.join(said_whole, self.fraction(numerator, denominator), "de", unit)

    def large_money(self, number: Number, magnitude: str, code: str) -> str:
        of = "" if magnitude == "mil" else "de"
        return self.join(self.number(number), magnitude, of, self.currency(code, Number(False, "2")))

    def ruler(self, name: str, number: int) -> str:
        """Ordinals up to ten, cardinals from eleven."""
        if number > 10:
            return f"{name} {self.cardinal(number)}"
        return f"{name} {self.ordinal(number, 'a' if name in _QUEENS else 'o')}"

    def web_word(self, word: str) -> str:
        return word if word.lower() in _READ_AS_WORDS or len(word) > 5 else " ".join(word)


_READ_AS_WORDS = frozenset(["com", "net", "org", "gmail", "hotmail", "yahoo", "outlook", "info", "nvidia", "google"])
GRAMMAR = Spanish()


def rules() -> Iterator[Rule]:
    grammar = GRAMMAR
    return ordered_rules(
        grammar, date_rules=_dates(grammar), time_rules=_times(grammar), amount_rules=_ordinals(grammar),
    )  # fmt: skip


def _ordinals(grammar: Spanish) -> Iterator[Rule]:
    ending = r"(?P<ending>[ºª°]|ᵉʳ|er|ro|do|to|mo|vo|no|ra|da|ta|ma|va|na)"
    pattern = re.compile(rf"(?<![\w.,])(?P<number>\d{{1,3}}(?:[. ]\d{{3}})+|\d+)\.?{ending}(?![\w°])(?! ?[cCfFkK]\b)")

    def say(match: re.Match[str]) -> str:
        ending = match["ending"]
        form = "er" if ending in ("ᵉʳ", "er") else "a" if ending == "ª" or ending.endswith("a") else "o"
        return grammar.ordinal(int(re.sub(r"\D", "", match["number"])), form)

    yield Rule("ordinal", pattern, say)


def _dates(grammar: Spanish) -> Iterator[Rule]:
    months = month_numbers(grammar) | {"sep": 9, "set": 9, "setiembre": 9}
    month = f"{month_pattern(grammar)}|setiembre|sep|set"
    year = r"(?:,? (?:de[l]? )?(?P<year>\d{4})(?!\d))?"
    day_first = re.compile(rf"(?<![\w.,])(?P<day>\d{{1,2}}) (?:de )?(?P<month>{month})\b\.?{year}", re.IGNORECASE)
    month_first = re.compile(rf"\b(?P<month>{month})\b\.? (?P<day>\d{{1,2}})(?![\w.,:]\d|\d){year}", re.IGNORECASE)

    def say(match: re.Match[str]) -> str | None:
        day, month = int(match["day"]), months[match["month"].lower()]
        return grammar.date(day, month, int(match["year"]) if match["year"] else None) if is_date(day, month) else None

    yield Rule("date", day_first, say)
    yield Rule("date", month_first, say)


def _times(grammar: Spanish) -> Iterator[Rule]:
    half = rf"(?: ?(?P<half>[ap])\.? ?m\b\.?)?(?: ?(?P<zone>{_ZONES})\b(?! ?[-+]))?"
    clock = re.compile(
        rf"(?<![\w:.,])(?P<hour>\d{{1,2}})[:.](?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?P<h> h\b)?{half}(?![\w:]|[.,]\d)",
        re.I,
    )
    hours = re.compile(r"(?<![\w:.,])(\d{1,2}) ?h ?(\d{1,2}) ?(?:min|m)?\b(?! ?\d)")

    def say(match: re.Match[str]) -> str | None:
        hour, minute = int(match["hour"]), int(match["minute"])
        if hour > 24 or ("." in match[0][:3] and not (match["h"] or match["half"] or match["zone"])):
            return None
        period = ""
        if match["half"]:
            is_pm = match["half"].lower() == "p"
            period = (
                "de la tarde" if is_pm and hour % 12 < 8 else "de la noche" if is_pm or hour == 12 else "de la mañana"
            )
        zone = " ".join(match["zone"]) if match["zone"] else ""
        return grammar.join(grammar.time(hour, minute, int(match["second"] or 0)), period, zone)

    yield Rule("time", clock, say)
    yield Rule("time", hours, lambda match: grammar.time(int(match[1]), int(match[2])))
