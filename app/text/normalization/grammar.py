"""The grammar of one language: how numbers, amounts, dates and times are said.

A language is a subclass in `languages/`, mostly data. The rules in `rules/` find written forms and ask the grammar for
words.
"""

from functools import cached_property
from typing import ClassVar

from app.text.normalization.cldr import Names
from app.text.normalization.numerals import MAX_INTEGER_DIGITS, Notation, Number, Numerals
from app.text.normalization.quantities import SUBUNITS


class Grammar:
    """Defaults suit a language without grammatical gender that writes `1,234.5`.

    `context` is the text that follows the written form, for languages in which it decides gender or case.
    """

    language: ClassVar[str]
    """Chorus's code, such as `zh-cn`"""
    locale: ClassVar[str]
    """CLDR's code"""
    thousands: ClassVar[str] = ","
    decimal: ClassVar[str] = "."
    """separators, as the inside of a character class"""
    group: ClassVar[str] = r"\d{3}"
    """digits between two separators of thousands; in India two or three"""
    date_order: ClassVar[str] = "dmy"
    """of numeric dates whose year is not first"""
    date_separators: ClassVar[str] = "./-"
    date_suffix: ClassVar[str] = ""
    """regular expression of a word that may follow the year of a date, such as `г.`"""
    date_suffix_word: ClassVar[str] = ""
    """its reading where the group `suffix` of that expression is there"""

    minus: ClassVar[str] = "minus"
    plus: ClassVar[str] = "plus"
    point: ClassVar[str] = "point"
    to: ClassVar[str] = "to"
    per: ClassVar[str] = "per"
    and_: ClassVar[str] = "and"
    by: ClassVar[str] = "by"
    ratio: ClassVar[str] = ""
    """between the figures of `3:1`; "" where they are said one after the other"""
    money_joiner: ClassVar[str] = " "
    """between the units of an amount: `five dollars` and `ten cents`"""
    magnitude_of: ClassVar[str] = ""
    """between a magnitude and its unit: `deux millions d'euros`, `dos millones de euros`"""
    percent_pattern: ClassVar[str] = "{0} percent"
    unspaced: ClassVar[bool] = False
    """whether words are written without spaces (Chinese, Japanese)"""
    letters_touch_numbers: ClassVar[bool] = False
    """whether words follow a number without a space (Chinese, Japanese, Korean)"""
    hyphen_before_units: ClassVar[bool] = True
    """whether `5-km` is an amount; in Hungarian `2-t` has a suffix"""
    elides: ClassVar[bool] = False
    """whether `l'` and `s'` are words before a vowel, and `2020 l'anno` is no litre"""
    joins_numbers: ClassVar[bool] = False
    """whether digits of a telephone number are written without spaces"""

    signs: ClassVar[dict[str, str]] = {}
    """signs that are read as words wherever they stand: `&`, `@`, `=`, `≥`"""
    operators: ClassVar[dict[str, str]] = {}
    """`*`, `<` and `>`, read as words only between two operands"""
    web_signs: ClassVar[dict[str, str]] = {}
    """signs inside addresses: `.`, `/`, `-`, `_`, `:`, `@`"""
    abbreviations: ClassVar[dict[str, str]] = {}
    """with their full stops, case-sensitive; longest first is not needed"""
    numbered: ClassVar[dict[str, str]] = {}
    """abbreviations that count only before a number, such as `p.`; their first letter may be a capital"""
    locatives: ClassVar[dict[str, str]] = {}
    """abbreviations in the case that they have behind one of `locative_prepositions`"""
    locative_prepositions: ClassVar[str] = ""
    """regular expression, such as `v|na`"""
    magnitudes: ClassVar[dict[str, str]] = {}
    """written after a number, before a unit or currency: `bn` -> `billion`; whole words map to themselves"""
    units: ClassVar[dict[str, str]] = {}
    """this language's own symbols -> CLDR's key"""
    unit_words: ClassVar[dict[str, tuple[str, str]]] = {}
    """units for which CLDR has no name or another one: symbol or key -> singular and plural"""
    rates: ClassVar[dict[str, str]] = {}
    """written behind a slash after an amount -> one of it: `mo` -> `month`"""
    currency_signs: ClassVar[dict[str, str]] = {}
    """this language's own signs -> ISO code"""
    currency_words: ClassVar[dict[str, tuple[str, str]]] = {}
    """names where CLDR's are not what people say: ISO code -> singular and plural"""
    subunit_words: ClassVar[dict[str, tuple[str, str]]] = {}
    """ISO code -> singular and plural of the smaller unit; `*` for all others"""
    letters: ClassVar[dict[str, str]] = {}
    """names of letters, for languages in another script"""
    rulers: ClassVar[str] = ""
    """regular expression of a roman numeral behind a name, such as `Karel IV.`; "" where the language has none"""
    roman_words: ClassVar[tuple[str, ...]] = ()
    """words before a roman numeral: `Chapter IV`, case-insensitive"""

    @cached_property
    def numerals(self) -> Numerals:
        return Numerals(self.locale)

    @cached_property
    def names(self) -> Names:
        return Names(self.locale)

    @cached_property
    def notation(self) -> Notation:
        return Notation(self.thousands, self.decimal, self.group)

    def parse(self, written: str, sign: str | None = "") -> Number:
        return self.notation.parse(written, sign)

    # Abbreviations

    @cached_property
    def opening_abbreviations(self) -> dict[str, str]:
        """Abbreviations with the capital that they have where they begin a sentence: `Vgl.`, `Kb.`."""
        capitals = {
            f"{key[0].upper()}{key[1:]}": said for key, said in self.abbreviations.items() if key[1:2] not in " ./"
        }
        return {key: said[0].upper() + said[1:] for key, said in capitals.items() if key not in self.abbreviations}

    @cached_property
    def numbered_abbreviations(self) -> dict[str, str]:
        """`numbered` in both spellings."""
        return self.numbered | {f"{key[0].upper()}{key[1:]}": said for key, said in self.numbered.items()}

    # Numbers

    def cardinal(self, number: int, context: str = "") -> str:
        """`number` (not negative) in words, agreeing with the word that begins `context`."""
        return self.numerals.spell(number)

    def ordinal(self, number: int, context: str = "") -> str:
        return self.numerals.spell(number, "spellout-ordinal")

    def digits(self, written: str) -> str:
        """Digit by digit; other characters are skipped."""
        separator = "" if self.joins_numbers else " "
        return separator.join(self.cardinal(int(digit)) for digit in written if digit.isdecimal())

    def decimals(self, fraction: str) -> str:
        return self.digits(fraction)

    def number(self, number: Number, context: str = "") -> str:
        integer = number.integer or "0"
        is_code = len(integer) > MAX_INTEGER_DIGITS or (len(integer) > 1 and integer.startswith("0"))
        spoken = self.digits(integer) if is_code else self.cardinal(int(integer), "" if number.fraction else context)
        if number.fraction:
            spoken = self.join(spoken, self.point, self.decimals(number.fraction))
        return self.join(self.minus, spoken) if number.is_negative else spoken

    def join(self, *words: str) -> str:
        """Words with spaces between them, where the language writes any."""
        return ("" if self.unspaced else " ").join(word for word in words if word)

    def fraction(self, numerator: int, denominator: int) -> str:
        """`3/4` in words."""
        return self.join(self.cardinal(numerator), self.per, self.cardinal(denominator))

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        """`2 3/4` in words."""
        return self.join(self.cardinal(whole), self.and_, self.fraction(numerator, denominator))

    def power(self, exponent: Number) -> str:
        """The exponent of `x^2` in words."""
        return self.join(self.signs["^"], self.number(exponent))

    def range(self, low: Number, high: Number, context: str = "") -> str:
        """`2-3` in words, agreeing with the word that begins `context`."""
        return self.join(self.number(low, context), self.to, self.number(high, context))

    # Amounts

    def plural(self, number: Number, words: tuple[str, str]) -> str:
        """Singular or plural of (singular, plural)."""
        return words[0] if number.is_one else words[1]

    def percent(self, number: Number) -> str:
        return self.percent_pattern.format(self.number(number))

    def currency(self, code: str, number: Number) -> str:
        words = self.currency_words.get(code)
        return self.plural(number, words) if words else self.names.currency(code, number.value)

    def subunit(self, code: str, number: Number) -> str | None:
        words = self.subunit_words.get(code, self.subunit_words.get("*"))
        return self.plural(number, words) if words else None

    def counted(self, number: Number, noun: str) -> str:
        return self.join(self.number(number, noun), noun)

    def money(self, number: Number, code: str) -> str:
        """An amount without a magnitude. The fraction is said in the smaller unit where it has its digits."""
        num_digits = SUBUNITS.get(code, 2)
        fraction = number.fraction.rstrip("0")
        small = Number(False, fraction.ljust(num_digits, "0")) if fraction else None
        name = self.subunit(code, small) if small and len(fraction) <= num_digits else None
        if fraction and (small is None or name is None):
            return self.counted(number, self.currency(code, number))
        whole = Number(number.is_negative, number.integer or "0")
        if small is None or name is None:
            return self.counted(whole, self.currency(code, whole))
        cents = self.counted(Number(False, small.integer.lstrip("0") or "0"), name)
        if int(whole.integer) == 0:
            return self.join(self.minus, cents) if whole.is_negative else cents
        return self.counted(whole, self.currency(code, whole)) + self.money_joiner + cents

    def magnitude(self, number: Number, word: str) -> str:
        """The magnitude in the form that `number` asks for; `word` is a value of `magnitudes`."""
        return word

    def large_money(self, number: Number, magnitude: str, code: str) -> str:
        """`$5.3 billion`."""
        many = Number(False, "2")
        return self.join(self.number(number), magnitude, self.magnitude_of, self.currency(code, many))

    def measure(self, number: Number, key: str, magnitude: str = "") -> str | None:
        """A number with a unit: CLDR's key, or a key of `unit_words`. None for a unit without a name."""
        if key in self.unit_words:
            name = self.plural(number, self.unit_words[key])
            return self.join(self.number(number, name), magnitude, name)
        pattern = self.unit_pattern(key, number.value)
        if pattern is None:
            return None
        noun = pattern.replace("{0}", "").strip()
        return pattern.format(self.join(self.number(number, noun), magnitude))

    def fraction_measure(self, whole: int | None, numerator: int, denominator: int, key: str) -> str | None:
        """`2 3/4 kg`, with the unit in its plural where there is a whole number."""
        unit = self.unit_name(key, 1 if whole is None else whole + 0.5)
        if unit is None:
            return None
        amount = self.fraction(numerator, denominator) if whole is None else self.mixed(whole, numerator, denominator)
        return self.join(amount, unit)

    def unit_name(self, key: str, value: float = 1) -> str | None:
        """The name of a unit in the form that `value` asks for, without a number."""
        if key in self.unit_words:
            return self.unit_words[key][value != 1]
        pattern = self.unit_pattern(key, value)
        return None if pattern is None else pattern.replace("{0}", "").strip()

    def unit_pattern(self, key: str, value: float) -> str | None:
        """CLDR's pattern of a unit, or one of its two parts where CLDR has none: `{0} kilometers per second`."""
        pattern = self.names.unit(key, value)
        if pattern is not None or not key.startswith("speed-"):
            return pattern
        above, _, below = key.removeprefix("speed-").partition("-per-")
        per, unit = self.names.unit(f"length-{above}", value), self.names.unit(f"duration-{below}", 1)
        return per and unit and self.join(per, self.per, unit.replace("{0}", "").strip())

    # Dates and times

    def year(self, number: int) -> str:
        return self.numerals.spell(number, "spellout-numbering-year")

    def month(self, number: int) -> str:
        return self.names.months()[number]

    def day(self, number: int) -> str:
        return self.cardinal(number)

    def date(self, day: int | None, month: int, year: int | None) -> str:
        """At least a month and one of the others."""
        return self.join(self.day(day) if day else "", self.month(month), self.year(year) if year is not None else "")

    def time(self, hour: int, minute: int, second: int | None = None, suffix: str = "") -> str:
        """A time of the day; `suffix` is what stood behind it, such as `p.m.` or a time zone."""
        parts = [self.cardinal(hour), self.cardinal(minute) if minute or second is not None else ""]
        return self.join(*parts, self.cardinal(second) if second is not None else "", suffix)

    def ruler(self, name: str, number: int) -> str:
        """`Henry VIII` in words."""
        return f"{name} {self.ordinal(number)}"

    def decade(self, number: int) -> str | None:
        """`1990s`. None where the language does not write decades so."""
        return None

    # Addresses, serial numbers

    def spell_letters(self, word: str) -> str:
        return " ".join(self.letters.get(char.lower(), char) for char in word)

    def web_word(self, word: str) -> str:
        """A run of letters inside an address: a word where it can be read as one."""
        return word
