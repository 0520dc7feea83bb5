"""Italian. Words that end in a vowel lose it before `uno` and `otto`, as CLDR's rules write them."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.rule import Rule
from app.text.normalization.rules.dates import named_date_rules
from app.text.normalization.rules.order import ordered_rules

_FEMININE = re.compile(
    r"(?:ora|ore|sterlin[ae]|tonnellat[ae]|onc[ei]a?|lir[ae]|rupi[ae]|coron[ae]|calori[ae]|person[ae]|pagin[ae]|volt[ae]|"
    r"settiman[ae]|donn[ae]|cas[ae]|cos[ae]|iard[ae])\b"
)


class Italian(Grammar):
    language = "it"
    locale = "it"
    elides = True
    thousands = ". "
    decimal = ","
    minus = "meno"
    plus = "più"
    point = "virgola"
    to = "a"
    per = "per"
    and_ = "e"
    by = "per"
    money_joiner = " e "
    magnitude_of = "di"
    percent_pattern = "{0} percento"
    signs = {
        "&": "e", "@": "chiocciola", "#": "cancelletto", "%": "percento", "=": "uguale", "≠": "diverso da", "≈": "circa",
        "≤": "minore o uguale a", "≥": "maggiore o uguale a", "±": "più o meno", "×": "per", "÷": "diviso",
        "√": "radice di", "∞": "infinito", "→": "verso", "°": "gradi", "§": "paragrafo", "©": "copyright",
        "®": "marchio registrato", "™": "marchio", "$": "dollaro", "€": "euro", "£": "sterlina", "¥": "yen", "№": "numero",
        "^": "elevato a", "+": "più",
    }  # fmt: skip
    operators = {"*": "per", "<": "è minore di", ">": "è maggiore di"}
    ratio = "a"
    web_signs = {
        ".": "punto", "/": "slash", "-": "trattino", "_": "trattino basso", ":": "due punti", "@": "chiocciola",
        "?": "punto interrogativo", "=": "uguale", "&": "e", "#": "cancelletto", "~": "tilde", "!": "punto esclamativo",
    }  # fmt: skip
    numbered = {
        "n°": "numero", "nº": "numero", "n.": "numero", "num.": "numero", "nn.": "numeri", "p.": "pagina",
        "pp.": "pagine", "vol.": "volume", "t.": "tomo",
    }  # fmt: skip
    abbreviations = {
        "sig.": "signor", "Sig.": "signor", "sig.ra": "signora", "Sig.ra": "signora", "sig.na": "signorina",
        "Sig.na": "signorina", "dott.": "dottor", "Dott.": "dottor", "dott.ssa": "dottoressa", "Dott.ssa": "dottoressa",
        "prof.": "professor", "Prof.": "professor", "prof.ssa": "professoressa", "avv.": "avvocato", "Avv.": "avvocato",
        "ing.": "ingegner", "Ing.": "ingegner", "dip.": "dipartimento", "pag.": "pagina", "pagg.": "pagine", "cap.": "capitolo",
        "vol.": "volume", "ecc.": "eccetera", "es.": "esempio", "p. es.": "per esempio", "tel.": "telefono",
        "Tel.": "telefono", "ca.": "circa", "a.C.": "avanti Cristo", "d.C.": "dopo Cristo", "S.": "San", "P.zza": "piazza",
        "v.le": "viale", "fig.": "figura", "art.": "articolo", "on.": "onorevole",
        "ad es.": "ad esempio", "c.so": "corso", "C.so": "corso", "V.le": "viale", "p.zza": "piazza",
        "sigg.": "signori", "Sigg.": "signori", "arch.": "architetto", "Arch.": "architetto", "geom.": "geometra",
        "rag.": "ragioniere", "max.": "massimo", "min.": "minimo", "rif.": "riferimento", "N.B.": "nota bene",
        "S.p.A.": "società per azioni",
    }  # fmt: skip
    magnitudes = {word: word for word in ("mila", "milione", "milioni", "miliardo", "miliardi", "bilione", "bilioni")}
    magnitudes |= {"mln": "milioni", "mld": "miliardi"}
    unit_words = {"dB": ("decibel", "decibel"), "speed-kilometer-per-second": ("chilometro per secondo", "chilometri per secondo"),
                  "temperature-celsius": ("grado Celsius", "gradi Celsius"), "angle-degree": ("grado", "gradi"),
                  "angle-arc-minute": ("primo", "primi"), "angle-arc-second": ("secondo", "secondi")}  # fmt: skip
    rates = {"mese": "mese", "anno": "anno", "giorno": "giorno", "settimana": "settimana", "ora": "ora"}
    currency_words = {
        "EUR": ("euro", "euro"), "USD": ("dollaro", "dollari"), "GBP": ("sterlina", "sterline"), "JPY": ("yen", "yen"),
        "CHF": ("franco svizzero", "franchi svizzeri"),
    }  # fmt: skip
    currency_signs = {"eur": "EUR"}
    subunit_words = {
        "EUR": ("centesimo", "centesimi"), "USD": ("centesimo", "centesimi"), "GBP": ("penny", "penny"),
        "CHF": ("centesimo", "centesimi"),
    }  # fmt: skip
    rulers = r"[IVX]{2,}|[VX]"
    roman_words = ("capitolo", "secolo", "tomo", "parte", "libro", "atto", "volume", "scena")

    def cardinal(self, number: int, context: str = "") -> str:
        if number == 1 and context and context[0].isalpha():
            return "una" if _FEMININE.match(context) else "un"
        return self.numerals.spell(number)

    def ordinal(self, number: int, context: str = "") -> str:
        """`context` is the ending, `o` or `a`."""
        return self.numerals.spell(number, f"spellout-ordinal-{'feminine' if context == 'a' else 'masculine'}")

    def decimals(self, fraction: str) -> str:
        """Zeros one by one, the rest as a number of up to three digits."""
        zeros = len(fraction) - len(fraction.lstrip("0"))
        rest = fraction[zeros:]
        said = (self.cardinal(int(rest)) if len(rest) <= 3 else self.digits(rest)) if rest else ""
        return " ".join(word for word in (*["zero"] * zeros, said) if word)

    def year(self, number: int) -> str:
        return self.cardinal(number)

    def day(self, number: int) -> str:
        return "primo" if number == 1 else self.cardinal(number)

    def time(self, hour: int, minute: int, second: int | None = None, suffix: str = "") -> str:
        hours = "una" if hour == 1 else self.cardinal(hour)
        if second is None:
            return self.join(hours, f"e {self.cardinal(minute)}" if minute else "", suffix)
        return self.join(hours, f"e {self.cardinal(minute)} minuti", f"e {self.cardinal(second)} secondi", suffix)

    def fraction(self, numerator: int, denominator: int) -> str:
        above = "un" if numerator == 1 else self.cardinal(numerator)
        if denominator == 2:
            return "un mezzo" if numerator == 1 else f"{above} mezzi"
        part = self.ordinal(denominator)
        return f"{above} {part if numerator == 1 else part[:-1] + 'i'}"

    def ruler(self, name: str, number: int) -> str:
        return f"{name} {self.ordinal(number, 'a' if name.endswith('a') and name not in _KINGS_IN_A else '')}"

    def web_word(self, word: str) -> str:
        """Short runs of letters one by one, names and longer ones as words."""
        return word if word.lower() in _READ_AS_WORDS or len(word) > 3 else " ".join(word)


_KINGS_IN_A = frozenset(["Andrea", "Nicola", "Luca", "Enea"])
_READ_AS_WORDS = frozenset(["com", "net", "org", "eu", "app", "web", "sky", "rai"])
GRAMMAR = Italian()


def rules() -> Iterator[Rule]:
    grammar = GRAMMAR
    return ordered_rules(
        grammar,
        words=[Rule("abbreviation", re.compile(r"(?<![\w.])[Vv]\. (?=[A-Z][a-z])"), lambda _: "via ")],
        date_rules=named_date_rules(grammar),
        amount_rules=_ordinals(grammar),
    )


def _ordinals(grammar: Italian) -> Iterator[Rule]:
    pattern = re.compile(r"(?<![\w.,])(\d{1,4})([ºª]|°(?= [a-z]))(?! ?[CF]\b)")
    yield Rule("ordinal", pattern, lambda match: grammar.ordinal(int(match[1]), "a" if match[2] == "ª" else "o"))
