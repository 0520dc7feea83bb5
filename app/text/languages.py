"""The seventeen languages of XTTS v2, and the names that callers give them."""

from app.errors import UnsupportedLanguage, quoted

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

# Above these XTTS v2 warns that its speech may be cut off; the released tokenizer carries them.
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


def normalize_language(code: str) -> str:
    """`en-US`, `EN` and `en_GB` are `en`; every Chinese is `zh-cn`. Raises UnsupportedLanguage for what is none."""
    base = code.strip().lower().replace("_", "-").partition("-")[0]
    language = "zh-cn" if base == "zh" else base
    if language not in LANGUAGES:
        raise UnsupportedLanguage(f"no language {quoted(code)}; known are {', '.join(LANGUAGES)}", param="language")
    return language
