"""Voices that a caller writes into a text: `[voice:Ana Florence]` speaks what follows in that voice."""

import re
from collections.abc import Sequence

from app.text.markup import Markup, is_ssml

MAX_NAME_CHARS = 200
_VOICE = re.compile(rf"\[voice:[ \t]{{0,4}}([^\[\]\r\n]{{1,{MAX_NAME_CHARS}}})\]", re.IGNORECASE)


def split_at_voices(text: str, markup: Markup) -> Sequence[tuple[str | None, str]]:
    """Names of voices and the texts behind them; None for the text before the first name.

    Pieces of blanks are left out. The whole text for a text without names, for SSML, and for Markup.PLAIN.
    """
    pieces = _VOICE.split(text)
    if len(pieces) == 1 or markup in (Markup.PLAIN, Markup.SSML) or (markup is Markup.AUTO and is_ssml(text)):
        return [(None, text)]
    named = [
        (None, pieces[0]),
        *((name.strip(), piece) for name, piece in zip(pieces[1::2], pieces[2::2], strict=True)),
    ]
    return [(name, piece) for name, piece in named if piece.strip()] or [(None, text)]
