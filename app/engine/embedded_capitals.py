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
_HAVE_CONTRACTIONS = _FUNCTION_WORDS | {"it", "who"}
_CAPITALS = r"[A-Z](?:[A-Z'’-]*[A-Z])?"
_SHOUTED = re.compile(rf"\b{_CAPITALS}\b(?:[\s,;:]+{_CAPITALS}\b){{3,}}")
# Not within AND/OR, IS-IS and B.BE, nor in AT and T and behind an article (the HIS), where it is an abbreviation.
_WORD = re.compile(
    r"""
    (?<! [\w&/'’.-] ) (?<! \b[Tt]he[ ] ) (?<! \b[Aa][ ] ) (?<! \b[Aa]n[ ] )
    (?P<word> [A-Z]+ ) (?P<rest> ['’] (?: T|S|LL|RE|VE|D|M ) )?
    (?! [\w&/'’-] | \.\w | [ ]and[ ][A-Z]\b )
    """,
    re.VERBOSE,
)


def lower_words(text: str) -> str:
    """`text` with small letters in the words in capitals that are no abbreviations."""
    return _WORD.sub(_lower_word, _SHOUTED.sub(lambda shouted: _lower(shouted[0]), text))


def _lower_word(match: re.Match[str]) -> str:
    word, rest = match["word"], match["rest"] or ""
    is_word = word.lower() in _HAVE_CONTRACTIONS if rest else word.lower() in _FUNCTION_WORDS and len(word) > 1
    if rest[1:] not in ("", "S") or is_word:
        return _lower(match[0])
    return word + rest.lower()  # of a name or an abbreviation: NASA's


def _lower(text: str) -> str:
    return re.sub(r"\bi\b", "I", text.lower())
