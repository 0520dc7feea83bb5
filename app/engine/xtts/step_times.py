"""Times of the engine's own steps, measured once at the start: they tell how many streams it carries.

Runs in the empty batch, on the device's thread, for about a second on a CPU.
"""

import time
from collections.abc import Callable
from statistics import median

import msgspec
import torch

from app.engine.capacity import FULL_LOAD
from app.engine.scheduler import Request
from app.engine.values import Voice
from app.engine.xtts.config import ModelConfig
from app.engine.xtts.model.prompt import NUM_CONDITIONING_LATENTS
from app.engine.xtts.runaway import Budget
from app.engine.xtts.runner.batch import Batch
from app.engine.xtts.sequence import XttsSequence
from app.engine.xtts.vocoder.chunks import Chunk
from app.engine.xtts.vocoder.upsampling import LatentUpsampler
from app.engine.xtts.vocoder.vocoder import MAX_CHUNKS, Vocoder, VocoderJob
from app.engine.xtts.voice.speakers import VoiceConditioning
from app.text.segments import Boundary, Segment

LIMIT_S = 1.0
"""After this no more than FEW_SEQUENCES are measured."""
FEW_SEQUENCES = 4
"""So many tell how little a further sequence adds to a step, on a slow or busy machine too."""
STEPS = 3
SENTENCE_S = 5.0
SENTENCE_TOKENS = 35
"""A sentence of 5 s: each costs a prefill of its prompt."""


def measure_loads(
    batch: Batch, vocoder: Vocoder, config: ModelConfig, *, clock: Callable[[], float] = time.perf_counter
) -> dict[int, float]:
    """Loads for `Capacity`: sequences in the batch -> seconds for a second of audio of each.

    Measures 1, 2, 4, ... sequences, up to FEW_SEQUENCES in any case, then until they are too many or LIMIT_S is over.
    Leaves the batch empty.
    """
    began_at_s = clock()
    vocoder_load = _vocoder_load(vocoder, config, clock)
    loads: dict[int, float] = {}
    prefill_s = 0.0
    num_sequences = 1
    while True:
        joining = [_sequence(config) for _ in range(num_sequences - batch.size)]
        prefill_s += _seconds(lambda joining=joining: batch.join(joining).wait(), clock)
        step_s = median(_seconds(lambda: batch.step().wait(), clock) for _ in range(STEPS))
        load = step_s / config.model_args.code_s + prefill_s / SENTENCE_S + num_sequences * vocoder_load
        loads[num_sequences] = load
        is_enough = num_sequences >= FEW_SEQUENCES and (load > FULL_LOAD or clock() - began_at_s > LIMIT_S)
        if is_enough or num_sequences == batch.slots:
            batch.reset()
            return loads
        num_sequences = min(2 * num_sequences, batch.slots)


def _seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    began_at_s = clock()
    work()
    return clock() - began_at_s


def _vocoder_load(vocoder: Vocoder, config: ModelConfig, clock: Callable[[], float]) -> float:
    """Seconds of the vocoder for a second of audio, of a chunk after the first one."""
    first_length, length = vocoder.chunk_lengths[0], vocoder.chunk_lengths[len(vocoder.chunk_lengths) // 2]
    job = VocoderJob(
        latents=torch.zeros(max(first_length, length), config.model_args.gpt_n_model_channels, device=vocoder.device),
        speaker_embedding=torch.zeros(config.model_args.d_vector_dim, 1),
        upsampler=LatentUpsampler(config.model_args),
        chunk=Chunk(0, first_length, first_length, is_last=False),
        is_final=False,
        state=None,
    )
    first = vocoder.run([job])[0]
    first.samples.wait()
    count = MAX_CHUNKS if vocoder.few_shapes else 1
    chunk = Chunk(0, length, length, is_last=False)
    jobs = [msgspec.structs.replace(job, chunk=chunk, state=first.state)] * count
    # The first run of a shape on a CPU also plans its convolutions.
    seconds = min(_seconds(lambda: [made.samples.wait() for made in vocoder.run(jobs)], clock) for _ in range(2))
    return seconds / (count * length * vocoder.frame_samples / config.model_args.output_sample_rate)


def _sequence(config: ModelConfig) -> XttsSequence:
    """A sequence of a silent voice, in a request of its own. A voice is on the host, as in every request."""
    args = config.model_args
    sequence = XttsSequence(
        segment=Segment(0, "", Boundary.SENTENCE),
        language="",
        spoken_text="",
        normal_s=SENTENCE_S,
        model_args=args,
        text_tokens=(0,) * min(SENTENCE_TOKENS, args.gpt_max_text_tokens),
        budget=Budget(args.max_audio_codes, args.max_audio_codes),
    )
    latents = torch.zeros(NUM_CONDITIONING_LATENTS, args.gpt_n_model_channels)
    conditioning = VoiceConditioning(latents, torch.zeros(args.d_vector_dim, 1))
    sampling = config.sampling
    sampling = msgspec.structs.replace(sampling, seed=0)
    Request(sequences=(sequence,), voice=Voice(id="", conditioning=conditioning), sampling=sampling)
    return sequence
