"""Options of a transcription, and the languages that callers name."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated

import msgspec
from babel import Locale
from msgspec import Meta

from app.asr.base import RecognizerInfo, Task
from app.errors import InvalidField, UnsupportedLanguage, quoted

MAX_PROMPT_CHARS = 10_000
MAX_LISTED_LANGUAGES = 20
"""Languages that an error message names; Whisper knows a hundred."""

Prompt = Annotated[
    str, Meta(max_length=MAX_PROMPT_CHARS, description="Text before the recording: spelling of names, style")
]
Temperature = Annotated[
    float,
    Meta(ge=0, le=1, description="Randomness; 0 decodes again with a higher one where the text is unlikely"),
]

# Whisper's codes of Javanese, Norwegian, Hebrew, Tagalog and Chinese are not the only ones in use.
_ALIASES = {"jv": "jw", "nb": "no", "iw": "he", "fil": "tl", "cmn": "zh"}
_CODES_OF_CLDR = {"jw": "jv"}


class TranscriptionOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a recording is transcribed."""

    task: Task = "transcribe"
    language: str = ""
    """as a caller writes it, such as `de`, `de-AT` or `german`; empty: detected"""
    prompt: str = ""
    temperature: float = 0.0
    words: bool = False
    """times of words, which cost more work"""
    beam_size: int = 5
    low_latency: bool = False
    is_draft: bool = False
    """these three as in the recogniser's request"""
    warnings: tuple[str, ...] = ()
    """about the caller's dialect"""


def check_task(task: Task, info: RecognizerInfo) -> None:
    """Raises InvalidField."""
    if task == "translate" and not info.can_translate:
        raise InvalidField(
            f"the model {info.model} cannot translate; a multilingual one with a whole decoder can, such as "
            "Systran/faster-whisper-large-v3 (CHORUS_ASR_MODEL)",
            param="task",
        )


def find_language(name: str, known: Sequence[str]) -> str | None:
    """The one of the codes `known` that a caller means; None for "", which asks for detection.

    Takes a code in any case, with or without a region, and the English name. Raises UnsupportedLanguage.
    """
    wanted = name.strip().lower().replace("_", "-")
    if not wanted:
        return None
    base = wanted.partition("-")[0]
    for code in (wanted, base, _ALIASES.get(base)):
        if code in known:
            return code
    if code := next((code for code in known if language_name(code) == wanted), None):
        return code
    if len(known) <= MAX_LISTED_LANGUAGES:
        hint = f"the recogniser knows {', '.join(known)}"
    else:
        hint = f"the recogniser knows {len(known)} languages by their codes, such as {', '.join(known[:5])}"
    raise UnsupportedLanguage(
        f"{quoted(name)} is not a language of the recogniser; {hint}; without one it is detected", param="language"
    )


def language_name(code: str) -> str:
    """In English and lower case, such as `german`; the code itself where it is not known."""
    return _english_names().get(_CODES_OF_CLDR.get(code, code), code).lower()


@cache
def _english_names() -> Mapping[str, str]:
    return dict(Locale("en").languages)
