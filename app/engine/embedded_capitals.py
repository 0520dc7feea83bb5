"""Words in capitals for the embedded voice, which spells those that it takes for abbreviations, such as HIS or SHOULD.

An abbreviation cannot be told from a word by its letters. Taken for words are four and more of them in a row, a
contraction, and words of grammar; hibari decides about the others, also about IT, US, OR, AM and WHO.
"""

import re

_WORDS_OF_GRAMMAR = (
    "an and are as at be been being but by can could did do does doth down for from had has hath have he her here hers "
    "him his how if in into is its let may me might mine must my nor not of off on our ours out over shall shalt she "
    "should so some such than that the thee their theirs them then there these they this those though through thou thy "
    "to too unto until up upon was we were what when where which while whom whose why will with would yet you your "
    "yours"
)
_FUNCTION_WORDS = frozenset(_WORDS_OF_GRAMMAR.split())
_HAVE_CONTRACTIONS = _FUNCTION_WORDS | {"i", "it", "who"}
_ALSO_ABBREVIATIONS = frozenset(
    ["as", "at", "be", "can", "do", "had", "has", "his", "in", "is", "may", "me", "on", "up"]
)
"""Abbreviations behind an article (the HIS) and, of two letters, behind the name of a town (Gary, IN)."""
_BEFORE_ABBREVIATION = re.compile(r"\b(?:[Tt]he|[Aa]n?) $")
_BEFORE_STATE = re.compile(r"[a-z], $")
_CAPITALS = r"[A-Z](?:[A-Z'’-]*[A-Z])?"
_SHOUTED = re.compile(rf"\b{_CAPITALS}\b(?:[\s,;:]+{_CAPITALS}\b){{3,}}")
# Not within AND/OR, IS-IS and B.BE, nor in AT and T, which are read as they are. Two hyphens are a dash.
_WORD = re.compile(
    r"""
    (?<! [\w&/.] ) (?<! (?<! - ) - ) (?<! \w['’] )
    (?P<word> [A-Z]+ ) (?P<rest> ['’] (?: T|S|LL|RE|VE|D|M ) )?
    (?! [\w&/] | -(?!-) | ['’.]\w | [ ]and[ ][B-HJ-Z]\b(?!\.) )
    """,
    re.VERBOSE,
)


def lower_words(text: str) -> str:
    """`text` with small letters in the words in capitals that are no abbreviations."""
    return _WORD.sub(_lower_word, _SHOUTED.sub(lambda shouted: _lower(shouted[0]), text))


def _lower_word(match: re.Match[str]) -> str:
    word, rest = match["word"], match["rest"] or ""
    if rest:
        # N'T and I'M are contractions whatever is before; NASA's and CIA'll are not.
        is_word = rest[1:] in ("T", "M") or word.lower() in _HAVE_CONTRACTIONS
        return _lower(match[0]) if is_word else word + rest.lower()
    is_word = len(word) > 1 and word.lower() in _FUNCTION_WORDS and not _is_abbreviation(match)
    return _lower(word) if is_word else word


def _is_abbreviation(match: re.Match[str]) -> bool:
    if match["word"].lower() not in _ALSO_ABBREVIATIONS:
        return False
    before = match.string[max(0, match.start() - 5) : match.start()]
    is_state = len(match["word"]) == 2 and _BEFORE_STATE.search(before) is not None
    return is_state or _BEFORE_ABBREVIATION.search(before) is not None


def _lower(text: str) -> str:
    return re.sub(r"\bi\b", "I", text.lower())
