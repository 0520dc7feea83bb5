"""The decoder's weights in int8, for a checkpoint that is being converted and for one that is loaded.

Knows when the file is written and checked. Knows nothing of settings.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec
from filelock import FileLock

from app.engine.xtts.checkpoint.agreement import find_voice, measure_agreement
from app.engine.xtts.checkpoint.files import INT8_WEIGHTS, is_converted
from app.engine.xtts.checkpoint.int8_file import Int8Weights, find_int8, read_int8, write_int8
from app.engine.xtts.checkpoint.load import Checkpoint
from app.engine.xtts.checkpoint.manifest import Int8Record, read_manifest, write_manifest
from app.engine.xtts.checkpoint.networks import Networks
from app.engine.xtts.checkpoint.recording import Recording
from app.engine.xtts.checkpoint.vocabulary import read_tokenizer
from app.engine.xtts.config import ModelConfig
from app.engine.xtts.model.int8 import QuantizedMatrix, find_int8_problem, find_row_limit, quantize
from app.engine.xtts.text.tokenizer import TextTokenizer
from app.engine.xtts.voice.speakers import VoiceConditioning
from app.startup import Check, unchecked

logger = logging.getLogger(__name__)


def make_int8(
    folder: Path,
    networks: Networks,
    config: ModelConfig,
    *,
    tokenizer: TextTokenizer,
    speakers: Mapping[str, VoiceConditioning],
    recording: Recording | None,
    check: Check = unchecked,
) -> Int8Record:
    """Write the file into `folder` and measure what it is worth, where this CPU can.

    `check` raises to give up. Raises OSError where the file cannot be written.
    """
    record = write_int8(networks.decoder, folder)
    check()
    voice = find_voice(speakers, recording, networks, config)
    if voice is None or find_int8_problem():
        return record
    agreement = measure_agreement(
        networks.decoder,
        read_int8(folder / INT8_WEIGHTS, networks.decoder),
        config=config,
        tokenizer=tokenizer,
        conditioning_latents=voice,
        check=check,
    )
    return msgspec.structs.replace(record, agreement=agreement)


def with_int8(checkpoint: Checkpoint, check: Check = unchecked) -> Checkpoint:
    """The checkpoint with int8 weights that are checked, if its folder is a converted one.

    Those that lack, because an older version converted the folder, are made first, unless another process does: then
    it is waited for. Files that a server maps are replaced, never changed. A folder that cannot be written is told.
    """
    folder = checkpoint.folder
    if not is_converted(folder) or _is_checked(checkpoint.int8):
        return checkpoint
    try:
        with FileLock(folder / f".{INT8_WEIGHTS}.lock"):
            return msgspec.structs.replace(checkpoint, int8=_found_or_made(checkpoint, check))
    except OSError as error:
        logger.warning("int8 weights cannot be written into %s: %s", folder, error)
        return checkpoint


def _is_checked(found: Int8Weights | None) -> bool:
    """True if the weights were checked on a CPU that is no more exact than this one."""
    return found is not None and found.agreement is not None and found.agreement.row_limit <= find_row_limit()


def _found_or_made(checkpoint: Checkpoint, check: Check) -> Int8Weights | None:
    folder = checkpoint.folder
    manifest = read_manifest(folder)
    found = find_int8(folder, manifest)
    is_mute = not checkpoint.speakers and checkpoint.recording is None
    if _is_checked(found) or (found is not None and is_mute):
        return found
    logger.info("%s has no checked int8 weights yet: they are made once, which may take minutes", folder)
    record = make_int8(
        folder,
        checkpoint.networks,
        checkpoint.config,
        tokenizer=read_tokenizer(checkpoint.vocabulary, checkpoint.networks.decoder, checkpoint.config),
        speakers=checkpoint.speakers,
        recording=checkpoint.recording,
        check=check,
    )
    manifest = msgspec.structs.replace(manifest, int8=record)
    write_manifest(folder, manifest)
    return find_int8(folder, manifest)


def load_int8(checkpoint: Checkpoint) -> dict[str, QuantizedMatrix]:
    """From the file where there is one; else quantised now, which takes seconds. Raises UnusableCheckpoint."""
    decoder = checkpoint.networks.decoder
    if checkpoint.int8 is not None and checkpoint.int8.path.is_file():
        return read_int8(checkpoint.int8.path, decoder)
    return {name: quantize(affine.weight) for name, affine in decoder.matrices.items()}
