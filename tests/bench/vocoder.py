"""`python -m tests.bench.vocoder FOLDER [SECONDS]`: the vocoder in bfloat16 on a CPU with AMX and with torch's
convolutions, by turns, and the error of both beside float32.

FOLDER is a converted checkpoint. Says the median, least and most of seven turns: other programs of the host slow AMX.
"""

import copy
import os
import statistics
import sys
import time
from pathlib import Path

import torch

from app.engine.xtts.checkpoint.load import Checkpoint, load_checkpoint
from app.engine.xtts.vocoder.chunks import plan_chunk
from app.engine.xtts.vocoder.generator import StreamingGenerator, to_bfloat16
from app.engine.xtts.vocoder.upsampling import LatentUpsampler
from app.engine.xtts.vocoder.vocoder import Vocoder, VocoderJob

SAMPLE_RATE_HZ = 24_000
LATENTS_PER_S = 21.53
NUM_TURNS = 7


def speak(checkpoint: Checkpoint, vocoder: Vocoder, latents: torch.Tensor) -> torch.Tensor:
    """[samples] of a segment whose latents, [latents, channels], are all there."""
    upsampler = LatentUpsampler(checkpoint.config.model_args)
    num_frames = upsampler.num_frames(len(latents))
    embedding = next(iter(checkpoint.speakers.values())).speaker_embedding
    pieces: list[torch.Tensor] = []
    start, state = 0, None
    while chunk := plan_chunk(
        len(pieces), start, num_ready=num_frames, context=vocoder.context, is_final=True, few_lengths=False
    ):
        job = VocoderJob(
            latents=latents, speaker_embedding=embedding, upsampler=upsampler, chunk=chunk, is_final=True, state=state
        )
        [made] = vocoder.run([job])
        pieces.append(made.samples.wait())
        start, state = chunk.stop, made.state
    return torch.cat(pieces)


def error_db(samples: torch.Tensor, exact: torch.Tensor) -> float:
    return 10 * float(torch.log10((samples - exact).square().mean() / exact.square().mean()))


def main() -> None:
    folder, seconds = Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 5.0
    print(f"load {os.getloadavg()[0]:.1f}, {torch.get_num_threads()} threads")
    checkpoint = load_checkpoint(folder)
    generator = checkpoint.networks.generator
    num_channels = checkpoint.config.model_args.gpt_n_model_channels
    latents = torch.randn(int(seconds * LATENTS_PER_S), num_channels, generator=torch.Generator().manual_seed(1))
    exact = speak(checkpoint, Vocoder(copy.deepcopy(generator)), latents)
    to_bfloat16(generator)
    vocoders = {"with torch's convolutions": Vocoder(generator), "as a server does it": Vocoder(generator)}
    vocoders["with torch's convolutions"]._generator = StreamingGenerator(generator)  # pyright: ignore[reportPrivateUsage]
    took_ms: dict[str, list[float]] = {name: [] for name in vocoders}
    samples: dict[str, torch.Tensor] = {name: speak(checkpoint, each, latents) for name, each in vocoders.items()}
    for _ in range(NUM_TURNS):
        for name, vocoder in vocoders.items():
            began_at_s = time.perf_counter()
            made = speak(checkpoint, vocoder, latents)
            took_ms[name].append(1000 * (time.perf_counter() - began_at_s) * SAMPLE_RATE_HZ / len(made))
    for name, each in took_ms.items():
        print(f"{name}: {statistics.median(each):.0f} ms for a second of audio ({min(each):.0f} to {max(each):.0f}), "
              f"error {error_db(samples[name], exact):.1f} dB")  # fmt: skip


if __name__ == "__main__":
    main()
