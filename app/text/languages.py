"""The seventeen languages of XTTS v2, further ones of fine-tunes, and the names that callers give them."""

from collections.abc import Mapping, Sequence
from functools import cache

from babel import Locale

LANGUAGES = {
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "de": "German",
    "it": "Italian",
    "pt": "Portuguese",
    "pl": "Polish",
    "tr": "Turkish",
    "ru": "Russian",
    "nl": "Dutch",
    "cs": "Czech",
    "ar": "Arabic",
    "zh-cn": "Chinese",
    "hu": "Hungarian",
    "ko": "Korean",
    "ja": "Japanese",
    "hi": "Hindi",
}

# Above these XTTS v2 warns that its speech may be cut off (the released tokenizer's own limits).
XTTS_MAX_CHARS = {
    "en": 250,
    "es": 239,
    "fr": 273,
    "de": 253,
    "it": 213,
    "pt": 203,
    "pl": 224,
    "tr": 226,
    "ru": 182,
    "nl": 251,
    "cs": 186,
    "ar": 166,
    "zh-cn": 82,
    "hu": 224,
    "ko": 95,
    "ja": 71,
    "hi": 150,
}


# For languages that a fine-tune has added. A word of Chinese has one or two characters.
_ADDED_MAX_CHARS, _ADDED_CHINESE_MAX_CHARS = 150, 80
_CHINESE = frozenset(("zh", "yue", "wuu", "nan", "hak"))


def canonical_language(code: str) -> str:
    """The code as engines list it: `EN_us` is `en-us`, and `zh` is XTTS's `zh-cn`."""
    language = code.strip().lower().replace("_", "-")
    return "zh-cn" if language == "zh" else language


def match_language(code: str, spoken: Sequence[str]) -> str | None:
    """The one of `spoken` (canonical codes) that `code` means, or None.

    `pt-BR` is `pt` where no `pt-br` is spoken. Every Chinese is `zh-cn`. An English name is taken too: `German`.
    """
    language = canonical_language(code)
    base = language.partition("-")[0]
    by_code = next((found for found in (language, canonical_language(base)) if found in spoken), None)
    return by_code or next((each for each in spoken if language_name(each).lower() == language), None)


def default_language(spoken: Sequence[str]) -> str:
    """English, or the first language of an engine that does not speak it."""
    return "en" if "en" in spoken else spoken[0]


def max_chars(language: str) -> int:
    """Characters of one segment that XTTS speaks without cutting it off. A guess for languages of fine-tunes."""
    chinese = language.partition("-")[0] in _CHINESE
    return XTTS_MAX_CHARS.get(language, _ADDED_CHINESE_MAX_CHARS if chinese else _ADDED_MAX_CHARS)


def language_name(code: str) -> str:
    """In English; the code itself where it is not known."""
    return LANGUAGES.get(code) or _english_names().get(code, code)


@cache
def _english_names() -> Mapping[str, str]:
    """English names of languages that fine-tunes have added."""
    return dict(Locale("en").languages)
