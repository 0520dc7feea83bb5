"""Russian. Numbers agree in gender with the unit that follows; decimals are fractions (`две целых три сотых`)."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.languages import russian_words
from app.text.normalization.languages.russian_gender import FEMININE, noun_gender
from app.text.normalization.numerals import Number
from app.text.normalization.rule import Rule, text_before
from app.text.normalization.rules import governed
from app.text.normalization.rules.dates import is_date, named_date_rules
from app.text.normalization.rules.money import alternatives
from app.text.normalization.rules.order import ordered_rules

_PARTS = {1: "десят", 2: "сот", 3: "тысячн", 4: "десятитысячн", 5: "стотысячн", 6: "миллионн"}
_ENDINGS = {
    "й": "masculine", "ый": "masculine", "ой": "masculine", "ий": "masculine", "я": "feminine", "ая": "feminine",
    "е": "neuter", "ое": "neuter", "го": "masculine-genitive", "ого": "masculine-genitive", "му": "masculine-dative",
    "ому": "masculine-dative", "м": "masculine-locative", "ом": "masculine-locative", "х": "plural-genitive",
    "ых": "plural-genitive", "ю": "feminine-accusative", "ую": "feminine-accusative", "ми": "plural-ablative",
    "ым": "masculine-ablative", "ые": "plural",
}  # fmt: skip


_LETTERS = dict(zip("abcdefghijklmnopqrstuvwxyz", (
    ["эй", "би", "си", "ди", "и", "эф", "джи", "эйч", "ай", "джей", "кей", "эл", "эм", "эн", "оу", "пи", "кью", "ар", "эс", "ти", "ю", "ви", "дабл-ю", "экс", "уай", "зед"]), strict=True))  # fmt: skip
"""Names of Latin letters, as in English."""


class Russian(Grammar):
    language = "ru"
    locale = "ru"
    thousands = " "
    decimal = ",."
    date_separators = "./-"
    date_suffix_word = "года"
    date_suffix = r"(?P<suffix>\s?(?:г\.|года)(?!\w))?"
    minus = "минус"
    plus = "плюс"
    point = "запятая"
    to = "—"
    per = "в"
    and_ = "и"
    by = "на"
    percent_pattern = "{0} процентов"
    signs = russian_words.SIGNS
    operators = {"*": "умножить на", "<": "меньше", ">": "больше"}
    web_signs = russian_words.WEB_SIGNS
    locatives = russian_words.LOCATIVES
    locative_prepositions = "на|во?|о|об|при"
    numbered = russian_words.NUMBERED
    abbreviations = russian_words.ABBREVIATIONS
    magnitudes = {word: word for word in (
        "тысяча", "тысячи", "тысяч", "миллион", "миллиона", "миллионов", "миллиард", "миллиарда", "миллиардов")
    } | {"тыс.": "тыс", "тыс": "тыс", "млн": "млн", "млн.": "млн", "млрд": "млрд", "млрд.": "млрд", "трлн": "трлн"}  # fmt: skip
    units = russian_words.UNITS
    currency_signs = {"руб.": "RUB", "руб": "RUB", "р.": "RUB", "долл.": "USD", "грн": "UAH"}
    unit_words = {
        "speed-kilometer-per-second": ("километр в секунду", "километров в секунду"), "volume-gallon": ("галлон", "галлонов"),
        "volume-quart": ("кварта", "кварт"), "volume-pint": ("пинта", "пинт"),
    }  # fmt: skip
    subunit_words = {
        "RUB": ("копейка", "копеек"),
        "USD": ("цент", "центов"),
        "EUR": ("цент", "центов"),
        "GBP": ("пенс", "пенсов"),
    }
    rulers = r"[IVX]+"
    letters = _LETTERS
    roman_words = ("глава", "том", "часть", "книга", "век", "акт", "раздел")

    def cardinal(self, number: int, context: str = "") -> str:
        return self.numerals.spell(number, f"spellout-cardinal-{noun_gender(number, context)}")

    def ordinal(self, number: int, context: str = "") -> str:
        """`context` is the rule set behind `spellout-ordinal-`."""
        return self.numerals.spell(number, f"spellout-ordinal-{context or 'masculine'}").removeprefix("одна ")

    def number(self, number: Number, context: str = "") -> str:
        if not number.fraction:
            return super().number(number if number.integer.startswith("00") else number.amount, context)
        if len(number.fraction) > 6:
            return super().number(number, context)
        whole, part = int(number.integer or "0"), int(number.fraction)
        ending = "ая" if part % 10 == 1 and part % 100 != 11 else "ых"
        integer_ending = "целая" if whole % 10 == 1 and whole % 100 != 11 else "целых"
        spoken = (
            f"{self.numerals.spell(whole, 'spellout-cardinal-feminine')} {integer_ending} "
            f"{self.numerals.spell(part, 'spellout-cardinal-feminine')} {_PARTS[len(number.fraction)]}{ending}"
        )
        return self.join(self.minus, spoken) if number.is_negative else spoken

    def ruler(self, name: str, number: int) -> str:
        """`Пётр I`, `Петра I`, `Екатерина II`."""
        form = "masculine"
        if name in ("Екатерина", "Елизавета", "Мария", "Анна", "Виктория"):
            form = "feminine"
        elif name in ("Екатерины", "Елизаветы", "Марии", "Анны", "Виктории"):
            form = "feminine-genitive"
        elif name.endswith(("а", "я", "го")):
            form = "masculine-genitive"
        return f"{name} {self.ordinal(number, form)}"

    def form(self, number: Number, one: str, few: str, many: str) -> str:
        """The form of a noun behind a number; a decimal takes the genitive singular."""
        if number.fraction:
            return few
        return {"one": one, "few": few}.get(self.names.plural(number.value), many)

    def percent(self, number: Number) -> str:
        return f"{self.number(number)} {self.form(number, 'процент', 'процента', 'процентов')}"

    def currency(self, code: str, number: Number) -> str:
        if code == "RUB":
            return self.form(number, "рубль", "рубля", "рублей")
        if code == "USD":
            return self.form(number, "доллар", "доллара", "долларов")
        return super().currency(code, number)

    def subunit(self, code: str, number: Number) -> str | None:
        if code == "RUB":
            return self.form(number, "копейка", "копейки", "копеек")
        return self.form(number, "цент", "цента", "центов") if code in ("USD", "EUR") else super().subunit(code, number)

    def magnitude(self, number: Number, word: str) -> str:
        forms = {
            "тыс": ("тысяча", "тысячи", "тысяч"), "млн": ("миллион", "миллиона", "миллионов"),
            "млрд": ("миллиард", "миллиарда", "миллиардов"), "трлн": ("триллион", "триллиона", "триллионов"),
        }  # fmt: skip
        return self.form(number, *forms[word]) if word in forms else word

    def large_money(self, number: Number, magnitude: str, code: str) -> str:
        word = self.magnitude(number, magnitude)
        return self.join(self.number(number, word), word, self.currency(code, Number(False, "5")))

    def measure(self, number: Number, key: str, magnitude: str = "") -> str | None:
        if not magnitude:
            return super().measure(number, key)
        word, unit = self.magnitude(number, magnitude), self.unit_name(key, 5)
        return unit and self.join(self.number(number, word), word, unit)

    def year(self, number: int) -> str:
        return self.ordinal(number, "masculine-genitive")

    def date(self, day: int | None, month: int, year: int | None) -> str:
        said_year = "" if year is None else ("ноль " if 0 < year < 10 else "") + self.year(year)
        return self.join(self.ordinal(day, "masculine-genitive") if day else "", self.month(month), said_year)

    def genitive(self, number: int, context: str = "") -> str:
        """As after `от` and `до`."""
        gender = "feminine" if FEMININE.match(context) else "masculine"
        return self.numerals.spell(number, f"spellout-cardinal-{gender}-genitive")

    def time(self, hour: int, minute: int, second: int | None = None, suffix: str = "") -> str:
        parts = [(hour, ("час", "часа", "часов")), (minute, ("минута", "минуты", "минут"))]
        if second is not None:
            parts.append((second, ("секунда", "секунды", "секунд")))
        if minute == 0 and second is None:
            parts.pop()
        said = [
            f"{self.cardinal(value, forms[0])} {self.form(Number(False, str(value)), *forms)}" for value, forms in parts
        ]
        return self.join(*said, suffix)

    def fraction(self, numerator: int, denominator: int) -> str:
        if denominator == 2 and numerator == 1:
            return "одна вторая"
        form = "feminine" if numerator % 10 == 1 and numerator % 100 != 11 else "plural-genitive"
        return f"{self.numerals.spell(numerator, 'spellout-cardinal-feminine')} {self.ordinal(denominator, form)}"


GRAMMAR = Russian()


def rules() -> Iterator[Rule]:
    grammar = GRAMMAR
    return ordered_rules(
        grammar,
        words=_words(),
        date_rules=_dates(grammar),
        amount_rules=[
            *_years(grammar), *_ordinals(grammar),
            *governed.rules(grammar, "от|до|около|без|более|менее|свыше|после", grammar.genitive),
        ],
    )  # fmt: skip


def _dates(grammar: Russian) -> Iterator[Rule]:
    """In the genitive, as in a sentence; a date in figures that is the whole text in the nominative."""
    months = {"янв": 1, "фев": 2, "мар": 3, "апр": 4, "июн": 6, "июл": 7, "авг": 8, "сен": 9, "сент": 9, "окт": 10, "ноя": 11,
              "нояб": 11, "дек": 12}  # fmt: skip
    hyphened = re.compile(rf"(?<![\w.,-])(\d{{1,2}})-({alternatives(months)})-(\d{{4}})(?![\w-])", re.IGNORECASE)
    alone = re.compile(rf"^(\d{{1,2}})([./])(\d{{1,2}})\2(\d{{4}}){grammar.date_suffix}$")

    def say_hyphened(match: re.Match[str]) -> str | None:
        day, month = int(match[1]), months[match[2].lower()]
        return grammar.date(day, month, int(match[3])) if is_date(day, month) else None

    def say_alone(match: re.Match[str]) -> str | None:
        day, month = int(match[1]), int(match[3])
        if not is_date(day, month):
            return None
        suffix = grammar.date_suffix_word if match["suffix"] else ""
        return grammar.join(grammar.ordinal(day, "neuter"), grammar.date(None, month, int(match[4])), suffix)

    yield from named_date_rules(grammar, more_months=months)
    yield Rule("date", hyphened, say_hyphened)
    yield Rule("date", alone, say_alone)


def _words() -> Iterator[Rule]:
    yield Rule("sign", re.compile(r"№ ?(?=\d)"), lambda _: "номер ")
    city = re.compile(r"(?<![\w.])(?P<before>[Вв] )?г\. (?=[А-ЯЁ][а-яё-]*?(?P<accusative>[ую])?\b)")
    # `в г. Москве`, but `в г. Москву`.
    yield Rule(
        "abbreviation", city,
        lambda match: f"{match['before']}городе " if match["before"] and not match["accusative"] else f"{match['before'] or ''}город ",
    )  # fmt: skip
    yield Rule("letter", re.compile(r"(?<=\d)-([A-Za-z])-(?=\d)"), lambda match: f" {_LETTERS[match[1].lower()]} ")


def _ordinals(grammar: Russian) -> Iterator[Rule]:
    pattern = re.compile(
        r"(?<![\w.,])(\d{1,4})-(?:[а-я]*?)(" + "|".join(sorted(_ENDINGS, key=len, reverse=True)) + r")(?!\w)"
    )

    def say(match: re.Match[str]) -> str:
        number, ending = int(match[1]), _ENDINGS[match[2]]
        if number >= 100 and number % 10 == 0 and match[2] == "е":
            ending = "plural"  # 1960-е: the sixties
        return grammar.ordinal(number, ending)

    counted = re.compile(r"(?<![\w.,])([2-4])-х(?= \w+(?:ый|ая|ое|ые|ого|ной))")
    yield Rule("number", counted, lambda match: {"2": "двух", "3": "трех", "4": "четырех"}[match[1]])
    yield Rule("ordinal", pattern, say)


def _years(grammar: Russian) -> Iterator[Rule]:
    """The word behind the figure decides the case: `в 1996 году`, `1996 года`, `1996 год`."""
    forms = {
        "году": "locative",
        "год": "",
        "года": "genitive",
        "годом": "ablative",
        "г.": "genitive",
        "гг.": "genitive",
    }
    word = re.compile(r"(?<![\w.,])(1\d{3}|20\d\d) ?(году|годом|года|год|гг\.|г\.)(?!\w)")

    def say(match: re.Match[str]) -> str:
        form = forms[match[2]]
        before = text_before(match).rstrip().lower()
        if match[2] == "г." and before.endswith((" в", "в")) and not before.endswith(("ов", "ев")):
            form = "locative"
        noun = {"г.": "году" if form == "locative" else "года", "гг.": "годов"}.get(match[2], match[2])
        return f"{grammar.ordinal(int(match[1]), 'masculine' + (f'-{form}' if form else ''))} {noun}"

    alone = re.compile(r"^(1[5-9]\d\d|20\d\d)$")
    governed = re.compile(
        r"(?<![\w-])(?P<before>(?:[Вв]|[Сс]|[Кк]|[Дд]о|[Пп]осле|[Оо]т|[Оо]коло) )(?P<year>1[1-9]\d\d|20\d\d)(?=$|[,;)]|\.(?:\s|$)| (?:и|по|до|был)\b)"
    )
    cases = {"в": "locative", "к": "dative"}

    def say_governed(match: re.Match[str]) -> str:
        case = cases.get(match["before"].strip().lower(), "genitive")
        return match["before"] + grammar.ordinal(int(match["year"]), f"masculine-{case}")

    yield Rule("year", word, say)
    yield Rule("year", governed, say_governed)
    yield Rule("year", alone, lambda match: grammar.ordinal(int(match[1])))
