"""The parts of the engine that hold tensors, made and put on their device, on the device's thread."""

import logging
import math
from collections.abc import Callable
from contextlib import nullcontext

import msgspec
import numpy as np
import torch

from app.audio.reference import ReferenceClip
from app.engine.capacity import Capacity
from app.engine.live import LiveStreams
from app.engine.slots import kept_slots
from app.engine.xtts.checkpoint.load import Checkpoint
from app.engine.xtts.checkpoint.precision import Precision, PrecisionChoice, bring_to_precision
from app.engine.xtts.checkpoint.recording import SPEAKER
from app.engine.xtts.checkpoint.vocabulary import read_tokenizer
from app.engine.xtts.config import ModelConfig
from app.engine.xtts.device.memory import read_free_bytes, slots_that_fit
from app.engine.xtts.device.torch_setup import set_up
from app.engine.xtts.loop import EngineLoop, Limits
from app.engine.xtts.runaway import Guards
from app.engine.xtts.runner.batch import Batch
from app.engine.xtts.runner.state import BatchState
from app.engine.xtts.step_times import measure_loads
from app.engine.xtts.text.languages import CheckpointLanguages, find_languages
from app.engine.xtts.text.tokenizer import TextTokenizer
from app.engine.xtts.vocoder.chunks import Chunk
from app.engine.xtts.vocoder.fixed_shapes import COUNTS
from app.engine.xtts.vocoder.pieces import State
from app.engine.xtts.vocoder.upsampling import LatentUpsampler
from app.engine.xtts.vocoder.vocoder import MAX_CHUNKS, Vocoder, VocoderJob
from app.engine.xtts.voice.conditioning import Conditioner
from app.errors import ChorusError, EngineFailure, UnusableReference
from app.startup import Check, StartupTimer

logger = logging.getLogger(__name__)


class DeviceProfile(msgspec.Struct, frozen=True, kw_only=True):
    """How the engine works on one kind of device."""

    slots: int
    """segments at a time by default: more are faster together and slower for each"""
    chunks_per_turn: int
    prefill_positions: int
    """prompt positions that join in one turn: on a CPU about a second of the running streams' time"""
    few_chunk_shapes: bool
    lookahead_steps: int
    """turns that the device is ahead of the host"""
    use_graphs: bool
    max_vocoded_ahead_s: float
    """as max_ahead_s of VocodeStage"""


PROFILES = {
    # Chunks are made one after the other, while slots that decode wait.
    "cpu": DeviceProfile(
        slots=16,
        chunks_per_turn=2,
        prefill_positions=256,
        few_chunk_shapes=False,
        lookahead_steps=0,
        use_graphs=False,
        max_vocoded_ahead_s=2.0,
    ),
    "cuda": DeviceProfile(
        slots=64,
        chunks_per_turn=MAX_CHUNKS,
        prefill_positions=1024,
        few_chunk_shapes=True,
        lookahead_steps=1,
        use_graphs=True,
        max_vocoded_ahead_s=math.inf,
    ),
}


class EngineParts(msgspec.Struct, frozen=True):
    checkpoint: Checkpoint
    tokenizer: TextTokenizer
    languages: CheckpointLanguages
    engine_loop: EngineLoop
    num_slots: int
    precision: PrecisionChoice


def build_parts(
    checkpoint: Checkpoint,
    *,
    device: torch.device,
    precision: Precision,
    profile: DeviceProfile,
    max_slots: int,
    max_ahead_s: float,
    limit_streams: bool,
    max_live_wait_s: float,
    guards: Guards,
    on_lost: Callable[[ChorusError], None],
    clock: Callable[[], float],
    stage: StartupTimer,
    check: Check,
) -> EngineParts:
    """Everything that holds a tensor, made on the thread that will use it.

    On a CPU a second thread that ever computed would make the first a third slower for good: OpenMP counts both
    threads' helpers, finds more than cores, and lets them sleep.

    Stages: device, recording where there is one, graphs where there are any, capacity. Raises UnusableCheckpoint, and
    EngineUnavailable when the slots do not fit into the device's memory.
    """
    config = checkpoint.config
    tokenizer = read_tokenizer(checkpoint.vocabulary, checkpoint.networks.decoder, config)
    languages = find_languages(config.languages, tokenizer.has_mark)
    languages.log()
    set_up(device)
    with stage("device"):
        checkpoint = checkpoint.to(device)
        networks = checkpoint.networks
        choice = bring_to_precision(checkpoint, precision, device, check=check)
        if device.type == "cuda":
            torch.cuda.empty_cache()  # frees the float32 copies, which a capture could not
        vocoder = Vocoder(networks.generator, few_shapes=profile.few_chunk_shapes, use_graphs=profile.use_graphs)
        conditioner = Conditioner(networks, config, device)
        if device.type == "cuda":
            torch.cuda.empty_cache()  # frees what only the warm-up of captures needed
            warm_up(vocoder, conditioner, config)
    if checkpoint.recording is not None:
        with stage("recording"):
            checkpoint = _with_recorded_speaker(checkpoint, conditioner)
    max_codes = config.model_args.max_audio_codes
    bytes_per_slot = BatchState(networks.decoder, slots=1, max_codes=max_codes, device=torch.device("meta")).num_bytes
    num_slots = slots_that_fit(
        max_slots, profile.slots, free_bytes=read_free_bytes(device), bytes_per_slot=bytes_per_slot
    )
    with stage("graphs") if profile.use_graphs else nullcontext():
        batch = Batch(
            networks.decoder, slots=num_slots, max_codes=max_codes, device=device, use_graphs=profile.use_graphs
        )
        if profile.use_graphs:
            torch.cuda.empty_cache()  # frees what only the warm-up of captures needed
    logger.info(
        "%d slots of %.0f MB, decoder in %s, %d graphs of steps and prompts",
        num_slots,
        bytes_per_slot / 1e6,
        choice.name,
        batch.num_graphs,
    )
    with stage("capacity"):
        capacity = Capacity(measure_loads(batch, vocoder, config))
    live = LiveStreams(
        capacity,
        is_limited=limit_streams,
        max_wait_s=max_live_wait_s,
        max_ahead_s=max_ahead_s,
        shares_steps=True,
    )
    logger.info("%.1f streams are carried without gaps", capacity.streams)
    engine_loop = EngineLoop(
        config=config,
        batch=batch,
        vocoder=vocoder,
        conditioner=conditioner,
        guards=guards,
        limits=Limits(
            chunks_per_turn=profile.chunks_per_turn,
            prefill_positions=profile.prefill_positions,
            lookahead_steps=profile.lookahead_steps,
            max_vocoded_ahead_s=profile.max_vocoded_ahead_s,
            num_kept_slots=kept_slots(num_slots),
            max_ahead_s=max_ahead_s,
        ),
        live=live,
        on_lost=on_lost,
        clock=clock,
    )
    return EngineParts(checkpoint, tokenizer, languages, engine_loop, num_slots, choice)


def _with_recorded_speaker(checkpoint: Checkpoint, conditioner: Conditioner) -> Checkpoint:
    """The checkpoint with its recording's voice as the first speaker, where that gives a voice."""
    assert checkpoint.recording is not None
    path, clip = msgspec.structs.astuple(checkpoint.recording)
    try:
        conditioning = conditioner.condition([clip])
    except (UnusableReference, EngineFailure) as error:
        logger.warning("%s is not offered as a voice: %s", path, error)
        return checkpoint
    logger.info("the voice of %s is offered as %r, the first one", path, SPEAKER)
    others = {name: voice for name, voice in checkpoint.speakers.items() if name.casefold() != SPEAKER}
    return msgspec.structs.replace(checkpoint, speakers={SPEAKER: conditioning} | others)


def warm_up(vocoder: Vocoder, conditioner: Conditioner, config: ModelConfig) -> None:
    """Make chunks of each shape and condition on the longest recording once.

    Their memory stays with torch and is not free for slots, and the first callers do not wait for what libraries do at
    first use.
    """
    lengths = vocoder.chunk_lengths
    latents = torch.zeros(max(lengths), config.model_args.gpt_n_model_channels, device=vocoder.device)

    def make(length: int, count: int, state: State | None, *, is_last: bool) -> State:
        job = VocoderJob(
            latents=latents,
            speaker_embedding=torch.zeros(config.model_args.d_vector_dim, 1),
            upsampler=LatentUpsampler(config.model_args),
            chunk=Chunk(0, length, length, is_last=is_last),
            is_final=False,
            state=state,
        )
        chunks = vocoder.run([job] * count)
        for chunk in chunks:
            chunk.samples.wait()
        return chunks[0].state

    for count in reversed(COUNTS):
        make(lengths[0], count, None, is_last=True)
        state = make(lengths[0], count, None, is_last=False)
        for length in reversed(lengths):
            make(length, count, state, is_last=True)
            if length != lengths[0]:
                make(length, count, state, is_last=False)
    rate_hz = config.model_args.input_sample_rate
    noise = np.random.default_rng(0).normal(0, 0.1, rate_hz * config.max_ref_len).astype(np.float32)
    conditioner.condition([ReferenceClip(samples=noise, sample_rate_hz=rate_hz, sha256="")])
