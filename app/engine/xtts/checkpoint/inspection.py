"""Predict how the server would use a checkpoint, without loading its weights.

Reads config, vocabulary, speakers, and names and shapes of tensors with the code of the server's start, so both give
the same message. Importing this module does not import torch.
"""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from app.engine.xtts.checkpoint.diagnosis import check_folder
from app.engine.xtts.checkpoint.files import is_converted
from app.engine.xtts.config import read_config
from app.weights.files import Finding

if TYPE_CHECKING:  # imports torch
    from app.engine.xtts.checkpoint.precision import Precision


def inspect_checkpoint(folder: Path, *, precision: "Precision", device: str) -> Iterator[Finding]:
    """Yield findings as they are made. Takes seconds: torch and the TTS package are imported.

    precision   as in the settings
    device      `cpu` or `cuda`

    Raises UnusableCheckpoint for the first thing that would keep the server from starting.
    """
    check_folder(folder)
    config = read_config(folder)
    sizes = f"{config.model_args.gpt_layers} layers of {config.model_args.gpt_n_model_channels} channels"
    form = "converted" if is_converted(folder) else "as published, which needs no conversion"
    yield Finding(f"checkpoint: XTTS v2 {form}, {sizes}, in {folder}")
    missing = [package for package in ("torch", "TTS", "safetensors") if importlib.util.find_spec(package) is None]
    if missing:
        yield Finding(
            f"vocabulary, tensors and speakers were not read: that needs {', '.join(missing)}, which is not installed",
            is_noteworthy=True,
        )
        return
    yield from _inspect_content(folder, precision, device)


def _inspect_content(folder: Path, precision: "Precision", device: str) -> Iterator[Finding]:
    import torch

    from app.engine.xtts.checkpoint.load import load_checkpoint
    from app.engine.xtts.checkpoint.precision import choose_precision
    from app.engine.xtts.checkpoint.recording import SPEAKER
    from app.engine.xtts.checkpoint.vocabulary import read_tokenizer
    from app.engine.xtts.text.languages import find_languages

    checkpoint = load_checkpoint(folder, device="meta")
    decoder = checkpoint.networks.decoder
    tokenizer = read_tokenizer(checkpoint.vocabulary, decoder, checkpoint.config)
    yield Finding(
        f"every tensor has its place and shape; the vocabulary has {tokenizer.num_tokens} tokens, the model reads "
        f"{decoder.text_embedding.num_embeddings}"
    )
    choice = choose_precision(checkpoint, precision, torch.device(device))
    yield Finding(f"it computes in {choice.name}, because {choice.reason}", choice.is_noteworthy)
    languages = find_languages(checkpoint.config.languages, tokenizer.has_mark)
    yield Finding(f"it speaks {len(languages.spoken)} languages: {', '.join(languages.spoken)}")
    if languages.as_written:
        named = ", ".join(languages.as_written)
        yield Finding(f"{named}: spoken as written, so numbers and abbreviations must come as words", True)
    if languages.without_mark:
        named = ", ".join(languages.without_mark)
        yield Finding(f"{named}: listed by config.json and not spoken, because the vocabulary has no mark for it", True)
    voices = checkpoint.speaker_names
    if checkpoint.recording is not None:
        yield Finding(f"its first voice is made from {checkpoint.recording.path} and called {SPEAKER!r}")
    if voices:
        number = "1 voice" if len(voices) == 1 else f"{len(voices)} voices"
        yield Finding(f"it has {number} of its own; a request that names none is spoken with {voices[0]!r}")
    else:
        yield Finding("it has no voices of its own: a request must name a saved voice, or send recordings", True)
