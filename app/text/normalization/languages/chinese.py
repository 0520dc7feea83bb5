"""Chinese, as it is read in Mandarin: years digit by digit, `百分之` before percentages."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.numerals import Number
from app.text.normalization.rule import Rule
from app.text.normalization.rules.order import ordered_rules


class Chinese(Grammar):
    language = "zh-cn"
    locale = "zh"
    thousands = ",，"
    decimal = "."
    unspaced = True
    letters_touch_numbers = True
    joins_numbers = True
    minus = "负"
    plus = "正"
    point = "点"
    to = "到"
    per = "每"
    and_ = "又"
    by = "乘"
    money_joiner = ""
    percent_pattern = "百分之{0}"
    signs = {
        "&": "和", "@": "艾特", "#": "井号", "%": "百分号", "％": "百分号", "=": "等于", "≠": "不等于", "≈": "约等于", "≤": "小于等于",
        "≥": "大于等于", "±": "正负", "×": "乘以", "÷": "除以", "√": "根号", "∞": "无穷大", "→": "到", "°": "度", "§": "章节",
        "©": "版权", "®": "注册商标", "™": "商标", "$": "美元", "€": "欧元", "£": "英镑", "¥": "元", "￥": "元", "№": "号", "^": "的次方",
        "+": "加",
    }  # fmt: skip
    operators = {"*": "乘以", "<": "小于", ">": "大于"}
    ratio = "比"
    web_signs = {
        ".": "点",
        "/": "斜杠",
        "-": "杠",
        "_": "下划线",
        ":": "冒号",
        "@": "艾特",
        "?": "问号",
        "=": "等于",
        "&": "和",
    }
    magnitudes = {word: word for word in ("万", "亿", "千", "百", "百万", "千万", "万亿", "十亿", "百亿", "千亿")}
    units = {"kg": "mass-kilogram", "℃": "temperature-celsius"}
    unit_words = {
        "concentr-permille": ("千分号", "千分号"),
        "mass-kilogram": ("千克", "千克"), "area-square-meter": ("平方米", "平方米"), "temperature-celsius": ("摄氏度", "摄氏度"),
        "length-kilometer": ("公里", "公里"), "volume-liter": ("升", "升"), "dB": ("分贝", "分贝"), "mass-gram": ("克", "克"),
        "length-meter": ("米", "米"), "volume-cubic-meter": ("立方米", "立方米"), "mass-tonne": ("吨", "吨"),
    }  # fmt: skip
    currency_words = {
        "USD": ("美元", "美元"), "EUR": ("欧元", "欧元"), "GBP": ("英镑", "英镑"), "JPY": ("元", "元"), "CNY": ("元", "元"),
        "KRW": ("韩元", "韩元"), "INR": ("卢比", "卢比"), "RUB": ("卢布", "卢布"), "HKD": ("港元", "港元"), "TWD": ("新台币", "新台币"),
    }  # fmt: skip

    def cardinal(self, number: int, context: str = "") -> str:
        if number == 2 and context[:1] in tuple("个只位条张本次年天倍种块毛点小"):
            return "二" if context.startswith("年") else "两"
        high, low = divmod(number, 10**8)
        if 0 < low < 10**7 and high:  # a missing figure behind 亿 is said
            return f"{self.cardinal(high)}亿零{self.numerals.spell(low, 'spellout-cardinal')}"
        return self.numerals.spell(number, "spellout-cardinal")

    def ordinal(self, number: int, context: str = "") -> str:
        return "第" + self.cardinal(number)

    def year(self, number: int) -> str:
        return self.digits(str(number))

    def measure(self, number: Number, key: str, magnitude: str = "") -> str | None:
        if key == "concentr-permille" and not magnitude:
            return self.percent(number).replace("百分之", "千分之", 1)
        return super().measure(number, key, magnitude)

    def percent(self, number: Number) -> str:
        positive = Number(False, number.integer, number.fraction)
        return f"{self.minus if number.is_negative else ''}百分之{self.number(positive)}"

    def fraction(self, numerator: int, denominator: int) -> str:
        return f"{self.cardinal(denominator)}分之{self.cardinal(numerator)}"

    def power(self, exponent: Number) -> str:
        return f"的{self.number(exponent)}次方"

    def money(self, number: Number, code: str) -> str:
        return self.number(number) + self.currency(code, number)

    def date(self, day: int | None, month: int, year: int | None) -> str:
        said_year = "" if year is None else f"{self.year(year)}年"
        return f"{said_year}{self.cardinal(month)}月{self.cardinal(day) + '日' if day else ''}"

    def time(self, hour: int, minute: int, second: int | None = None, suffix: str = "") -> str:
        minutes = f"{self.cardinal(minute)}分" if minute or second is not None else ""
        return f"{self.cardinal(hour)}点{minutes}{self.cardinal(second) + '秒' if second is not None else ''}{suffix}"


GRAMMAR = Chinese()


def rules() -> Iterator[Rule]:
    grammar = GRAMMAR
    return ordered_rules(grammar, words=_words(grammar), date_rules=_dates(grammar), amount_rules=_fractions(grammar))


def _words(grammar: Chinese) -> Iterator[Rule]:
    temperature = re.compile(r"(?P<sign>-?)(?P<number>\d+(?:\.\d+)?) ?°(?![CF])")
    minus = re.compile(r"(?<=[负零下])-(?=\d)")
    yield Rule("number", minus, lambda _: "")
    yield Rule(
        "measure", temperature, lambda match: grammar.number(grammar.parse(match["number"], match["sign"])) + "度"
    )


def _dates(grammar: Chinese) -> Iterator[Rule]:
    full = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
    year = re.compile(r"(?<!\d)(\d{4}|\d{2}|(?<=公元)\d{1,4}|(?<=公元前)\d{1,4})(?=年(?!代|级|前|后|来|间|内|以))")
    decade = re.compile(r"(?<!\d)(\d{2})(?=年代)")
    era = re.compile(r"(?<!\d)(\d{1,4}) ?(年)?(?:(\d{1,2})月)?(?:(\d{1,2})日)? ?(a\.?d|b\.?c)\b\.?", re.IGNORECASE)

    def say_era(match: re.Match[str]) -> str:
        before = "公元前" if match[5][0] in "bB" else "公元"
        month = f"{grammar.cardinal(int(match[3]))}月" if match[3] else ""
        return f"{before}{grammar.year(int(match[1]))}年{month}"

    yield Rule("date", era, say_era)
    yield Rule("date", full, lambda match: grammar.date(int(match[3]), int(match[2]), int(match[1])))
    yield Rule("year", year, lambda match: grammar.digits(match[1]))
    yield Rule("year", decade, lambda match: grammar.cardinal(int(match[1])))


def _fractions(grammar: Chinese) -> Iterator[Rule]:
    fraction = re.compile(r"(?P<sign>-?)(?<![\d/.])(?P<above>\d+)/(?P<below>\d+)(?![\d/])")

    def say(match: re.Match[str]) -> str:
        sign = grammar.minus if match["sign"] else ""
        return sign + grammar.fraction(int(match["above"]), int(match["below"]))

    yield Rule("fraction", fraction, say)
