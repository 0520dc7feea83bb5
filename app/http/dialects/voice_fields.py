"""Fields of other servers that change who speaks. They are honoured or refused: no text is spoken in another voice."""

import re
from collections.abc import Collection, Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from app.errors import InvalidField, quoted

MAX_REF_TEXT_CHARS = 20_000
RECORDING_FIELDS = ("ref_audio", "reference_audio", "references")
"""Fields of vllm-omni, of our own routes, and of fish-speech. `Uploads.speech` takes them out of a body."""

_WORDS = frozenset(
    [
        *("speaker", "speakers", "spk", "ref", "reference", "references", "wav"),
        *("clone", "cloning", "embedding", "embeddings", "latent", "latents"),
    ]
)
_WITH_VOICE = frozenset(["id", "name", "file", "path", "url", "sample", "audio", "prompt"])
_HARMLESS = frozenset(["style_wav"])
"""Coqui's recording of a manner of speech, which is not of a voice."""

RecordingText = Annotated[str, Meta(description="A recording of the voice, in base64 or as a data: URL", min_length=1)]
RefText = Annotated[str, Meta(max_length=MAX_REF_TEXT_CHARS)]


class Reference(msgspec.Struct, kw_only=True):
    """A recording of the voice, and what is said in it, which XTTS does not need."""

    audio: RecordingText
    text: RefText | None = None


def check_task(task_type: str | None, ref_text: str | None, *, has_recordings: bool) -> None:
    """Raises InvalidField where another voice than the one that is meant would speak."""
    task = (task_type or "").casefold()
    if task not in ("", "base", "customvoice"):
        raise InvalidField(
            f"task_type: {quoted(task_type or '')} is not done here; Base and CustomVoice are", param="task_type"
        )
    if task == "customvoice" and has_recordings:
        raise InvalidField("task_type: CustomVoice speaks in `voice`; leave the recording out", param="task_type")
    if not has_recordings and (task == "base" or ref_text):
        name = "task_type" if task == "base" else "ref_text"
        raise InvalidField(f"{name}: send the recording as ref_audio, in base64 or as a data: URL", param=name)


def check_unknown_fields(sent: Mapping[str, object], known: Collection[str], *, instead: str) -> None:
    """Raises InvalidField for a field beside `known` that says who is to speak, by its name. Null says nothing.

    `instead` ends the message: what the caller does in place of it.
    """
    for name, value in sent.items():
        if name not in known and value not in (None, "", [], {}) and _says_who_speaks(name):
            raise InvalidField(
                f"{quoted(name)[1:-1]}: this would change who speaks, and it is not known here; {instead}", param=name
            )


def _says_who_speaks(name: str) -> bool:
    if name in _HARMLESS:
        return False
    words = set(re.findall("[a-z]+", re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()))
    return bool(
        words == {"voice"}
        or words & _WORDS
        or ("voice" in words and words & _WITH_VOICE)
        or {"audio", "prompt"} <= words
    )
