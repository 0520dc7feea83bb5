"""The parts of the engine that hold tensors, made and put on their device.

Runs on the device's thread, and only there. Knows what belongs together; knows no request.
"""

from collections.abc import Callable

import msgspec
import torch

from app.engine.xtts.decode.batch import Batch
from app.engine.xtts.device_loop import DeviceLoop
from app.engine.xtts.guards import Guards
from app.engine.xtts.text.tokenizer import TextTokenizer
from app.engine.xtts.vocode.vocoder import MAX_WINDOWS, Vocoder
from app.engine.xtts.voice.conditioning import Conditioner
from app.engine.xtts.weights.checkpoint import Checkpoint
from app.errors import ChorusError, UnusableCheckpoint

WINDOWS_PER_TURN = {"cpu": 2, "cuda": MAX_WINDOWS}
"""A CPU makes windows one after the other, and rows that decode wait for them."""


class Loaded(msgspec.Struct, frozen=True):
    checkpoint: Checkpoint
    tokenizer: TextTokenizer
    device_loop: DeviceLoop


def assemble(
    checkpoint: Checkpoint,
    device: torch.device,
    max_slots: int,
    guards: Guards,
    on_lost: Callable[[ChorusError], None],
    clock: Callable[[], float],
) -> Loaded:
    """Everything that holds a tensor, made on the thread that will use it.

    On CPU a second thread that ever computed would make the first one a third slower for good: OpenMP counts both
    threads' helpers, finds more than there are cores, and lets them sleep where they would have waited for work.
    """
    checkpoint = checkpoint.to(device)
    config, networks = checkpoint.config, checkpoint.networks
    tokenizer = TextTokenizer(checkpoint.vocabulary, max_text_tokens=config.model_args.gpt_max_text_tokens)
    if tokenizer.num_tokens > networks.decoder.text_embedding.num_embeddings:
        raise UnusableCheckpoint(
            f"{checkpoint.vocabulary} has {tokenizer.num_tokens} tokens, the model reads "
            f"{networks.decoder.text_embedding.num_embeddings}: it is another model's",
            param="CHORUS_MODEL",
        )
    marks = networks.decoder.start_text_token, networks.decoder.stop_text_token
    if tokenizer.marks != marks:
        raise UnusableCheckpoint(
            f"{checkpoint.vocabulary} has [START] and [STOP] at {tokenizer.marks}, the model has them at {marks}: "
            "it is another model's",
            param="CHORUS_MODEL",
        )
    device_loop = DeviceLoop(
        config=config,
        tokenizer=tokenizer,
        batch=Batch(networks.decoder, slots=max_slots, max_codes=config.model_args.max_audio_codes, device=device),
        vocoder=Vocoder(networks.generator),
        conditioner=Conditioner(networks, config, device),
        guards=guards,
        windows_per_turn=WINDOWS_PER_TURN[device.type],
        on_lost=on_lost,
        clock=clock,
    )
    return Loaded(checkpoint, tokenizer, device_loop)
