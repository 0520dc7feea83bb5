"""The languages of a checkpoint that can be spoken: those whose mark, `[de]`, is in the vocabulary."""

import logging
from collections.abc import Callable, Sequence

import msgspec

from app.errors import UnusableCheckpoint
from app.text.languages import LANGUAGES, canonical_language

logger = logging.getLogger(__name__)


class CheckpointLanguages(msgspec.Struct, frozen=True, kw_only=True):
    """Canonical codes, in the order of `config.json`."""

    spoken: tuple[str, ...]
    as_written: tuple[str, ...]
    """those of `spoken` that XTTS v2 was not released with: their numbers and abbreviations are not spelt out"""
    without_mark: tuple[str, ...]
    """listed by the config, unknown to the vocabulary"""

    def log(self) -> None:
        if self.without_mark:
            marks = ", ".join(f"[{language}]" for language in self.without_mark)
            logger.warning(
                "languages of config.json that are not spoken: %s; the vocabulary has no mark %s",
                ", ".join(self.without_mark),
                marks,
            )
        if self.as_written:
            logger.info(
                "languages that the model was trained on in addition: %s; they are spoken as they are written, so "
                "numbers and abbreviations must come as words",
                ", ".join(self.as_written),
            )


def find_languages(listed: Sequence[str], has_mark: Callable[[str], bool]) -> CheckpointLanguages:
    """Sort the languages of `config.json`; an empty list stands for those of the released model.

    Raises UnusableCheckpoint when none of them can be spoken.
    """
    codes = tuple(dict.fromkeys(canonical_language(code) for code in listed or LANGUAGES))
    spoken = tuple(code for code in codes if has_mark(code))
    if not spoken:
        known = ", ".join(code for code in LANGUAGES if has_mark(code)) or "none of the released model's"
        raise UnusableCheckpoint(
            f"no language of config.json can be spoken: it lists {', '.join(codes)}, and vocab.json has marks for "
            f"{known}; correct `languages` in config.json, or take the vocabulary that the model was trained with",
            param="CHORUS_MODEL",
        )
    return CheckpointLanguages(
        spoken=spoken,
        as_written=tuple(code for code in spoken if not is_spelt_out(code)),
        without_mark=tuple(code for code in codes if code not in spoken),
    )


def is_spelt_out(language: str) -> bool:
    """True if the TTS package has rules for the numbers and abbreviations of a language."""
    return language.partition("-")[0] in _RELEASED


_RELEASED = frozenset(code.partition("-")[0] for code in LANGUAGES)
