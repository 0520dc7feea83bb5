"""Emphasis: which `*` and `_` are markup. CommonMark's rule, changed in three points.

`2*3*4` and `2**3` stay; emphasis that touches Chinese, Japanese or Korean text works without spaces; a `**` without its
partner, because a text came in pieces, is dropped where it touches a word.
"""

import re
import unicodedata

from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter

_CJK = re.compile("[\u1100-\u11ff\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef]")
_NO_OPENING = re.compile(r"[*_~`]{0,8}(?:[\s)\]^/;=]|<(?![A-Za-z/!])|$)")
"""Behind a run of markers that is a face such as `*_*`, `^_^` or `>_<`."""
_DANGLING = "dangling"


def tokenize(state: StateInline, silent: bool) -> bool:
    """An inline rule of markdown-it-py, in place of its own `emphasis`."""
    marker = state.src[state.pos]
    if silent or marker not in "*_":
        return False
    start = end = state.pos
    while end < state.posMax and state.src[end] == marker:
        end += 1
    can_open, can_close = _flanking(state.src, start, end, marker, is_auto=state.env["is_auto"])
    can_open = can_open and not _NO_OPENING.match(state.src, end)
    for _ in range(end - start):
        token = state.push("text", "", 0)
        token.content = marker
        if marker == "*" and end - start >= 2 and can_open != can_close:
            token.meta[_DANGLING] = True
        state.delimiters.append(
            Delimiter(ord(marker), end - start, len(state.tokens) - 1, end=-1, open=can_open, close=can_close)
        )
    state.pos = end
    return True


def drop_dangling(state: StateInline) -> None:
    """Runs after the pairing of delimiters, which leaves unpaired ones as text."""
    for token in state.tokens:
        if token.type == "text" and token.meta.get(_DANGLING):
            token.content = ""


def _flanking(text: str, start: int, end: int, marker: str, *, is_auto: bool) -> tuple[bool, bool]:
    """(can open emphasis, can close it), of a run of markers."""
    before, after = text[start - 1 : start] or " ", text[end : end + 1] or " "
    is_cjk_before, is_cjk_after = bool(_CJK.match(before)), bool(_CJK.match(after))
    is_mark_before, is_mark_after = _is_punctuation(before), _is_punctuation(after)
    is_open = not after.isspace() and (
        not is_mark_after or before.isspace() or is_mark_before or is_cjk_before or end - start >= 2
    )
    is_close = not before.isspace() and (
        not is_mark_before or after.isspace() or is_mark_after or is_cjk_after or end - start >= 2
    )
    if marker == "_":
        return is_open and (not is_close or is_mark_before), is_close and (not is_open or is_mark_after)
    if is_auto and before.isalnum() and after.isalnum() and not (is_cjk_before or is_cjk_after):
        is_operator = end - start == 1 or before.isdigit() or after.isdigit()
        is_open, is_close = is_open and not is_operator, is_close and not is_operator
    return is_open, is_close


def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char)[0] in "PS"
