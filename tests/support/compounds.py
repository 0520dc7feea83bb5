"""Words that a recogniser writes apart or together: `any one` and `anyone` are one reading."""

import difflib


def as_written(expected: str, heard: str) -> str:
    """`heard`, both in plain words, with the spaces of `expected` where both have the same letters otherwise."""
    words, got = expected.split(), heard.split()
    written: list[str] = []
    for _, a, b, c, d in difflib.SequenceMatcher(None, words, got, autojunk=False).get_opcodes():
        is_same = "".join(words[a:b]) == "".join(got[c:d])
        written += words[a:b] if is_same else got[c:d]
    return " ".join(written)
