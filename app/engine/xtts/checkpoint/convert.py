"""A published checkpoint to the form that loads at once: safetensors with a manifest.

Networks, voices and tokenizer are built first, so a converted checkpoint can be served.
"""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from app import __version__
from app.engine.xtts.checkpoint.diagnosis import check_folder
from app.engine.xtts.checkpoint.files import (
    CONFIG,
    ORIGINAL_WEIGHTS,
    RECORDINGS,
    SPEAKERS,
    VOCABULARY,
    WEIGHTS,
)
from app.engine.xtts.checkpoint.identity import identity_of
from app.engine.xtts.checkpoint.int8_weights import make_int8
from app.engine.xtts.checkpoint.manifest import Manifest, entry_of, save_tensors, write_manifest
from app.engine.xtts.checkpoint.networks import build_networks
from app.engine.xtts.checkpoint.original import read_original_speakers, read_original_weights
from app.engine.xtts.checkpoint.recording import read_recording
from app.engine.xtts.checkpoint.vocabulary import read_tokenizer
from app.engine.xtts.config import read_config
from app.engine.xtts.text.languages import find_languages
from app.engine.xtts.voice.speakers import CONDITIONING_KEYS
from app.startup import Check, unchecked


def convert_checkpoint(
    source: Path, target: Path, *, model: str, revision: str | None, check: Check = unchecked
) -> None:
    """Write the converted form of `source` into `target`, the manifest last. `check` raises to give up.

    Raises UnusableCheckpoint, naming the file of `source`, and OSError when `target` cannot be written.
    """
    check_folder(source)
    config = read_config(source)
    weights = read_original_weights(source)
    check()
    networks = build_networks(config, weights, source / ORIGINAL_WEIGHTS)
    tokenizer = read_tokenizer(source / VOCABULARY, networks.decoder, config)
    find_languages(config.languages, tokenizer.has_mark)
    speakers = read_original_speakers(source, channels=config.model_args.gpt_n_model_channels)
    check()
    target.mkdir(parents=True, exist_ok=True)
    for name in (CONFIG, VOCABULARY):
        shutil.copyfile(source / name, target / name)
    save_tensors({name: tensor.contiguous() for name, tensor in weights.items()}, target / WEIGHTS)
    save_tensors(
        {
            f"{number}.{name}": getattr(voice, name).clone().contiguous()
            for number, voice in enumerate(speakers.values())
            for name in CONDITIONING_KEYS
        },
        target / SPEAKERS,
        metadata={"names": json.dumps(list(speakers))},
    )
    names = [CONFIG, VOCABULARY, WEIGHTS, SPEAKERS]
    if recording := read_recording(source, max_s=config.max_ref_len):
        names.append(f"{RECORDINGS[0]}{recording.path.suffix.lower()}")
        shutil.copyfile(recording.path, target / names[-1])
    check()
    # On a thread that ends: one that stays and has computed makes the engine's thread slower (see `build_parts`).
    with ThreadPoolExecutor(1) as worker:
        int8 = worker.submit(
            make_int8,
            target,
            networks,
            config,
            tokenizer=tokenizer,
            speakers=speakers,
            recording=recording,
            check=check,
        ).result()
    check()
    files = {name: entry_of(target / name) for name in names}
    check()
    manifest = Manifest(
        model=model,
        revision=revision,
        chorus_version=__version__,
        files=files,
        identity=identity_of(source),
        int8=int8,
    )
    write_manifest(target, manifest)
