"""Polish: the written forms that its grammar says differently from other languages."""

import re
from collections.abc import Iterator

from app.text.normalization.languages.polish_grammar import GRAMMAR, Polish
from app.text.normalization.rule import Rule, text_before
from app.text.normalization.rules import governed
from app.text.normalization.rules.dates import named_date_rules
from app.text.normalization.rules.numbers import roman_value
from app.text.normalization.rules.order import ordered_rules

_FEMININE_NOUNS = re.compile(
    r"(?:klas|częś|edycj|seri|lig|kolej|połow|minut|godzin|stron|grup|faz|generacj|książ|kategori|pozycj|cen|wojn|rocznic|kadencj|"
    r"rund|symfoni|dywizj|armi|zmian|lini|lekcj|dzielnic|ulic|aleja|alei|tur|osob|wersj|próba|prób|noc|dob)"
)
_NEUTER_NOUNS = re.compile(
    r"(?:piętr|miejsc|wydani|stuleci|półrocz|okrążeni|spotkani|pokoleni|zadani|pytani|danie|zdani|dzieck)"
)
_LOCATIVE = ("w", "we", "na", "po", "o", "przy")
_GENITIVE = ("z", "ze", "do", "od", "u", "bez", "podczas", "około", "ok.", "według", "wg", "dla", "obok", "koło")


def rules() -> Iterator[Rule]:
    grammar = GRAMMAR
    return ordered_rules(
        grammar,
        words=_centuries(grammar),
        date_rules=named_date_rules(grammar),
        time_rules=_times(grammar),
        amount_rules=[
            *_decades(grammar), *_ordinals(grammar),
            *governed.rules(grammar, r"od|do|około|ok\.|powyżej|poniżej|bez|koło", grammar.genitive),
        ],
        year_rules=_years(grammar),
    )  # fmt: skip


def _before(match: re.Match[str]) -> str:
    """The word before a match, in small letters."""
    return "".join(text_before(match).lower().split()[-1:])


def _centuries(grammar: Polish) -> Iterator[Rule]:
    """`XIX wiek`, `w XIX wieku`."""
    century = re.compile(r"(?<!\w)([IVX]+)(?= (?:w\.|wiek(?:u|iem)?)(?!\w))(?P<abbreviated> w\.)?")

    def say(match: re.Match[str]) -> str | None:
        value, following = roman_value(match[1]), match.string[match.end() :].split()
        if value is None:
            return None
        locative = _before(match) in ("w", "o", "po")
        if match["abbreviated"]:
            return f"{grammar.ordinal(value, 'ym' if locative else 'ego')} wieku"
        noun = following[0] if following else ""
        is_oblique = noun.startswith("wieku")
        ending = "ym" if noun.startswith("wiekiem") or (is_oblique and locative) else "ego" if is_oblique else ""
        return grammar.ordinal(value, ending)

    yield Rule("roman", century, say)


def _times(grammar: Polish) -> Iterator[Rule]:
    """`o 15:30`, `o godz. 8.00`: the preposition decides the case of the hour."""
    clock = re.compile(
        r"(?<![\w:.,])(?P<before>(?i:o|od|do|po|około|ok\.|przed|przy|między|a) )?(?P<word>(?:godz\.|godzinie|godziną|godziny|godzina) )?"
        r"(?P<hour>[01]?\d|2[0-4])(?:(?P<mark>[:.])(?P<minute>[0-5]\d))?(?![\w:]|[.,]\d)"
    )

    def say(match: re.Match[str]) -> str | None:
        before = (match["before"] or "").strip().lower()
        if match["minute"] is None and not match["word"]:
            return None
        if match["mark"] == "." and not match["word"] and before not in ("o", "przed", "po"):
            return None
        ending = "ą" if before in ("przed", "między") else "ej" if before not in ("", "a") else "a"
        word = (match["word"] or "").strip()
        if not before and word in ("godzinie", "godziny"):
            ending = "ej"
        if word == "godz.":
            word = {"a": "godzina", "ą": "godziną"}.get(
                ending, "godzinie" if before in ("o", "po", "przy") else "godziny"
            )
        said = grammar.clock(int(match["hour"]), int(match["minute"] or 0), ending=ending)
        return grammar.join((match["before"] or "").strip(), word, said)

    yield Rule("time", clock, say)


def _decades(grammar: Polish) -> Iterator[Rule]:
    pattern = re.compile(
        r"(?<!\w)(?P<word>[Ll]ata|[Ll]atach|[Ll]at|[Ll]atami|[Ll]atom) (?P<decade>[2-9]0|1[0-9]{2}0)\.?(?!\w|[.,]\d)"
    )

    def say(match: re.Match[str]) -> str | None:
        if not match[0].endswith(".") and len(match["decade"]) == 2:
            return None  # `lat 40` may be forty years
        ending = {"lata": "e", "lat": "ych", "latach": "ych", "latom": "ym", "latami": "ymi"}[match["word"].lower()]
        return f"{match['word']} {grammar.ordinal(int(match['decade']), ending)}"

    yield Rule("decade", pattern, say)


def _ordinals(grammar: Polish) -> Iterator[Rule]:
    suffixed = re.compile(
        r"(?<![\w.,])(\d{1,4})-?(?:(ego|go)|(ej)|(ymi?|tym|szym|gim|cim|mym)|(szy|gi|ci|ty|my|y)|(sza|ga|cia|ta|ma|a))(?!\w)"
    )
    pattern = re.compile(r"(?<![\w.,])(\d{1,4})\.(?= (?!(?:i|a|oraz|lub) )[a-ząćęłńóśźż])")

    def say(match: re.Match[str]) -> str:
        endings = ("ego", "ej", "ym", "", "a")
        return grammar.ordinal(
            int(match[1]), next(ending for ending, found in zip(endings, match.groups()[1:], strict=True) if found)
        )

    def say_followed(match: re.Match[str]) -> str:
        return grammar.ordinal(int(match[1]), _ending(_before(match), match.string[match.end() + 1 :]))

    yield Rule("ordinal", suffixed, say)
    yield Rule("ordinal", pattern, say_followed)


def _ending(before: str, following: str) -> str:
    """The ending of an ordinal between a preposition and a noun or adjective."""
    found = re.match(r"\w*", following)
    word = found[0] if found else ""
    is_feminine, is_neuter = _FEMININE_NOUNS.match(word) is not None, _NEUTER_NOUNS.match(word) is not None
    if is_feminine:
        if word.endswith("ę"):
            return "ą"
        return "ej" if before in (*_LOCATIVE, *_GENITIVE) else "a"
    if word.endswith(("emu", "owi")):
        return "emu"
    if (before in _LOCATIVE and not word.endswith(("o", "y"))) or (
        is_neuter and before in _LOCATIVE and word.endswith("u")
    ):
        return "e" if is_neuter and word.endswith("e") and not word.endswith(("ze", "cu")) else "ym"
    if (before in _GENITIVE and not is_neuter) or (is_neuter and word.endswith("a")):
        return "ego"
    if is_neuter:
        return "e"
    return "a" if re.search(r"[^i]a$", word) and before not in ("do", "od", "z") else ""


def _years(grammar: Polish) -> Iterator[Rule]:
    behind = re.compile(r"(?<![\w.,])(1\d{3}|20\d\d) ?(r\.|roku|rok)(?!\w)")
    before = re.compile(
        r"(?<!\w)(?P<before>\w+ )?(?P<word>[Rr]oku|[Rr]ok|[Rr]okiem) (?P<year>1\d{3}|20\d\d)(?!\w|[.,]\d)"
    )

    def say(match: re.Match[str]) -> str:
        if match[2] == "rok":
            return grammar.ordinal(int(match[1])) + " rok"
        return grammar.ordinal(int(match[1]), "ym" if _before(match) in ("w", "o", "po") else "ego") + " roku"

    def say_before(match: re.Match[str]) -> str:
        word, preposition = match["word"], (match["before"] or "").strip().lower()
        ending = "ym" if word.lower() == "rokiem" or preposition in ("w", "o", "po") else "ego"
        return f"{match['before'] or ''}{word} {grammar.ordinal(int(match['year']), '' if word.lower() == 'rok' else ending)}"

    yield Rule("year", behind, say)
    yield Rule("year", before, say_before)
