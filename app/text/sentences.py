"""Sentences of one paragraph, by the library sentencex; its cuts behind abbreviations are mended here."""

import re
from collections.abc import Callable, Iterator
from typing import cast

import sentencex  # pyright: ignore[reportMissingTypeStubs] - a Rust module

from app.text.normalization import abbreviations

# a Rust module without types: (language, text) -> sentences, their white space included
segment = cast("Callable[[str, str], list[str]]", sentencex.segment)  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]

# Titles before a name, in languages whose splitter does not know them all.
_TITLE = re.compile(r"(?:^|\s)(?:M|MM|Mme|Mlle|Mr|Mrs|Ms|[Dd]r|[Pp]rof|St|mevr|द|डॉ|श्री)\.$")
# Abbreviations that often end a sentence: a capital letter behind one begins the next.
_MAY_END = frozenset([
    "etc.", "usw.", "ecc.", "enz.", "atd.", "itd.", "itp.", "apod.", "stb.", "vb.", "vs.", "Inc.", "Ltd.", "Corp.",
    "Co.", "Jr.", "Sr.", "Bros.", "a.m.", "p.m.", "EE. UU.", "EE.UU.", "и т. д.", "и т.д.", "и т. п.", "и т.п.", "др.",
    "r.", "old.", "n. l.", "př. n. l.", "n.e.", "p.n.e.", "n. Chr.", "v. Chr.", "n.Chr.", "v.Chr.", "d.C.", "a.C.",
    "d. C.", "a. C.", "M.Ö.", "M.S.", "stol.", "Jh.", "Kft.", "Zrt.", "Ltda.", "s. r. o.", "a. s.", "Şti.", "Min.",
    "Std.", "n. Br.", "s. Br.", "ö. L.", "w. L.",
])  # fmt: skip
_ORDINAL_WORDS = (
    r"[Aa]m|[Ii]m|[Vv]om|[Zz]um|[Zz]ur|[Bb]eim|[Dd]er|[Dd]ie|[Dd]as|[Dd]em|[Dd]en|[Dd]es|[Uu]nd|[Bb]is|[Aa]b|[Ss]eit|[Jj]eden|"
    r"[Ss]ein|[Ii]hr|[Aa]z?|[Vv]e?|[Nn]a|[Oo]d|[Dd]o|[Kk]e?|[Ss]e?|[Ww]e?|[Zz]e?|[Pp]o|[Pp]rzed"
)
_ORDINAL = re.compile(rf"(?:^|\s)(?:{_ORDINAL_WORDS})\s\d{{1,4}}\.$")
_BEFORE_A_NUMBER = re.compile(
    r"(?:^|[\s(])(?:[Nn]os?|[Nn]r|[Nn]|[Nn]úm|[Nn]um|[Vv]ols?|[Ff]igs?|pp?|[Pp]ágs?|[Pp]agg?|[Ss]|[Ss]tr|[Cc]h|[Cc]hap|[Cc]ap|[Kk]ap|[Aa]bb|"
    r"[Bb]d|[Tt]|[Aa]rt|[Рр]ис|[Сс]тр|[Гг]л|[Сс]т|[Čč]|[Oo]br|[Rr]ys|[Rr]ozdz|[Hh]fst|[Bb]lz|[Aa]fb|[Ss]ec|[Pp]t|"
    r"[Jj]an|[Ff]eb|[Mm]ar|[Mm]rt|[Aa]pr|[Jj]un|[Jj]ul|[Aa]ug|[Ss]ept?|[Oo]k?c?t|[Nn]ov|[Dd]e[cz])\.$"
)
_OPENERS = "(\"'„“«"
_NUMBERED = frozenset(["de", "cs", "hu", "pl", "tr"])
"""Languages that write an ordinal as a figure with a full stop."""
# sentencex is quadratic in characters that are not ASCII (7 s for 180,000 of Japanese), and no sentence is this long.
_MAX_CHARS = 10_000


def split_sentences(paragraph: str, language: str) -> list[str]:
    """The sentences in order, without the space between them; joined they are the paragraph's words.

    Every sentence has at least one letter or digit, unless the paragraph has none.
    """
    sentences: list[str] = []
    can_end = False
    for piece in _raw_pieces(paragraph, language.partition("-")[0]):
        has_word = _has_word(piece)
        if sentences and not (can_end and has_word and _is_end(sentences[-1].rstrip(), piece.lstrip(), language)):
            sentences[-1] += piece
        else:
            sentences.append(piece)
        can_end = can_end or has_word
    return [sentence for raw in sentences if (sentence := raw.strip())]


def _is_end(left: str, right: str, language: str) -> bool:
    """True when a sentence ends between two pieces of the splitter.

    No sentence begins with a small letter. Behind an abbreviation or an ordinal figure it goes on, unless the
    abbreviation often ends a sentence and a capital letter follows.
    """
    if not left.endswith("."):
        return True
    first = right.lstrip("\"'“„«»‘(")[:1]
    if first.islower():
        return False
    if _TITLE.search(left) or (language in _NUMBERED and _ORDINAL.search(left)):
        return False
    if first.isdigit() and _BEFORE_A_NUMBER.search(left):
        return False
    known, words = abbreviations(language), left.split()
    last = words[-1].lstrip(_OPENERS)
    without_article = last.rpartition("'")[2]  # French `l'av.`, Italian `dell'avv.`
    if (first.isdigit() and last in known.numbered) or (len(words) == 1 and last in known.opening):
        return False
    if any(f"{without_article} {right}".startswith(phrase) for phrase in known.anywhere if " " in phrase):
        return False
    for word in (without_article, *(" ".join(words[-count:]).lstrip(_OPENERS) for count in (1, 2, 3))):
        if word in known.anywhere:
            return first.isupper() and word in _MAY_END
    return True


def _raw_pieces(paragraph: str, language: str) -> Iterator[str]:
    while len(paragraph) > _MAX_CHARS:
        pieces = segment(language, paragraph[:_MAX_CHARS])
        if len(pieces) > 1:
            pieces.pop()  # its end may lie beyond what was looked at
        yield from pieces
        paragraph = paragraph[sum(map(len, pieces)) :]
    yield from segment(language, paragraph)


def _has_word(text: str) -> bool:
    return any(char.isalnum() for char in text)
