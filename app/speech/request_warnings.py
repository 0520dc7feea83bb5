"""Warnings that follow from a request and an engine, before anything is spoken."""

from app.engine.base import EngineInfo
from app.speech.request import SpeechRequest

SAMPLING_FIELDS = ("temperature", "top_k", "top_p", "repetition_penalty")


def request_warnings(request: SpeechRequest, info: EngineInfo, language: str) -> list[str]:
    """Sentences for X-Chorus-Warnings: options without effect, and digits that are not spelt out in `language`."""
    ignored = [
        field for field in SAMPLING_FIELDS if getattr(request, field) is not None and field not in info.sampling_options
    ]
    warnings = [f"{field} has no effect on the {info.name} engine" for field in (*ignored, *request.without_effect)]
    warnings += request.notes
    if language in info.languages_as_written and any(char.isdigit() for char in request.text):
        warnings.append(f"numbers are not spelt out in {language!r}: write them as words")
    return warnings
