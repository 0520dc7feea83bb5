"""German. A number with a full stop is an ordinal only where a month or a noun follows; its ending follows the article."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.numerals import Number
from app.text.normalization.rule import Rule, text_before
from app.text.normalization.rules.dates import is_date, month_numbers, month_pattern, year_rules
from app.text.normalization.rules.money import amount_sign
from app.text.normalization.rules.numbers import roman_value
from app.text.normalization.rules.order import ordered_rules

_FEMININE = re.compile(
    r"(?:Million|Milliarde|Billion|Billiarde|Tonne|Sekunde|Minute|Stunde|Millisekunde|Meile|Unze|Gallone|Krone|Lira|Rupie|"
    r"Woche|Person|Seite|Frau)"
)
_DATIVE = re.compile(
    r"(?:am|vom|zum|beim|im|dem|den|des|seit|ab|bis|nach|einem|einen|jedem|jeden|diesem|diesen"
    r"|(?:zu|in|an|auf|aus|bei|mit|nach|seit|von|vor|unter|über|hinter|neben|zwischen) der|zur)(?: [a-zäöü]+tag,?)?\s$",
    re.IGNORECASE,
)
_INDEFINITE = re.compile(r"\b(?:ein|kein|mein|dein|sein|ihr|unser|euer|Ihr)\s$", re.IGNORECASE)
_MORE_ORDINALS = (
    r"(?:,? (?:(?:und|oder|bis|sowie) )?\d{1,4}\.){0,4}(?: (?:und|oder|bis|sowie) [a-zäöü]{3,40}te[nr]?\b)?"
)
_EARLIER_ORDINALS = re.compile(r"(?:\d{1,4}\.,? (?:(?:und|oder|bis|sowie) )?)+$")
_NEUTER = (
    "Album", "Bild", "Buch", "Drittel", "Fenster", "Gebot", "Geschäftsjahr", "Halbjahr", "Haus", "Jahr", "Kapitel", "Kind",
    "Konzert", "Lebensjahr", "Lied", "Mal", "Programm", "Quartal", "Rennen", "Schuljahr", "Semester", "Spiel", "Stockwerk",
    "Tor", "Treffen", "Viertel", "Werk", "Zimmer",
)  # fmt: skip
_STARTERS = frozenset((
    "Aber", "Alle", "Als", "Am", "An", "Auch", "Auf", "Aus", "Bei", "Bis", "Da", "Damit", "Dann", "Danach", "Das",
    "Dem", "Den", "Denn", "Der", "Des", "Die", "Dies", "Diese", "Dieser", "Dieses", "Doch", "Dort", "Du", "Durch",
    "Ein", "Eine", "Einen", "Einer", "Er", "Erst", "Es", "Für", "Gegen", "Hier", "Ich", "Ihr", "Im", "In", "Ist",
    "Jede", "Jeder", "Jetzt", "Man", "Mein", "Mit", "Nach", "Nicht", "Noch", "Nun", "Nur", "Ob", "Oder", "Ohne",
    "Schon", "Sein", "Seit", "Sie", "So", "Über", "Um", "Und", "Unter", "Vom", "Von", "Vor", "Warum", "Was", "Weil",
    "Wenn", "Wer", "Wie", "Wir", "Wo", "Zu", "Zum", "Zur", "Zwar",
))  # fmt: skip
_WEEKDAYS = {"Mo": "Montag", "Di": "Dienstag", "Mi": "Mittwoch", "Do": "Donnerstag", "Fr": "Freitag", "Sa": "Samstag", "So": "Sonntag"}  # fmt: skip
_DEFINITE = re.compile(r"(?:der|die|das|dieser|diese|jede|dieses)\s$", re.IGNORECASE)


class German(Grammar):
    language = "de"
    locale = "de"
    thousands = ".' "
    decimal = ","
    date_separators = "./-"
    minus = "minus"
    plus = "plus"
    point = "Komma"
    to = "bis"
    per = "pro"
    and_ = "und"
    by = "mal"
    money_joiner = " "
    percent_pattern = "{0} Prozent"
    signs = {
        "&": "und", "@": "at", "#": "Raute", "%": "Prozent", "=": "gleich", "≠": "ungleich", "≈": "ungefähr",
        "≤": "höchstens", "≥": "mindestens", "±": "plus minus", "×": "mal", "÷": "geteilt durch", "√": "Wurzel aus",
        "∞": "unendlich", "→": "nach", "°": "Grad", "§§": "Paragrafen", "§": "Paragraf", "©": "Copyright",
        "®": "eingetragene Marke", "™": "Marke", "$": "Dollar", "€": "Euro", "£": "Pfund", "¥": "Yen", "№": "Nummer",
        "^": "hoch", "+": "plus",
    }  # fmt: skip
    operators = {"*": "mal", "<": "ist kleiner als", ">": "ist größer als"}
    ratio = "zu"
    web_signs = {
        ".": "Punkt", "/": "Slash", "-": "Bindestrich", "_": "Unterstrich", ":": "Doppelpunkt", "@": "at",
        "?": "Fragezeichen", "=": "Gleichheitszeichen", "&": "und", "#": "Raute", "~": "Tilde", "%": "Prozent",
    }  # fmt: skip
    numbered = {
        "Nr.": "Nummer", "Nrn.": "Nummern", "S.": "Seite", "Art.": "Artikel", "Abs.": "Absatz", "Anm.": "Anmerkung",
        "Ziff.": "Ziffer", "Rn.": "Randnummer", "Anl.": "Anlage",
    }  # fmt: skip
    abbreviations = {
        "n. Br.": "nördlicher Breite", "s. Br.": "südlicher Breite", "ö. L.": "östlicher Länge", "w. L.": "westlicher Länge",
        "z. B.": "zum Beispiel", "z.B.": "zum Beispiel", "d. h.": "das heißt", "d.h.": "das heißt",
        "u. a.": "unter anderem", "u.a.": "unter anderem", "usw.": "und so weiter", "bzw.": "beziehungsweise",
        "ca.": "circa", "Dr.": "Doktor", "Prof.": "Professor", "Hr.": "Herr", "Fr.": "Frau", "inkl.": "inklusive",
        "exkl.": "exklusive", "evtl.": "eventuell", "ggf.": "gegebenenfalls", "vgl.": "vergleiche", "bspw.": "beispielsweise",
        "Str.": "Straße", "str.": "straße", "St.": "Sankt", "Tel.": "Telefon", "Abb.": "Abbildung", "Kap.": "Kapitel",
        "Bd.": "Band", "Jh.": "Jahrhundert", "v. Chr.": "vor Christus", "n. Chr.": "nach Christus", "Mio.": "Millionen",
        "Mrd.": "Milliarden", "o. ä.": "oder ähnlich", "i. d. R.": "in der Regel", "u. Ä.": "und Ähnliches",
        "max.": "maximal", "min.": "mindestens", "geb.": "geboren", "gest.": "gestorben", "zzgl.": "zuzüglich",
        "etc.": "et cetera", "sog.": "sogenannte", "Hrsg.": "Herausgeber", "Ing.": "Ingenieur", "bzgl.": "bezüglich",
        "allg.": "allgemein", "ehem.": "ehemals", "insb.": "insbesondere", "entspr.": "entsprechend",
        "usf.": "und so fort", "u. U.": "unter Umständen", "m. E.": "meines Erachtens", "z. T.": "zum Teil",
        "s. o.": "siehe oben", "s. u.": "siehe unten", "o. g.": "oben genannt", "v. a.": "vor allem",
        "p. a.": "pro Jahr", "Jan.": "Januar", "Feb.": "Februar", "Aug.": "August", "Sept.": "September",
        "Okt.": "Oktober", "Nov.": "November", "Dez.": "Dezember",
    }  # fmt: skip
    magnitudes = {
        "Tausend": "Tausend", "Million": "Million", "Millionen": "Millionen", "Milliarde": "Milliarde",
        "Milliarden": "Milliarden", "Billion": "Billion", "Billionen": "Billionen", "Mio.": "Millionen", "Mio": "Millionen",
        "Mrd.": "Milliarden", "Mrd": "Milliarden", "Tsd.": "Tausend", "million": "Million", "millionen": "Millionen",
        "milliarde": "Milliarde", "milliarden": "Milliarden",
    }  # fmt: skip
    units = {"Std.": "duration-hour", "Min.": "duration-minute", "Sek.": "duration-second", "qm": "area-square-meter"}
    unit_words = {"dB": ("Dezibel", "Dezibel"), "PS": ("PS", "PS"), "°": ("Grad", "Grad"), "angle-degree": ("Grad", "Grad"),
                  "h": ("Stunde", "Stunden"), "length-foot": ("Fuß", "Fuß")}  # fmt: skip
    rates = {"Monat": "Monat", "Jahr": "Jahr", "Tag": "Tag", "Woche": "Woche", "Std": "Stunde", "h": "Stunde"}
    currency_words = {
        "EUR": ("Euro", "Euro"), "USD": ("Dollar", "Dollar"), "GBP": ("Pfund", "Pfund"), "JPY": ("Yen", "Yen"),
        "CHF": ("Franken", "Franken"), "RUB": ("Rubel", "Rubel"), "TRY": ("Lira", "Lira"), "INR": ("Rupie", "Rupien"),
        "CNY": ("Yuan", "Yuan"), "KRW": ("Won", "Won"), "PLN": ("Złoty", "Złoty"), "CZK": ("Krone", "Kronen"),
    }  # fmt: skip
    subunit_words = {
        "EUR": ("Cent", "Cent"), "USD": ("Cent", "Cent"), "GBP": ("Penny", "Pence"), "CHF": ("Rappen", "Rappen"),
        "RUB": ("Kopeke", "Kopeken"), "INR": ("Paisa", "Paise"), "CAD": ("Cent", "Cent"), "AUD": ("Cent", "Cent"),
    }  # fmt: skip
    rulers = r"[IVX]+\."
    roman_words = ("Kapitel", "Teil", "Band", "Akt", "Szene", "Abschnitt", "Buch", "Anhang")

    def cardinal(self, number: int, context: str = "") -> str:
        if context and number % 100 == 1 and context[0].isalpha():
            gender = "feminine" if _FEMININE.match(context) else "masculine"
            return self.numerals.spell(number, f"spellout-cardinal-{gender}")
        return self.numerals.spell(number)

    def ordinal(self, number: int, context: str = "") -> str:
        """`context` is the text before it: `am 3.` is `dritten`, `die 3.` is `dritte`, `3.` alone is `dritter`."""
        ending = "-n" if _DATIVE.search(context) else "" if _DEFINITE.search(context) else "-r"
        return self.numerals.spell(number, f"spellout-ordinal{ending}")

    def ruler(self, name: str, number: int) -> str:
        """`Ludwig der Vierzehnte`, `Ludwigs des Vierzehnten`, `Katharina die Zweite`."""
        if name.endswith("s") and not name.endswith(("us", "es")):
            return f"{name} des {self.numerals.spell(number, 'spellout-ordinal-n').capitalize()}"
        article = "die" if name.endswith("a") or name == "Elisabeth" else "der"
        return f"{name} {article} {self.numerals.spell(number, 'spellout-ordinal').capitalize()}"

    def year(self, number: int) -> str:
        return self.numerals.spell(number, "spellout-numbering-year") if number >= 100 else self.cardinal(number)

    def date(self, day: int | None, month: int, year: int | None) -> str:
        return self.dated("", day, month, year)

    def dated(self, before: str, day: int | None, month: int, year: int | None) -> str:
        """`before` is the text before the date, whose article decides the ending."""
        said_day = self.ordinal(day, before) if day else ""
        return self.join(said_day, self.month(month), "" if year is None else self.year(year))

    def time(self, hour: int, minute: int, second: int | None = None, suffix: str = "") -> str:
        hours = "ein" if hour == 1 else self.cardinal(hour)
        if second is None:
            return self.join(hours, "Uhr", self.cardinal(minute) if minute else "", suffix)
        minutes = self.counted(Number(False, str(minute)), "Minute" if minute == 1 else "Minuten")
        seconds = self.counted(Number(False, str(second)), "Sekunde" if second == 1 else "Sekunden")
        return self.join(hours, "Uhr", minutes, seconds, suffix)

    def fraction(self, numerator: int, denominator: int) -> str:
        if denominator == 2:
            return "ein halb" if numerator == 1 else f"{self.cardinal(numerator)} halbe"
        if denominator == 1:
            return f"{self.cardinal(numerator)} eintel"
        part = self.numerals.spell(denominator, "spellout-ordinal").removesuffix("e") + "el"
        return f"{'ein' if numerator == 1 else self.cardinal(numerator)} {part}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        if (numerator, denominator) == (1, 2):
            return "eineinhalb" if whole == 1 else f"{self.cardinal(whole)}einhalb"
        return f"{self.cardinal(whole)} {self.fraction(numerator, denominator)}"

    def decade(self, number: int) -> str:
        return self.numerals.spell(number).removesuffix("e") + "er"

    def large_money(self, number: Number, magnitude: str, code: str) -> str:
        many = "Euro" if code == "EUR" else self.currency(code, Number(False, "2"))
        return self.join(self.number(number, magnitude), magnitude, many)


GRAMMAR = German()


def rules() -> Iterator[Rule]:
    grammar = GRAMMAR
    return ordered_rules(
        grammar, words=_words(), date_rules=_dates(grammar), time_rules=_times(grammar), ordinal_rules=_ordinals(grammar),
        year_rules=_years(grammar),
    )  # fmt: skip


def _words() -> Iterator[Rule]:
    """Abbreviations that count only before a number."""
    yield Rule(
        "abbreviation", re.compile(r"(?<![^\W\d_])([^\W\d_]{2,40}s)tr\. ?(?=\d)"), lambda match: f"{match[1]}traße "
    )
    weekday = re.compile(rf"(?<![\w.])({'|'.join(_WEEKDAYS)})\.?(?=,? (?:den |dem )?\d{{1,2}}\.)")
    yield Rule("date", weekday, lambda match: _WEEKDAYS[match[1]])
    century = re.compile(r"(?<!\w)([IVX]+)\.(?= (?:Jahrhundert|Jh\.|Weltkrieg|Internationale|Parteitag))")
    yield Rule("roman", century, lambda match: f"{value}." if (value := roman_value(match[1])) else None)


def _dates(grammar: German) -> Iterator[Rule]:
    months = month_numbers(grammar) | {"jänner": 1, "feber": 2, "mär": 3, "sept": 9}
    month = f"{month_pattern(grammar)}|jänner|feber|mär|sept"
    named = re.compile(rf"(?<![\w.,])(\d{{1,2}})\. ?({month})\b\.?(?: (\d{{4}})(?!\d))?", re.IGNORECASE)
    numeric = re.compile(
        r"(?<![\w.,/-])(\d{1,2})\. ?(\d{1,2})\.(?: ?(\d{4}|\d{2}))?(?![\w]|[.,]\d)"
        rf"|(?<![\w.,$€£¥])(\d\d?)\.(\d\d?)(?![\w.,]|{amount_sign(grammar)})"
    )

    def say_named(match: re.Match[str]) -> str | None:
        day, month = int(match[1]), months[match[2].lower()]
        year = int(match[3]) if match[3] else None
        return grammar.dated(text_before(match), day, month, year) if is_date(day, month) else None

    def say_numeric(match: re.Match[str]) -> str | None:
        day, month = int(match[1] or match[4]), int(match[2] or match[5])
        year = int(match[3]) if match[3] else None
        return grammar.dated(text_before(match), day, month, year) if is_date(day, month) else None

    yield Rule("date", named, say_named)
    yield Rule("date", numeric, say_numeric)


def _times(grammar: German) -> Iterator[Rule]:
    clock = re.compile(r"(?<![\w:.,])(\d{1,2})(?:[:.]([0-5]\d))?(?::([0-5]\d))? Uhr\b")

    def say(match: re.Match[str]) -> str | None:
        return grammar.time(int(match[1]), int(match[2] or 0), int(match[3]) if match[3] else None)

    yield Rule("time", clock, say)


def _ordinals(grammar: German) -> Iterator[Rule]:
    """`3. Stock`, `der 2. Versuch`, `die 10. und 11. Klasse`; at the end of a text only after an article or alone."""
    followed = re.compile(
        rf"(?<![\w.,])(\d{{1,4}})\.(?={_MORE_ORDINALS} (?P<noun>[A-ZÄÖÜ][A-Za-zÄÖÜäöüß]+)|\s?-)(?<!\b(?:19|20)\d\d\.)"
    )
    alone = re.compile(r"^(\d{1,4})\.$|(?<=\b(?:dem|den|der|die|das) )(\d{1,4})\.(?=\s*$|[,;])")

    def say(match: re.Match[str]) -> str:
        return grammar.ordinal(int(match[1] or match[2]), text_before(match))

    def say_followed(match: re.Match[str]) -> str | None:
        before = _EARLIER_ORDINALS.sub("", text_before(match))
        has_article = _DATIVE.search(before) or _DEFINITE.search(before) or _INDEFINITE.search(before)
        noun = match["noun"]
        if not has_article:
            if re.search(r"[A-ZÄÖÜ][a-zäöüß]+\s*$", before) or noun in _STARTERS:
                return None  # "Kapitel 3. Der Anfang", "es waren 3. Dann": a number and a full stop
        elif noun and _INDEFINITE.search(before) and noun.startswith(_NEUTER):
            return grammar.numerals.spell(int(match[1]), "spellout-ordinal-s")
        return grammar.ordinal(int(match[1]), before)

    yield Rule("ordinal", alone, say)
    yield Rule("ordinal", followed, say_followed)


def _years(grammar: German) -> Iterator[Rule]:
    decade = re.compile(r"(?<![\w.,])(\d{2}|1\d{2}0|20\d0)(?:er)\b")
    yield Rule("decade", decade, lambda match: grammar.decade(int(match[1])))
    yield from year_rules(grammar)
