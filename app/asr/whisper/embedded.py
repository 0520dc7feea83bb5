"""Whisper base (99 languages, MIT), whose weights ship in two packages."""

import hashlib
import importlib.resources
from typing import Any

import msgspec

from app.asr.installation import CONFIG, EMBEDDED_PACKAGES, TOKENIZER, VOCABULARIES, WEIGHTS
from app.errors import UnusableCheckpoint

WEIGHTS_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
FIRST_MERGE = "Ġ t"
"""The packages' tokenizer lacks it: words that begin with "t" would be aligned by the wrong tokens."""


def read_files() -> dict[str, bytes]:
    """Contents by file name: 145 MB. Raises UnusableCheckpoint for weights of another version."""
    first, second = (importlib.resources.files(package) / "data" for package in EMBEDDED_PACKAGES)
    weights = (first / f"{WEIGHTS}.part1").read_bytes() + (second / f"{WEIGHTS}.part2").read_bytes()
    if hashlib.sha256(weights).hexdigest() != WEIGHTS_SHA256:
        raise UnusableCheckpoint(
            f"the weights in {' and '.join(EMBEDDED_PACKAGES)} are not those that Chorus knows: install them again",
            param="CHORUS_ASR_MODEL",
        )
    return {
        WEIGHTS: weights,
        CONFIG: (first / CONFIG).read_bytes(),
        VOCABULARIES[0]: (first / VOCABULARIES[0]).read_bytes(),
        TOKENIZER: with_first_merge((first / TOKENIZER).read_bytes()),
    }


def with_first_merge(tokenizer: bytes) -> bytes:
    """A `tokenizer.json` with FIRST_MERGE in its place."""
    content: dict[str, Any] = msgspec.json.decode(tokenizer)
    merges: list[str] = content["model"]["merges"]
    if merges[0] == FIRST_MERGE:
        return tokenizer
    content["model"]["merges"] = [FIRST_MERGE, *merges]
    return msgspec.json.encode(content)
