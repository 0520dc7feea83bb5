"""Modern Standard Arabic. Decimals are fractions of ten, a hundred or a thousand."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.languages import arabic_nouns
from app.text.normalization.numerals import MAX_INTEGER_DIGITS, Number
from app.text.normalization.rule import Rule
from app.text.normalization.rules.dates import named_date_rules
from app.text.normalization.rules.order import ordered_rules

_HUNDREDS = [
    ("ثلاثة", "ثلاث"),
    ("أربعة", "أربع"),
    ("خمسة", "خمس"),
    ("ستة", "ست"),
    ("سبعة", "سبع"),
    ("ثمانية", "ثمان"),
    ("تسعة", "تسع"),
]
_PARTS = {1: "عشرة", 2: "مئة", 3: "ألف", 4: "عشرة آلاف", 5: "مئة ألف", 6: "مليون"}
_FRACTIONS = {2: ("نصف", "أنصاف"), 3: ("ثلث", "أثلاث"), 4: ("ربع", "أرباع"), 5: ("خمس", "أخماس"), 6: ("سدس", "أسداس"),
              7: ("سبع", "أسباع"), 8: ("ثمن", "أثمان"), 9: ("تسع", "أتساع"), 10: ("عشر", "أعشار")}  # fmt: skip


class Arabic(Grammar):
    language = "ar"
    locale = "ar"
    thousands = "٬,"
    decimal = ".,٫"
    minus = "سالب"
    plus = "زائد"
    point = "فاصلة"
    to = "إلى"
    per = "لكل"
    and_ = "و"
    by = "في"
    money_joiner = " و"
    percent_pattern = "{0} في المائة"
    signs = {
        "&": "و", "@": "آت", "#": "هاشتاق", "%": "في المائة", "٪": "في المائة", "=": "يساوي", "≠": "لا يساوي", "≈": "حوالي",
        "≤": "أقل من أو يساوي", "≥": "أكبر من أو يساوي", "±": "زائد أو ناقص", "×": "ضرب", "÷": "قسمة", "√": "جذر", "∞": "لا نهاية",
        "→": "إلى", "°": "درجة", "§": "فقرة", "©": "حقوق النشر", "®": "علامة مسجلة", "™": "علامة تجارية", "$": "دولار",
        "€": "يورو", "£": "جنيه", "¥": "ين", "№": "رقم", "^": "أس", "+": "زائد",
    }  # fmt: skip
    operators = {"*": "ضرب", "<": "أصغر من", ">": "أكبر من"}
    ratio = "إلى"
    web_signs = {
        ".": "نقطة",
        "/": "شرطة مائلة",
        "-": "شرطة",
        "_": "شرطة سفلية",
        ":": "نقطتان",
        "@": "آت",
        "?": "علامة استفهام",
        "=": "يساوي",
        "&": "و",
        "#": "هاشتاق",
    }
    abbreviations = {"د.": "دكتور", "أ.": "أستاذ", "م.": "مهندس", "ص.": "صفحة", "إلخ": "إلى آخره"}
    magnitudes = {word: word for word in ("ألف", "مليون", "ملايين", "مليار", "مليارات", "تريليون")}
    units = {"كم": "length-kilometer", "كجم": "mass-kilogram", "كغ": "mass-kilogram", "م": "length-meter", "سم": "length-centimeter",
             "٪": "concentr-percent"}  # fmt: skip
    currency_signs = {"د.ك": "KWD", "ر.س": "SAR", "د.إ": "AED", "ج.م": "EGP", "د.أ": "JOD", "ر.ق": "QAR", "aed": "AED"}
    unit_words = {key: (singular, singular) for key, (singular, _) in arabic_nouns.UNITS.items()}
    currency_words = {code: (singular, singular) for code, (singular, _) in arabic_nouns.CURRENCIES.items()}
    subunit_words = {code: (singular, singular) for code, (singular, _) in arabic_nouns.SUBUNITS.items()}

    def cardinal(self, number: int, context: str = "") -> str:
        spoken = self.numerals.spell(number)
        for long, short in _HUNDREDS:
            spoken = re.sub(rf"(?<!\w)(و?){long} (?=مائة)", rf"\1{short} ", spoken)
        return (
            spoken.replace("مائة", "مئة")
            .replace("مائتان", "مئتان")
            .replace("إثن", "اثن")
            .replace("إحدى عشر", "أحد عشر")
        )

    def ordinal(self, number: int, context: str = "") -> str:
        return " ".join(self.numerals.spell(number, "spellout-ordinal-masculine").split())

    def number(self, number: Number, context: str = "") -> str:
        fraction = number.fraction.rstrip("0") if len(number.fraction) > 6 else number.fraction
        if not fraction or len(fraction) not in _PARTS:
            return super().number(number, context)
        spoken = (
            f"{self.cardinal(int(number.integer or '0'))} و{self.cardinal(int(fraction))} من {_PARTS[len(fraction)]}"
        )
        return self.join(self.minus, spoken) if number.is_negative else spoken

    def counted(self, number: Number, noun: str) -> str:
        """`دولار واحد`, `دولاران`, `ثلاثة دولارات`, `ثلاث ساعات`, `عشرون دولار`."""
        found, digits = arabic_nouns.NOUNS.get(noun), number.integer.lstrip("0")
        if found is None or number.fraction or not digits or len(digits) > MAX_INTEGER_DIGITS:
            return super().counted(number, noun)
        count, is_invariable = int(digits), found.plural == found.singular
        hundreds, rest = count - count % 100, count % 100
        if count == 1:
            said = found.one
        elif count == 2 and not is_invariable:
            said = found.dual
        else:
            low = arabic_nouns.feminine(self.cardinal(rest)) if found.is_feminine and rest > 2 else self.cardinal(rest)
            words = f"{self.cardinal(hundreds)} و{low}" if hundreds and rest else low if rest else self.cardinal(count)
            said = self.join(words, found.plural if 3 <= rest <= 10 else found.singular)
        return self.join(self.minus, said) if number.is_negative else said

    def measure(self, number: Number, key: str, magnitude: str = "") -> str | None:
        if key not in self.unit_words or magnitude:
            return super().measure(number, key, magnitude)
        return self.counted(number, self.unit_words[key][0])

    def year(self, number: int) -> str:
        return self.cardinal(number)

    def time(self, hour: int, minute: int, second: int | None = None, suffix: str = "") -> str:
        names = {1: "الواحدة", 2: "الثانية", 3: "الثالثة", 4: "الرابعة", 5: "الخامسة", 6: "السادسة", 7: "السابعة", 8: "الثامنة",
                 9: "التاسعة", 10: "العاشرة", 11: "الحادية عشرة", 12: "الثانية عشرة"}  # fmt: skip
        low = {0: "", 15: "والربع", 30: "والنصف"}.get(minute, f"و{self.counted(Number(False, str(minute)), 'دقيقة')}")
        return self.join(
            names.get(hour, self.cardinal(hour)),
            low,
            f"و{self.counted(Number(False, str(second)), 'ثانية')}" if second else "",
            suffix,
        )

    def fraction(self, numerator: int, denominator: int) -> str:
        if denominator not in _FRACTIONS:
            return f"{self.cardinal(numerator)} على {self.cardinal(denominator)}"
        one, many = _FRACTIONS[denominator]
        if numerator == 1:
            return one
        return f"{one}ين" if numerator == 2 else f"{self.cardinal(numerator)} {many}"


GRAMMAR = Arabic()


def rules() -> Iterator[Rule]:
    grammar = GRAMMAR
    return ordered_rules(grammar, words=_words(grammar), date_rules=named_date_rules(grammar))


def _words(grammar: Arabic) -> Iterator[Rule]:
    percent = re.compile(rf"(?<![\w.,])[%٪](-?)({grammar.notation.pattern})(?!\w)")
    fahrenheit = re.compile(r"(?<!\w)[fF](\d+)(?!\w)")
    yield Rule("measure", percent, lambda match: grammar.percent(grammar.parse(match[2], match[1])))
    yield Rule("measure", fahrenheit, lambda match: f"{grammar.cardinal(int(match[1]))} فهرنهايت")
