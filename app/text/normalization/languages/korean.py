"""Korean. Sino-Korean numbers, native ones for hours and ordinals; figures are written together up to their counter."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.numerals import Number
from app.text.normalization.rule import Rule
from app.text.normalization.rules.order import ordered_rules

_MONTHS = {6: "유월", 10: "시월"}
_NATIVE_UNITS = ["", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉"]
_NATIVE_TENS = ["", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔"]
_LETTERS = dict(zip("abcdefghijklmnopqrstuvwxyz", ["에이", "비", "씨", "디", "이", "에프", "지", "에이치", "아이", "제이", "케이", "엘", "엠", "엔", "오", "피", "큐", "알", "에스", "티", "유", "브이", "더블유", "엑스", "와이", "지"], strict=True))  # fmt: skip
_SPELT = frozenset(
    ["de", "it", "co", "kr", "jp", "uk", "us", "fr", "png", "pdf", "jpg", "html", "www", "ai", "io", "tv"]
)


class Korean(Grammar):
    language = "ko"
    locale = "ko"
    letters_touch_numbers = True
    joins_numbers = True
    minus = "마이너스"
    plus = "플러스"
    point = "점"
    to = "부터"
    per = "퍼"
    and_ = "과"
    by = "곱하기"
    money_joiner = " "
    percent_pattern = "{0} 퍼센트"
    signs = {
        "&": "앤드", "@": "골뱅이", "#": "샵", "%": "퍼센트", "=": "는", "≠": "같지 않다", "≈": "약", "≤": "이하", "≥": "이상",
        "±": "플러스 마이너스", "×": "곱하기", "÷": "나누기", "√": "루트", "∞": "무한대", "→": "화살표", "°": "도", "§": "절",
        "©": "저작권", "®": "등록 상표", "™": "상표", "$": "달러", "€": "유로", "£": "파운드", "¥": "엔", "₩": "원", "№": "번호",
        "^": "제곱", "+": "더하기",
    }  # fmt: skip
    operators = {"*": "곱하기", "<": "작다", ">": "크다"}
    ratio = "대"
    web_signs = {
        ".": "닷",
        "/": "슬래시",
        "-": "하이픈",
        "_": "언더바",
        ":": "콜론",
        "@": "골뱅이",
        "?": "물음표",
        "=": "는",
        "&": "앤드",
    }
    magnitudes = {word: word for word in ("만", "억", "조", "천", "백만", "천만")}
    unit_words = {
        "concentr-permille": ("퍼밀", "퍼밀"), "pressure-atmosphere": ("기압", "기압"), "graphics-pixel": ("픽셀", "픽셀"), "concentr-permillion": ("피피엠", "피피엠"),
        "length-meter": ("미터", "미터"), "length-kilometer": ("킬로미터", "킬로미터"), "volume-milliliter": ("밀리리터", "밀리리터"),
        "speed-meter-per-second": ("미터 퍼 초", "미터 퍼 초"), "speed-kilometer-per-hour": ("킬로미터 퍼 시간", "킬로미터 퍼 시간"),
        "rpm": ("분당회전수", "분당회전수"), "force-newton": ("뉴턴", "뉴턴"), "dB": ("데시벨", "데시벨"), "length-centimeter": ("센티미터", "센티미터"),
        "length-millimeter": ("밀리미터", "밀리미터"), "mass-kilogram": ("킬로그램", "킬로그램"), "duration-second": ("초", "초"),
    }  # fmt: skip
    currency_words = {
        "KRW": ("원", "원"), "USD": ("달러", "달러"), "EUR": ("유로", "유로"), "JPY": ("엔", "엔"), "GBP": ("파운드", "파운드"),
        "CNY": ("위안", "위안"), "NZD": ("뉴질랜드 달러", "뉴질랜드 달러"),
    }  # fmt: skip
    letters = _LETTERS

    def cardinal(self, number: int, context: str = "") -> str:
        if number == 0:
            return "영"
        spoken = self.numerals.spell(number, "spellout-cardinal-sinokorean").replace(" ", "")
        return re.sub("^일(?=만)", "", spoken)

    def native(self, number: int) -> str:
        """Before a counter: `한`, `스물한`; Sino-Korean from 100."""
        if not 0 < number < 100:
            return self.cardinal(number)
        return "스무" if number == 20 else _NATIVE_TENS[number // 10] + _NATIVE_UNITS[number % 10]

    def ordinal(self, number: int, context: str = "") -> str:
        return f"{'첫' if number == 1 else self.native(number)}번째"

    def number(self, number: Number, context: str = "") -> str:
        spoken = self.cardinal(int(number.integer or "0")) if len(number.integer) < 16 else self.digits(number.integer)
        if len(number.integer) > 1 and number.integer.startswith("0"):
            spoken = self.digits(number.integer)
        if number.fraction:
            spoken += self.point + self.digits(number.fraction)
        return f"{self.minus} {spoken}" if number.is_negative else spoken

    def counted(self, number: Number, noun: str) -> str:
        return self.number(number) + ("" if noun == "원" else " ") + noun

    def power(self, exponent: Number) -> str:
        return "제곱" if exponent == Number(False, "2") else f"의 {self.number(exponent)}제곱"

    def money(self, number: Number, code: str) -> str:
        return self.counted(number, self.currency(code, number))

    def large_money(self, number: Number, magnitude: str, code: str) -> str:
        name = self.currency(code, number)
        return f"{self.number(number)}{magnitude}{'' if name == '원' else ' '}{name}"

    def year(self, number: int) -> str:
        return self.cardinal(number)

    def month(self, number: int) -> str:
        return _MONTHS.get(number, f"{self.cardinal(number)}월")

    def date(self, day: int | None, month: int, year: int | None) -> str:
        said_year = "" if year is None else f"{self.year(year)}년"
        return self.join(said_year, self.month(month), f"{self.cardinal(day)}일" if day else "")

    def time(self, hour: int, minute: int, second: int | None = None, suffix: str = "") -> str:
        """Native hours up to twelve."""
        hours = self.native(hour) if 0 < hour <= 12 else self.cardinal(hour)
        minutes = f"{self.cardinal(minute)}분" if minute else ""
        return self.join(f"{hours}시", minutes, f"{self.cardinal(second)}초" if second else "", suffix)

    def fraction(self, numerator: int, denominator: int) -> str:
        return f"{self.cardinal(denominator)}분의 {self.cardinal(numerator)}"

    def web_word(self, word: str) -> str:
        return "".join(_LETTERS[char] for char in word.lower()) if word.lower() in _SPELT else word


GRAMMAR = Korean()


def rules() -> Iterator[Rule]:
    grammar = GRAMMAR
    return ordered_rules(
        grammar,
        words=_words(grammar),
        date_rules=_dates(grammar),
        time_rules=_times(grammar),
        amount_rules=_amounts(grammar),
    )


def _words(grammar: Korean) -> Iterator[Rule]:
    card = re.compile(r"(?<![\d-])\d{4}(?:-\d{4}){3}(?![\d-])")
    last = re.compile(r"(?<=네자리 )(\d{4})(?!\d)")
    phone = re.compile(r"(?<![\d.-])(\+\d{1,3}[ -]?)?\(?(\d{2,3})\)?[ .-]{0,2}(\d{3,4})[.-](\d{4})(?![\d.-])")
    file = re.compile(r"(?<=\w)\.(png|pdf|jpg|html|PNG|PDF|JPG)\b")

    def say_groups(match: re.Match[str]) -> str:
        return " ".join(grammar.digits(group) for group in re.findall(r"\d+", match[0]))

    def say_phone(match: re.Match[str]) -> str:
        groups = " ".join(grammar.digits(group) for group in (match[2], match[3], match[4]))
        return f"국가번호 {grammar.digits(match[1])} {groups}" if match[1] else groups

    yield Rule("number", card, lambda match: f"신용카드 {say_groups(match)}")
    yield Rule("number", last, lambda match: grammar.digits(match[1]))
    yield Rule("telephone", phone, say_phone)
    yield Rule(
        "address", file, lambda match: f" 닷 {grammar.web_word(match[1])}" if match[1].lower() in _SPELT else None
    )


def _dates(grammar: Korean) -> Iterator[Rule]:
    weekday = re.compile(r"\(([월화수목금토일])(?:([〜～-])([월화수목금토일]))?\)")
    month = re.compile(r"(?<!\d)(1[0-2]|0?[1-9])월")
    year = re.compile(r"(?<!\d)(\d{1,4})년(?=\d)")
    us = re.compile(r"(?<![\d/])(1[0-2]|0?[1-9])/([12]?\d|3[01])/(\d{4})(?![\d/])")

    def say_weekday(match: re.Match[str]) -> str:
        return f" {match[1]}요일" + (f"부터{match[3]}요일" if match[3] else "")

    yield Rule("date", us, lambda match: grammar.date(int(match[2]), int(match[1]), int(match[3])))
    yield Rule("date", weekday, say_weekday)
    yield Rule("range", re.compile(r"[〜～](?=[\d월화수목금토일])"), lambda _: " 부터 ")
    yield Rule("date", year, lambda match: f"{grammar.year(int(match[1]))}년 ")
    yield Rule("date", month, lambda match: grammar.month(int(match[1])) + " ")


def _times(grammar: Korean) -> Iterator[Rule]:
    spoken = re.compile(r"(?<!\d)(\d{1,2}) ?시(?! ?간)(?: ?(\d{1,2}) ?분)?(?: ?(\d{1,2}) ?초)?")

    def say(match: re.Match[str]) -> str:
        before = match.string[match.start() - 1 : match.start()]
        time = grammar.time(int(match[1]), int(match[2] or 0), int(match[3] or 0))
        return time if not before or before == " " else " " + time

    yield Rule("time", re.compile("정오"), lambda _: "열두시")
    yield Rule("time", spoken, say)


def _amounts(grammar: Korean) -> Iterator[Rule]:
    ordinal = re.compile(r"(?<!\d)(\d+) ?번째")
    native = re.compile(r"(?<![\d.,])(\d{1,2}) ?(?=(?:개|명|마리|권|잔|병|살|시간|대|장|송이|켤레|그루|가지)(?!월))")
    fraction = re.compile(
        r"(?<![\d/])(?P<sign>-|마이너스)?(?:(?P<whole>\d+)과)?(?P<root>√?)(?P<above>\d+)/(?P<below_root>√?)(?P<below>\d+)(?![\d/])"
    )

    def say_fraction(match: re.Match[str]) -> str:
        root, below_root = ("루트 " if match[name] else "" for name in ("root", "below_root"))
        spoken = (
            f"{below_root}{grammar.cardinal(int(match['below']))}분의 {root}{grammar.cardinal(int(match['above']))}"
        )
        if match["whole"]:
            spoken = f"{grammar.cardinal(int(match['whole']))}과 {spoken}"
        return f"마이너스 {spoken}" if match["sign"] else spoken

    parts = re.compile(r"(?<!\d)(\d+)분의 ?(\d+)")
    yield Rule("fraction", parts, lambda match: grammar.fraction(int(match[2]), int(match[1])))
    yield Rule("ordinal", ordinal, lambda match: grammar.ordinal(int(match[1])))
    yield Rule("number", native, lambda match: grammar.native(int(match[1])) + " ")
    yield Rule("fraction", fraction, say_fraction)
