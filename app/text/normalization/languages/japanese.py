"""Japanese. Figures become kanji numerals, which the model's transliteration reads."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.numerals import Number
from app.text.normalization.rule import Rule
from app.text.normalization.rules.order import ordered_rules

_THOUSAND = re.compile("(?<![二三四五六七八九])千(?=[一二三四五六七八九十百]*[万億兆])")


class Japanese(Grammar):
    language = "ja"
    locale = "ja"
    unspaced = True
    letters_touch_numbers = True
    joins_numbers = True
    minus = "マイナス"
    plus = "プラス"
    point = "点"
    to = "から"
    per = "パー"
    and_ = "と"
    by = "かける"
    money_joiner = ""
    percent_pattern = "{0}パーセント"
    signs = {
        "&": "アンド", "@": "アットマーク", "#": "シャープ", "%": "パーセント", "％": "パーセント", "=": "イコール", "≠": "ノットイコール",
        "≈": "約", "≤": "以下", "≥": "以上", "±": "プラスマイナス", "×": "かける", "÷": "割る", "√": "ルート", "∞": "無限大", "→": "矢印",
        "°": "度", "§": "セクション", "©": "コピーライト", "®": "登録商標", "™": "商標", "$": "ドル", "€": "ユーロ", "£": "ポンド", "¥": "円",
        "￥": "円", "№": "ナンバー", "^": "乗", "+": "プラス", "〜": "から", "～": "から",
    }  # fmt: skip
    operators = {"*": "かける", "<": "小なり", ">": "大なり"}
    ratio = "対"
    web_signs = {
        ".": "ドット", "/": "スラッシュ", "-": "ハイフン", "_": "アンダーバー", ":": "コロン", "@": "アットマーク", "?": "クエスチョン",
        "=": "イコール", "&": "アンド",
    }  # fmt: skip
    magnitudes = {word: word for word in ("万", "億", "兆", "千", "百万", "千万")}
    unit_words = {
        "concentr-permillion": ("ピーピーエム", "ピーピーエム"),
        "length-meter": ("メートル", "メートル"), "length-kilometer": ("キロメートル", "キロメートル"), "mass-kilogram": ("キログラム", "キログラム"),
        "temperature-celsius": ("度", "度"), "dB": ("デシベル", "デシベル"), "speed-kilometer-per-hour": ("キロメートル毎時", "キロメートル毎時"),
    }  # fmt: skip
    currency_words = {
        "JPY": ("円", "円"), "USD": ("ドル", "ドル"), "EUR": ("ユーロ", "ユーロ"), "GBP": ("ポンド", "ポンド"), "KRW": ("ウォン", "ウォン"),
        "CNY": ("元", "元"), "INR": ("ルピー", "ルピー"), "RUB": ("ルーブル", "ルーブル"),
    }  # fmt: skip

    def cardinal(self, number: int, context: str = "") -> str:
        if number == 0:
            return "零"
        return _THOUSAND.sub("一千", self.numerals.spell(number, "spellout-cardinal"))

    def ordinal(self, number: int, context: str = "") -> str:
        return "第" + self.cardinal(number)

    def year(self, number: int) -> str:
        return self.cardinal(number)

    def fraction(self, numerator: int, denominator: int) -> str:
        return f"{self.cardinal(denominator)}分の{self.cardinal(numerator)}"

    def power(self, exponent: Number) -> str:
        return f"の{self.number(exponent)}乗"

    def money(self, number: Number, code: str) -> str:
        return self.number(number) + self.currency(code, number)

    def date(self, day: int | None, month: int, year: int | None) -> str:
        said_year = "" if year is None else f"{self.year(year)}年"
        return f"{said_year}{self.cardinal(month)}月{self.cardinal(day) + '日' if day else ''}"

    def time(self, hour: int, minute: int, second: int | None = None, suffix: str = "") -> str:
        minutes = f"{self.cardinal(minute)}分" if minute or second is not None else ""
        return f"{self.cardinal(hour)}時{minutes}{self.cardinal(second) + '秒' if second is not None else ''}{suffix}"


GRAMMAR = Japanese()


def rules() -> Iterator[Rule]:
    return ordered_rules(GRAMMAR, words=_words(), amount_rules=_fractions())


def _words() -> Iterator[Rule]:
    weekday = re.compile(r"\(([月火水木金土日])(?:([〜～-])([月火水木金土日]))?\)")

    def say(match: re.Match[str]) -> str:
        return f"{match[1]}曜日" + (f"から{match[3]}曜日" if match[3] else "")

    yield Rule("date", weekday, say)
    yield Rule("range", re.compile(r"[〜～](?=[^\s])"), lambda _: "から")


def _fractions() -> Iterator[Rule]:
    pattern = re.compile(r"(?<![\d/])(√?)(\d+)/(\d+)(?![\d/])")

    def say(match: re.Match[str]) -> str:
        root = "ルート" if match[1] else ""
        return f"{GRAMMAR.cardinal(int(match[3]))}分の{root}{GRAMMAR.cardinal(int(match[2]))}"

    mixed = re.compile(r"(?<![\d/])(\d+) (?=\d+/\d)")
    yield Rule("fraction", mixed, lambda match: GRAMMAR.cardinal(int(match[1])) + "と")
    yield Rule("fraction", pattern, say)
