"""Hindi, with India's groups of digits (`12,34,567`) and the names of Latin letters in Devanagari."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.numerals import Number
from app.text.normalization.rule import Rule
from app.text.normalization.rules.dates import is_date, named_date_rules
from app.text.normalization.rules.order import ordered_rules

_ORDINALS = {1: "पहल", 2: "दूसर", 3: "तीसर", 4: "चौथ", 6: "छठ"}
_ENGLISH_ORDINALS = dict(zip(range(1, 21), ["फ़र्स्ट", "सेकंड", "थर्ड", "फ़ोर्थ", "फ़िफ्थ", "सिक्स्थ", "सेवंथ", "एट्थ", "नाइंथ", "टेंथ", "इलेवंथ", "ट्वेल्फ्थ", "थर्टीन्थ", "फोर्टीन्थ", "फिफ्टीन्थ", "सिक्सटीन्थ", "सेवंटीन्थ", "एटीन्थ", "नाइनटीन्थ", "ट्वेंटिएथ"], strict=True))  # fmt: skip
_LETTERS = dict(zip("abcdefghijklmnopqrstuvwxyz", ["ए", "बी", "सी", "डी", "ई", "एफ", "जी", "एच", "आई", "जे", "के", "एल", "एम", "एन", "ओ", "पी", "क्यू", "आर", "एस", "टी", "यू", "वी", "डब्ल्यू", "एक्स", "वाई", "ज़ेड"], strict=True))  # fmt: skip
_WEB_WORDS = {
    "com": "कॉम", "org": "ऑर्ग", "in": "इन", "net": "नेट", "gmail": "जीमेल", "google": "गूगल", "yahoo": "याहू",
    "hotmail": "हॉटमेल", "live": "लाइव", "wikipedia": "विकिपीडिया", "about": "अबाउट", "home": "होम", "desktop": "डेस्कटॉप",
    "info": "इन्फो", "amazon": "अमेज़ोन", "blog": "ब्लॉग", "search": "सर्च", "users": "यूज़र्स", "user": "यूज़र", "data": "डेटा",
    "documents": "डॉक्युमेंट्स", "downloads": "डाउनलोड्स", "mail": "मेल", "news": "न्यूज़", "shop": "शॉप", "help": "हेल्प", "login": "लॉगिन",
    "photo": "फोटो", "video": "वीडियो", "youtube": "यूट्यूब", "twitter": "ट्विटर", "microsoft": "माइक्रोसॉफ्ट", "apple": "ऐपल",
    "online": "ऑनलाइन", "green": "ग्रीन", "local": "लोकल", "name": "नेम", "edu": "एडु", "contact": "कॉन्टैक्ट", "support": "सपोर्ट",
    "facebook": "फेसबुक", "outlook": "आउटलुक", "india": "इंडिया",
}  # fmt: skip


class Hindi(Grammar):
    language = "hi"
    locale = "hi"
    group = r"\d{2,3}"
    minus = "माइनस"
    plus = "प्लस"
    point = "दशमलव"
    to = "से"
    per = "प्रति"
    and_ = "और"
    by = "बाई"
    percent_pattern = "{0} प्रतिशत"
    signs = {
        "&": "और", "@": "एट", "#": "हैश", "%": "प्रतिशत", "=": "बराबर", "≠": "बराबर नहीं", "≈": "लगभग", "≤": "से कम या बराबर",
        "≥": "से अधिक या बराबर", "±": "प्लस माइनस", "×": "गुणा", "÷": "भाग", "√": "वर्गमूल", "∞": "अनंत", "→": "से",
        "°": "डिग्री", "§": "धारा", "©": "कॉपीराइट", "®": "पंजीकृत", "™": "ट्रेडमार्क", "$": "डॉलर", "€": "यूरो", "£": "पाउंड",
        "¥": "येन", "₹": "रुपए", "№": "नंबर", "^": "घात", "+": "प्लस",
    }  # fmt: skip
    operators = {"*": "गुणा", "<": "से कम", ">": "से अधिक"}
    web_signs = {
        ".": "डॉट", "/": "फॉरवर्ड स्लैश", "-": "हाइफ़न", "_": "अंडरस्कोर", ":": "कोलन", "@": "एट", "?": "प्रश्नचिह्न",
        "=": "बराबर", "&": "और", "#": "हैश", "~": "टिल्ड", "\\": "बैकवर्ड स्लैश",
    }  # fmt: skip
    abbreviations = {
        "डॉ.": "डॉक्टर", "प्रो.": "प्रोफेसर", "इं.": "इंजीनियर", "ले.": "लेफ्टिनेंट", "वै.": "वैज्ञानिक", "कु.": "कुमारी",
        "मा.": "मास्टर", "श्री.": "श्री", "सु.": "सुश्री", "ई. पू.": "ईसा पूर्व", "ई.पू.": "ईसा पूर्व", "ई.": "ईस्वी", "रु.": "रुपए",
        "पृ.": "पृष्ठ", "सं.": "संख्या", "कं.": "कंपनी", "लि.": "लिमिटेड",
    }  # fmt: skip
    magnitudes = {word: word for word in ("हज़ार", "हजार", "लाख", "करोड़", "अरब", "खरब", "मिलियन", "बिलियन", "ट्रिलियन")}
    units = {
        "in": "length-inch",
        "mi/hr": "speed-mile-per-hour",
        "yr": "yr",
        "hr": "duration-hour",
        "cg": "cg",
        "q": "q",
    }
    unit_words = {
        "cg": ("सेंटीग्राम", "सेंटीग्राम"), "q": ("क्विंटल", "क्विंटल"), "yr": ("वर्ष", "वर्ष"), "speed-mile-per-hour": ("मील प्रति घंटा", "मील प्रति घंटा"),
        "speed-kilometer-per-hour": ("किलोमीटर प्रति घंटा", "किलोमीटर प्रति घंटा"), "speed-meter-per-second": ("मीटर प्रति सेकंड", "मीटर प्रति सेकंड"),
        "temperature-celsius": ("डिग्री सेल्सियस", "डिग्री सेल्सियस"), "temperature-fahrenheit": ("डिग्री फारेनहाइट", "डिग्री फारेनहाइट"),
        "area-acre": ("एकड़", "एकड़"), "length-mile": ("मील", "मील"), "length-inch": ("इंच", "इंच"), "length-foot": ("फीट", "फीट"),
        "length-yard": ("यार्ड", "यार्ड"), "temperature-kelvin": ("केल्विन", "केल्विन"), "volume-quart": ("क्वार्ट", "क्वार्ट"), "st": ("स्टोन", "स्टोन"),
        "mass-pound": ("पाउंड", "पाउंड"), "mass-ounce": ("आउन्स", "आउन्स"), "volume-gallon": ("गैलन", "गैलन"), "volume-pint": ("पिंट", "पिंट"),
        "mass-tonne": ("टन", "टन"), "dB": ("डेसिबल", "डेसिबल"), "duration-hour": ("घंटा", "घंटे"),
    }  # fmt: skip
    currency_words = {
        "INR": ("रुपए", "रुपए"), "USD": ("डॉलर", "डॉलर"), "EUR": ("यूरो", "यूरो"), "GBP": ("पाउंड", "पाउंड"), "JPY": ("येन", "येन"),
        "KRW": ("वॉन", "वॉन"), "TRY": ("लीरा", "लीरा"), "RUB": ("रूबल", "रूबल"), "NGN": ("नाइरा", "नाइरा"),
    }  # fmt: skip
    subunit_words = {
        "INR": ("पैसे", "पैसे"), "USD": ("सेंट", "सेंट"), "EUR": ("सेंट", "सेंट"), "GBP": ("पेंस", "पेंस"), "TRY": ("कुरस", "कुरस"),
        "JPY": ("सेन", "सेन"), "KRW": ("जिओन", "जिओन"), "NGN": ("कोबो", "कोबो"),
    }  # fmt: skip
    letters = _LETTERS
    roman_words = ("अध्याय", "भाग", "खंड")

    def ordinal(self, number: int, context: str = "") -> str:
        """In the masculine singular: `पहला`, `पाँचवाँ`."""
        return f"{_ORDINALS[number]}ा" if number in _ORDINALS else f"{self.cardinal(number)}वाँ"

    def cardinal(self, number: int, context: str = "") -> str:
        return self.numerals.spell(number).replace("पन्द्रह", "पंद्रह")

    def measure(self, number: Number, key: str, magnitude: str = "") -> str | None:
        """Halves of years as people say them: `डेढ़ साल`, `ढाई साल`, `साढ़े तीन साल`."""
        if key == "yr" and number.fraction == "5" and not number.is_negative and not magnitude and number.integer:
            whole = int(number.integer)
            return {1: "डेढ़ साल", 2: "ढाई साल"}.get(whole, f"साढ़े {self.cardinal(whole)} साल" if whole else "आधा साल")
        return super().measure(number, key, magnitude)

    def money(self, number: Number, code: str) -> str:
        """Every currency has a hundredth here, yen too."""
        fraction = number.fraction
        if len(fraction) == 2 and (cents := self.subunit(code, number)):
            whole = self.counted(Number(number.is_negative, number.integer or "0"), self.currency(code, number))
            small = f"{self.cardinal(int(fraction))} {cents}"
            if int(fraction) == 0:
                return whole
            return small if int(number.integer or "0") == 0 else f"{whole} {small}"
        return super().money(number, code)

    def year(self, number: int) -> str:
        """In hundreds up to 1999: `उन्नीस सौ बीस`."""
        if 1100 <= number < 2000 or 2100 <= number < 2200:
            rest = number % 100
            return self.join(self.cardinal(number // 100), "सौ", self.cardinal(rest) if rest else "")
        return self.cardinal(number)

    def time(self, hour: int, minute: int, second: int | None = None, suffix: str = "") -> str:
        if minute == 0 and not second:
            return self.join(self.cardinal(hour), "बजे", suffix)
        seconds = f"{self.cardinal(second)} सेकंड" if second else ""
        return self.join(self.cardinal(hour), "बजकर", f"{self.cardinal(minute)} मिनट", seconds, suffix)

    def fraction(self, numerator: int, denominator: int) -> str:
        return f"{self.cardinal(numerator)} बटा {self.cardinal(denominator)}"

    def web_word(self, word: str) -> str:
        return _WEB_WORDS.get(word.lower()) or (self.spell_letters(word) if word.isascii() else word)


GRAMMAR = Hindi()


def rules() -> Iterator[Rule]:
    grammar = GRAMMAR
    return ordered_rules(
        grammar,
        words=_addresses(grammar),
        date_rules=_dates(grammar),
        amount_rules=_ordinals(grammar),
        year_rules=_years(grammar),
    )


def _addresses(grammar: Hindi) -> Iterator[Rule]:
    """Numbers of houses, PIN codes and mobile numbers digit by digit."""
    place = "स्ट्रीट|रोड|एवेन्यू|सड़क|मार्ग|गली|लेन|ड्राइव|पार्कवे|Street|Road|Avenue|नगर|कॉलोनी|ब्लॉक"
    house = re.compile(
        rf"(?<![\w.,])(\d{{1,5}}(?:[/-]\d{{1,5}})?)([A-Z])?(?=(?:,| -)? (?:[^\s।]{{1,30}} ){{0,4}}(?:{place}))|(?<=नंबर )(\d+(?:/\d{{1,5}})?)(?![\w.]|,\d)"
    )
    pin = re.compile(r"(?:(?<=[^\W\d_] )|(?<=[\u0900-\u0963] ))([1-9]\d{5}|[1-9]\d{4})(?=[,।]?$)")
    mobile = re.compile(r"(?<![\w.,+])(?<!\+\d\d )([6-9]\d{9})(?![\w.,])")

    def say_house(match: re.Match[str]) -> str:
        parts = re.split(r"([/-])", match[1] or match[3])
        said = [{"/": "बटा", "-": "हाइफ़न"}.get(part) or grammar.digits(part) for part in parts]
        return grammar.join(*said, grammar.spell_letters(match[2] or ""))

    def say_pin(match: re.Match[str]) -> str | None:
        is_address = len(match[1]) == 6 or re.search(place, match.string)
        return grammar.digits(match[1]) if is_address else None

    yield Rule("address", house, say_house)
    yield Rule("address", pin, say_pin)
    yield Rule("telephone", mobile, lambda match: grammar.digits(match[1]))


def _dates(grammar: Hindi) -> Iterator[Rule]:
    day_month = re.compile(r"(?<![\w.,/-])(0[1-9]|[12]\d|3[01])-(0[1-9]|1[0-2])(?![\w/-]|[.,]\d)")
    month_year = re.compile(r"(?<![\w.,/-])(0?[1-9]|1[0-2])-([12]\d{3})(?![\w/-]|[.,]\d)")
    month_day_year = re.compile(r"(?<![\w.,/-])(0[1-9]|1[0-2])-(1[3-9]|2\d|3[01])-(\d{4})(?![\w/-]|[.,]\d)")

    def say_us(match: re.Match[str]) -> str:
        return f"{grammar.month(int(match[1]))} {grammar.cardinal(int(match[2]))} {grammar.year(int(match[3]))}"

    def say_day_month(match: re.Match[str]) -> str | None:
        return grammar.date(int(match[1]), int(match[2]), None) if is_date(int(match[1]), int(match[2])) else None

    yield from named_date_rules(grammar)
    yield Rule("date", month_day_year, say_us)
    yield Rule("date", day_month, say_day_month)
    yield Rule("date", month_year, lambda match: f"{grammar.month(int(match[1]))} {grammar.year(int(match[2]))}")


def _ordinals(grammar: Hindi) -> Iterator[Rule]:
    low = re.compile(r"(?<![\w.,])([1-46])(ला|ली|ले|रा|री|रे|था|थी|थे|ठा|ठी|ठे)(?!\w)")
    ordinal = re.compile(r"(?<![\w.,])(\d+)(वां|वाँ|वीं|वें)")
    english = re.compile(r"(?<![\w.,])(1?\d|20)(?:st|nd|rd|th)\b")

    def say(match: re.Match[str]) -> str:
        number = int(match[1])
        spoken = grammar.year(number) if 1100 <= number < 2000 else grammar.cardinal(number)
        return spoken + match[2]

    yield Rule("ordinal", low, lambda match: _ORDINALS[int(match[1])] + match[2][1:])
    yield Rule("ordinal", ordinal, say)
    yield Rule("ordinal", english, lambda match: _ENGLISH_ORDINALS.get(int(match[1])))


def _years(grammar: Hindi) -> Iterator[Rule]:
    span = re.compile(r"(?<![\w.,])(1[1-9]\d\d|20\d\d)[-–](\d{2,4})(?![\w.,:/-])")
    named = re.compile(r"(?<=सन )(\d{4})|(?<=सन् )(\d{4})|(?<![\w.,])(1[5-9]\d\d)(?= (?:का|की|के|में|से|तक)(?!\w))")
    yield Rule("year", span, lambda match: f"{grammar.year(int(match[1]))} से {grammar.year(int(match[2]))}")
    yield Rule("year", named, lambda match: grammar.year(int(match[1] or match[2] or match[3])))
