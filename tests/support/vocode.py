"""A segment through the vocoder, chunk by chunk."""

import numpy as np
import torch

from app.engine.values import Samples
from app.engine.xtts.vocoder.chunks import FEW_CHUNK_FRAMES, plan_chunk
from app.engine.xtts.vocoder.pieces import State
from app.engine.xtts.vocoder.upsampling import LatentUpsampler
from app.engine.xtts.vocoder.vocoder import Vocoder, VocoderJob
from tests.support.xtts import Pair


def vocode(
    vocoder: Vocoder,
    pair: Pair,
    latents: torch.Tensor,
    sizes: tuple[int, ...] = FEW_CHUNK_FRAMES,
    *,
    speed: float = 1.0,
    step: int = 1,
    states: list[State] | None = None,
) -> Samples:
    """The samples of a segment whose latents come `step` at a time. `states` takes the state after each chunk."""
    upsampler = LatentUpsampler(pair.checkpoint.config.model_args, speed=speed)
    pieces: list[Samples] = []
    start, state = 0, None
    for count in [*range(step, len(latents), step), len(latents)]:
        is_final = count == len(latents)
        num_ready = upsampler.num_frames(count) if is_final else upsampler.num_ready(count)
        while chunk := plan_chunk(
            len(pieces),
            start,
            num_ready=num_ready,
            context=vocoder.context,
            is_final=is_final,
            few_lengths=vocoder.few_shapes,
            sizes=sizes,
        ):
            job = VocoderJob(
                latents=latents[:count],
                speaker_embedding=pair.voice.speaker_embedding,
                upsampler=upsampler,
                chunk=chunk,
                is_final=is_final,
                state=state,
            )
            [made] = vocoder.run([job])
            pieces.append(made.samples.wait().numpy())
            start, state = chunk.stop, made.state
            if states is not None:
                states.append(state)
    return np.concatenate(pieces)
