"""The identity of a model: a digest of its weights, whatever its folder is called.

It differs between trainings of one base model that differ in some tensors only, and is found without reading 1.9 GB.
"""

import hashlib
import zipfile
from pathlib import Path

from app.engine.xtts.checkpoint.files import ORIGINAL_WEIGHTS

NUM_DIGITS = 32


def identity_of(folder: Path) -> str:
    """32 hexadecimal digits for `model.pth`, which must be there.

    PyTorch writes a ZIP archive with an entry for each tensor's values. The digest is made of their sizes and CRC-32 in
    the archive's directory, so it covers every value and reads about 100 KB. Other entries depend on PyTorch's version
    and are left out.

    Files from before 2020, and archives without checksums, are read as a whole.
    """
    path = folder / ORIGINAL_WEIGHTS
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile:
        entries = []
    values = sorted((entry.file_size, entry.CRC) for entry in entries if "/data/" in entry.filename)
    if any(crc for _, crc in values):
        return hashlib.sha256(repr(values).encode()).hexdigest()[:NUM_DIGITS]
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:NUM_DIGITS]
