"""Turkish. Case endings behind an apostrophe stay with the word: `5'te` is `beşte`."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.numerals import Number
from app.text.normalization.quantities import UNITS
from app.text.normalization.rule import Rule
from app.text.normalization.rules.dates import named_date_rules
from app.text.normalization.rules.money import alternatives
from app.text.normalization.rules.numbers import roman_value
from app.text.normalization.rules.order import ordered_rules

_VOWELS = "aıoueiöü"


class Turkish(Grammar):
    language = "tr"
    locale = "tr"
    thousands = ". "
    decimal = ","
    minus = "eksi"
    plus = "artı"
    point = "virgül"
    to = "ila"
    per = "bölü"
    and_ = "ve"
    by = "çarpı"
    money_joiner = " "
    percent_pattern = "yüzde {0}"
    signs = {
        "&": "ve", "@": "et", "#": "diyez", "%": "yüzde", "=": "eşittir", "≠": "eşit değildir", "≈": "yaklaşık",
        "≤": "küçük eşittir", "≥": "büyük eşittir", "±": "artı eksi", "×": "çarpı", "÷": "bölü", "√": "karekök", "∞": "sonsuz",
        "→": "ok", "°": "derece", "§": "paragraf", "©": "telif hakkı", "®": "tescilli marka", "™": "ticari marka", "$": "dolar",
        "€": "avro", "£": "sterlin", "¥": "yen", "₺": "lira", "№": "numara", "^": "üzeri", "+": "artı",
    }  # fmt: skip
    operators = {"*": "çarpı", "<": "küçüktür", ">": "büyüktür"}
    web_signs = {
        ".": "nokta", "/": "bölü", "-": "tire", "_": "alt tire", ":": "iki nokta", "@": "et", "?": "soru işareti",
        "=": "eşittir", "&": "ve", "#": "diyez",
    }  # fmt: skip
    numbered = {
        "md.": "madde", "c.": "cilt", "böl.": "bölüm",
    }  # fmt: skip
    abbreviations = {
        "Dr.": "doktor", "Prof.": "profesör", "Doç.": "doçent", "Av.": "avukat", "Sn.": "sayın", "vb.": "ve benzeri",
        "vs.": "vesaire", "örn.": "örneğin", "Örn.": "örneğin", "bkz.": "bakınız", "Bkz.": "bakınız", "yy.": "yüzyıl",
        "Cad.": "caddesi", "cad.": "caddesi", "Sok.": "sokak", "sok.": "sokak", "Mah.": "mahallesi", "Apt.": "apartmanı",
        "No.": "numara", "no.": "numara", "Tel.": "telefon", "tel.": "telefon", "M.Ö.": "milattan önce", "M.S.": "milattan sonra",
        "s.": "sayfa", "yak.": "yaklaşık", "T.C.": "Türkiye Cumhuriyeti", "Ltd.": "limitet", "Şti.": "şirketi",
        "vd.": "ve diğerleri", "Blv.": "bulvarı", "Bul.": "bulvarı", "çev.": "çeviren", "haz.": "hazırlayan",
        "Cd.": "caddesi", "Sk.": "sokak", "Uzm.": "uzman", "Yrd.": "yardımcı", "Öğr.": "öğretim",
        "Gör.": "görevlisi", "ör.": "örneğin",
    }  # fmt: skip
    magnitudes = {word: word for word in ("bin", "milyon", "milyar", "trilyon")} | {"mn": "milyon", "mr": "milyar"}
    units = {
        "sa": "duration-hour",
        "dk": "duration-minute",
        "sn": "duration-second",
        "km/sa": "speed-kilometer-per-hour",
    }
    unit_words = {
        "dB": ("desibel", "desibel"),
        "length-meter": ("metre", "metre"),
        "temperature-celsius": ("santigrat derece", "santigrat derece"),
    }
    rates = {"ay": "ay", "yıl": "yıl", "gün": "gün", "saat": "saat"}
    currency_words = {
        "TRY": ("lira", "lira"), "USD": ("dolar", "dolar"), "EUR": ("avro", "avro"), "GBP": ("sterlin", "sterlin"),
        "JPY": ("yen", "yen"), "RUB": ("ruble", "ruble"),
    }  # fmt: skip
    currency_signs = {"TL": "TRY", "tl": "TRY"}
    subunit_words = {
        "TRY": ("kuruş", "kuruş"),
        "USD": ("sent", "sent"),
        "EUR": ("sent", "sent"),
        "GBP": ("peni", "peni"),
    }
    roman_words = ("bölüm", "kısım", "cilt", "kitap")

    def time(self, hour: int, minute: int, second: int | None = None, suffix: str = "") -> str:
        low = ("sıfır " if 0 < minute < 10 else "") + self.cardinal(minute) if minute else ""
        return self.join(self.cardinal(hour), low, self.cardinal(second) if second else "", suffix)

    def fraction(self, numerator: int, denominator: int) -> str:
        """`dörtte üç`: the denominator in the locative first."""
        if (numerator, denominator) == (1, 2):
            return "yarım"
        return f"{_locative(self.cardinal(denominator))} {self.cardinal(numerator)}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        if (numerator, denominator) == (1, 2):
            return f"{self.cardinal(whole)} buçuk"
        return f"{self.cardinal(whole)} tam {self.fraction(numerator, denominator)}"

    def measure(self, number: Number, key: str, magnitude: str = "") -> str | None:
        if key == "speed-kilometer-per-hour":
            return self.join("saatte", self.number(number), magnitude, "kilometre")
        return super().measure(number, key, magnitude)

    def decimals(self, fraction: str) -> str:
        """Two figures as one number: `3,14` is `üç virgül on dört`."""
        return self.cardinal(int(fraction)) if len(fraction) == 2 and fraction[0] != "0" else self.digits(fraction)


def _locative(word: str) -> str:
    """`dört` is `dörtte`."""
    return word + harmonized(word, "de")


def harmonized(word: str, ending: str) -> str:
    """`ending` with the vowels and the first consonant that `word` asks for: `lira` and `ye` give `ya`."""
    vowel = next((char for char in reversed(word.lower()) if char in _VOWELS), "e")
    changed: list[str] = []
    for index, char in enumerate(ending):
        if char in "ae":
            char = "a" if vowel in "aıou" else "e"
        elif char in "ıiuü":
            char = {"a": "ı", "ı": "ı", "e": "i", "i": "i", "o": "u", "u": "u"}.get(vowel, "ü")
        elif index == 0 and char in "dt" and len(ending) > 1:
            char = "t" if word[-1] in "çfhkpsşt" else "d"
        vowel = char if char in _VOWELS else vowel
        changed.append(char)
    return "".join(changed)


GRAMMAR = Turkish()


def rules() -> Iterator[Rule]:
    grammar = GRAMMAR
    return ordered_rules(
        grammar,
        words=_words(grammar),
        date_rules=named_date_rules(grammar),
        time_rules=_times(grammar),
        amount_rules=_ordinals(grammar),
        year_rules=_endings(grammar),
        last_rules=_unit_endings(grammar),
    )


def _words(grammar: Turkish) -> Iterator[Rule]:
    percent = re.compile(rf"(?<![\w.,])(?P<sign>[%‰]) ?(?P<minus>-?)(?P<number>{grammar.notation.amount})")
    roman = re.compile(r"(?<!\w)([IVX]+)\.(?= [a-zçğıöşü])|(?<!\w)(I|[IVX]{2,})\.(?= [A-ZÇĞİÖŞÜ][a-zçğıöşü])")

    def say_percent(match: re.Match[str]) -> str:
        number = grammar.parse(match["number"], match["minus"])
        return grammar.percent(number) if match["sign"] == "%" else f"binde {grammar.number(number)}"

    def say_roman(match: re.Match[str]) -> str | None:
        value = roman_value(match[1] or match[2])
        return grammar.ordinal(value) if value else None

    yield Rule("measure", percent, say_percent)
    yield Rule("roman", roman, say_roman)


def _times(grammar: Turkish) -> Iterator[Rule]:
    """With a full stop, as the spelling guide writes them, where the word `saat` or an ending shows a time."""
    clock = re.compile(
        r"(?:(?<=[Ss]aat )|(?<![\w.,:])(?=\d{1,2}\.\d\d'[dtyae]))(?P<hour>[01]?\d|2[0-4])\.(?P<minute>[0-5]\d)(?![\w:]|[.,]\d)"
    )
    yield Rule("time", clock, lambda match: grammar.time(int(match["hour"]), int(match["minute"])))


def _ordinals(grammar: Turkish) -> Iterator[Rule]:
    """`3. kat`, `19. yüzyıl`: a figure with a full stop before a word in small letters."""
    pattern = re.compile(r"(?<![\w.,])(\d{1,4})\.(?= (?!ve |ile )[a-zçğıöşü])")
    suffixed = re.compile(r"(?<![\w.,])(\d{1,4})'?[ıiuü]?nc[ıiuü](?P<ending>[a-zçğıöşü]*)")
    yield Rule("ordinal", suffixed, lambda match: grammar.ordinal(int(match[1])) + match["ending"])
    yield Rule("ordinal", pattern, lambda match: grammar.ordinal(int(match[1])))


def _endings(grammar: Turkish) -> Iterator[Rule]:
    pattern = re.compile(rf"(?<![\w.,])(?P<sign>-?)({grammar.notation.pattern})'(?P<ending>[a-zçğıöşü]{{1,12}})(?!\w)")

    def say(match: re.Match[str]) -> str:
        spoken = grammar.number(grammar.parse(match[2], match["sign"]))
        return spoken + harmonized(spoken, match["ending"])

    yield Rule("number", pattern, say)


def _unit_endings(grammar: Turkish) -> Iterator[Rule]:
    """`100 TL'ye` is `yüz liraya`: the ending follows the word that is said. Names keep their apostrophe."""
    units = [grammar.unit_name(key) for key in (UNITS | grammar.units).values()]
    currencies = [word for word, _ in (*grammar.currency_words.values(), *grammar.subunit_words.values())]
    numbers = [grammar.cardinal(number) for number in (*range(10), *range(10, 100, 10), 100, 1000, 10**6, 10**9)]
    words = {word.split()[-1] for word in (*units, *currencies, *numbers) if word}
    pattern = re.compile(rf"(?<!\w)({alternatives(words)})'([a-zçğıöşü]{{1,12}})(?!\w)")
    yield Rule("ending", pattern, lambda match: match[1] + harmonized(match[1], match[2]))
