"""The language in which a book is read: the one that is asked for, else the book's own."""

import re
from typing import Protocol

from babel import Locale, UnknownLocaleError
from babel.core import get_global

from app.errors import UnsupportedLanguage, quoted

_SEVERAL = frozenset(("und", "mul", "mis", "zxx"))
"""Codes of ISO 639-2 that name no language."""
_CODE = re.compile(r"[a-z]{2,3}(?:[-_][a-z0-9]{1,8}){0,4}", re.IGNORECASE)


class HasLanguages(Protocol):
    """app.books.studio.Studio, to this module."""

    def check_language(self, code: str) -> str: ...


def choose_language(studio: HasLanguages, asked: str, of_book: str) -> tuple[str, str]:
    """(the engine's code, a warning or "").

    asked     by the caller; "" for the book's own
    of_book   as the book gives it; "" or a code that is no language gives the engine's default

    Raises UnsupportedLanguage.
    """
    if asked:
        return studio.check_language(asked), ""
    code = _known_code(of_book)
    if code is None:
        language = studio.check_language("")
        unclear = of_book.strip() and of_book.strip().lower() not in _SEVERAL
        return language, f"the book's language {quoted(of_book)} is not known: read as {language!r}" if unclear else ""
    try:
        return studio.check_language(code), ""
    except UnsupportedLanguage as error:
        raise UnsupportedLanguage(
            f"the book's language is {quoted(of_book)}, and {error.message}; name a language to read it in another one",
            param="language",
        ) from error


def _known_code(written: str) -> str | None:
    """A code of two letters where there is one: `eng` is `en`, `ger` and `deu` are `de`. None for no language."""
    if _CODE.fullmatch(written.strip()) is None:
        return None
    base, *rest = written.strip().lower().replace("_", "-").split("-")
    if base in _SEVERAL:
        return None
    base = get_global("language_aliases").get(base, base)
    try:
        Locale.parse(base)
    except (UnknownLocaleError, ValueError):
        return None
    return "-".join((base, *rest))
