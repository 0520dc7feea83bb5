"""The identity of a model: a digest of its weights, whatever its folder is called.

Saved voices and lists of speakers belong to one identity. It must differ between two trainings of one base model, of
which only some tensors differ, and must not cost a start the reading of 1.9 GB.
"""

import hashlib
import zipfile
from pathlib import Path

from app.engine.xtts.checkpoint.files import ORIGINAL_WEIGHTS

NUM_DIGITS = 32


def identity_of(folder: Path) -> str:
    """32 hexadecimal digits for `model.pth`, which must be there.

    PyTorch writes a ZIP archive with one entry for each tensor's values, and the archive's directory has a CRC-32 of
    each entry. The digest is made of these sizes and checksums: it covers every value, and reads about 100 KB. The
    archive's other entries are left out, because they say how and by which version of PyTorch it was written.

    Files of before 2020, and those that PyTorch was told to write without checksums, are read as a whole.
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
