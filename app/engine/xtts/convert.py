"""A published checkpoint to the form that loads at once: safetensors with a manifest."""

from pathlib import Path


def convert_checkpoint(source: Path, target: Path, *, model: str, revision: str | None) -> None:
    """Write the converted form of `source` into the folder `target`, the manifest last.

    Raises UnusableCheckpoint, naming the file, when a file of `source` is missing, damaged or of another kind.
    """
    raise NotImplementedError
