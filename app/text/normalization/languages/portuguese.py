"""Portuguese, as in Brazil where the two differ: `milhão`, `dezesseis` are CLDR's words."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.rule import Rule
from app.text.normalization.rules.dates import named_date_rules
from app.text.normalization.rules.order import ordered_rules

_FEMININE = re.compile(
    r"(?:horas?|libras?|milhas?|toneladas?|onças?|jardas?|polegadas?|liras?|rúpias?|coroas?|calorias?|pessoas?|páginas?|"
    r"vezes|semanas?|mulheres|meninas|casas|coisas|atmosferas?|grivnas?)\b"
)
_PERIOD = r"(?: (?P<period>da manhã|da tarde|da noite))?"

_QUEENS = frozenset(
    ["Isabel", "Maria", "María", "Catarina", "Catalina", "Juana", "Joana", "Ana", "Margarita", "Cristina"]
)


class Portuguese(Grammar):
    language = "pt"
    locale = "pt"
    thousands = ". "
    decimal = ","
    minus = "menos"
    plus = "mais"
    point = "vírgula"
    to = "a"
    per = "por"
    and_ = "e"
    by = "por"
    money_joiner = " e "
    magnitude_of = "de"
    percent_pattern = "{0} por cento"
    signs = {
        "&": "e", "@": "arroba", "#": "cerquilha", "%": "por cento", "=": "é igual a", "≠": "é diferente de",
        "≈": "é aproximadamente", "≤": "é menor ou igual a", "≥": "é maior ou igual a", "±": "mais ou menos",
        "×": "vezes", "÷": "dividido por", "√": "raiz de", "∞": "infinito", "→": "para", "°": "graus", "§": "parágrafo",
        "©": "copyright", "®": "marca registrada", "™": "marca", "$": "dólar", "€": "euro", "£": "libra", "¥": "iene",
        "№": "número", "^": "elevado a", "+": "mais",
    }  # fmt: skip
    operators = {"*": "vezes", "<": "é menor que", ">": "é maior que"}
    ratio = "a"
    web_signs = {
        ".": "ponto", "/": "barra", "-": "hífen", "_": "sublinhado", ":": "dois pontos", "@": "arroba",
        "?": "interrogação", "=": "igual", "&": "e", "#": "cerquilha", "~": "til",
    }  # fmt: skip
    numbered = {
        "n.º": "número", "nº": "número", "n°": "número", "n.°": "número", "núm.": "número", "p.": "página",
        "pp.": "páginas", "art.": "artigo", "arts.": "artigos", "fig.": "figura",
    }  # fmt: skip
    abbreviations = {
        "Sr.": "senhor", "Sra.": "senhora", "Srta.": "senhorita", "Dr.": "doutor", "Dra.": "doutora", "Prof.": "professor",
        "Profa.": "professora", "Av.": "avenida", "R.": "rua", "pág.": "página", "págs.": "páginas", "aprox.": "aproximadamente",
        "cap.": "capítulo", "vol.": "volume", "etc.": "etcétera", "ex.": "exemplo", "p. ex.": "por exemplo",
        "p.ex.": "por exemplo", "tel.": "telefone", "Tel.": "telefone", "ext.": "extensão", "a.C.": "antes de Cristo",
        "a. C.": "antes de Cristo", "d.C.": "depois de Cristo", "d. C.": "depois de Cristo", "Ltda.": "limitada",
        "Exmo.": "excelentíssimo", "Sto.": "Santo", "Sta.": "Santa", "EUA": "Estados Unidos", "séc.": "século",
        "Eng.": "engenheiro", "Exma.": "excelentíssima", "Cia.": "companhia", "máx.": "máximo", "mín.": "mínimo",
        "av.": "avenida", "apto.": "apartamento", "obs.": "observação", "ref.": "referência", "Lda.": "limitada",
    }  # fmt: skip
    magnitudes = {word: word for word in (
        "mil", "milhão", "milhões", "bilhão", "bilhões", "trilhão", "trilhões", "biliões", "mil milhões")
    } | {"mi": "milhões", "bi": "bilhões"}  # fmt: skip
    unit_words = {"temperature-celsius": ("grau Celsius", "graus Celsius"), "dB": ("decibel", "decibéis")}
    rates = {"mês": "mês", "ano": "ano", "dia": "dia", "semana": "semana", "hora": "hora"}
    currency_words = {
        "BRL": ("real", "reais"), "USD": ("dólar", "dólares"), "EUR": ("euro", "euros"), "GBP": ("libra", "libras"),
        "JPY": ("iene", "ienes"), "CHF": ("franco suíço", "francos suíços"),
    }  # fmt: skip
    subunit_words = {"GBP": ("pêni", "pence"), "*": ("centavo", "centavos")}
    rulers = r"[IVX]+"
    roman_words = ("século", "capítulo", "tomo", "parte", "livro", "ato", "volume", "seção")

    def cardinal(self, number: int, context: str = "") -> str:
        gender = "feminine" if context and _FEMININE.match(context) else "masculine"
        return self.numerals.spell(number, f"spellout-cardinal-{gender}")

    def ordinal(self, number: int, context: str = "") -> str:
        """`context` is the ending, `o` or `a`."""
        return self.numerals.spell(number, f"spellout-ordinal-{'feminine' if context == 'a' else 'masculine'}")

    def year(self, number: int) -> str:
        return self.cardinal(number)

    def day(self, number: int) -> str:
        return "primeiro" if number == 1 else self.cardinal(number)

    def date(self, day: int | None, month: int, year: int | None) -> str:
        parts = [self.day(day) if day else "", self.month(month), "" if year is None else self.year(year)]
        return " de ".join(part for part in parts if part)

    def time(self, hour: int, minute: int, second: int | None = None, suffix: str = "") -> str:
        hours = f"{self.cardinal(hour, 'horas')} {'hora' if hour == 1 else 'horas'}"
        if second is None:
            return self.join(hours, f"e {self.cardinal(minute)}" if minute else "", suffix)
        minutes = f"e {self.cardinal(minute)} {'minuto' if minute == 1 else 'minutos'}"
        return self.join(
            hours, minutes, f"e {self.cardinal(second)} {'segundo' if second == 1 else 'segundos'}", suffix
        )

    def fraction(self, numerator: int, denominator: int) -> str:
        plural = "" if numerator == 1 else "s"
        if denominator in (2, 3):
            return f"{self.cardinal(numerator)} {'meio' if denominator == 2 else 'terço'}{plural}"
        if denominator <= 10 or (denominator >= 100 and str(denominator).rstrip("0") == "1"):
            return f"{self.cardinal(numerator)} {self.ordinal(denominator)}{plural}"
        return f"{self.cardinal(numerator)} {self.cardinal(denominator)} avos"

    def ruler(self, name: str, number: int) -> str:
        """Ordinals up to ten, cardinals from eleven."""
        if number > 10:
            return f"{name} {self.cardinal(number)}"
        return f"{name} {self.ordinal(number, 'a' if name in _QUEENS else 'o')}"

    def web_word(self, word: str) -> str:
        return word if word.lower() in _READ_AS_WORDS else " ".join(word)


_READ_AS_WORDS = frozenset(
    [
        "com",
        "net",
        "org",
        "gmail",
        "hotmail",
        "yahoo",
        "outlook",
        "google",
        "nvidia",
        "usuario",
        "br",
        "facebook",
        "microsoft",
        "netflix",
    ]
)
GRAMMAR = Portuguese()


def rules() -> Iterator[Rule]:
    grammar = GRAMMAR
    return ordered_rules(
        grammar,
        date_rules=named_date_rules(grammar, of="de"),
        time_rules=_times(grammar),
        amount_rules=_ordinals(grammar),
    )


def _times(grammar: Portuguese) -> Iterator[Rule]:
    clock = re.compile(
        r"(?<![\w:.,])(?P<hour>\d{1,2})(?::|[hH])(?P<minute>[0-5]\d)?(?::(?P<second>[0-5]\d))?(?:min)?(?![\w:]|[.,]\d)"
        + _PERIOD
    )

    def say(match: re.Match[str]) -> str | None:
        hour = int(match["hour"])
        if hour > 24 or (match["minute"] is None and ":" in match[0]):
            return None
        if match["period"] and match["period"] != "da manhã" and hour > 12 and not (match["second"] or hour > 21):
            hour -= 12
        return grammar.time(
            hour, int(match["minute"] or 0), int(match["second"]) if match["second"] else None, match["period"] or ""
        )

    yield Rule("time", clock, say)


def _ordinals(grammar: Portuguese) -> Iterator[Rule]:
    pattern = re.compile(r"(?<![\w.,])(\d{1,4})\.?([ºª°]|os?|as?)(?![\w°])(?! ?[cCfF]\b)")
    yield Rule(
        "ordinal", pattern, lambda match: grammar.ordinal(int(match[1]), "a" if match[2] in ("ª", "a", "as") else "o")
    )
