"""`python -m tests.bench.precision FOLDER`: what float16 changes in the logits, teacher-forced, and in the samples.

The codes are the exact decoder's own greedy ones, so that both are asked where speech would lead them; the vocoder
speaks the first text's latents. FOLDER holds a
checkpoint, such as `python -m tests.support.tiny_xtts FOLDER --full-size` writes. Both decoders run where XTTS runs: on
a GPU the float16 of its tensor cores is measured, on a CPU that of its own kernels.
"""

import argparse
import copy
import json
import os
import sys
from pathlib import Path

import torch
from TTS.vocoder.models.hifigan_generator import HifiganGenerator

from app.engine.xtts.checkpoint.load import Checkpoint, load_checkpoint
from app.engine.xtts.device.driver import find_device
from app.engine.xtts.device.torch_setup import set_up
from app.engine.xtts.runner.batch import Batch
from app.engine.xtts.vocoder.chunks import Chunk
from app.engine.xtts.vocoder.upsampling import LatentUpsampler
from app.engine.xtts.vocoder.vocoder import Vocoder, VocoderJob
from tests.support.teacher import agreement, teacher_forced
from tests.support.xtts import GREEDY, codes_of, random_texts, sequence_of


def greedy(
    checkpoint: Checkpoint, texts: list[torch.Tensor], num_codes: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes [texts, codes], and the latents [codes, channels] of the first text."""
    voice = next(iter(checkpoint.speakers.values()))
    batch = Batch(checkpoint.networks.decoder, slots=len(texts), max_codes=num_codes, device=device)
    rows = [sequence_of(checkpoint, text, voice, GREEDY) for text in texts]
    steps = [codes_of(batch.join(rows)), *(codes_of(batch.step()) for _ in range(num_codes - 1))]
    return torch.tensor(steps).T, batch.latents[0, :num_codes]


def vocode(generator: HifiganGenerator, checkpoint: Checkpoint, latents: torch.Tensor) -> torch.Tensor:
    """The samples of a whole segment."""
    vocoder, upsampler = Vocoder(generator), LatentUpsampler(checkpoint.config.model_args)
    num_frames = upsampler.num_frames(len(latents))
    job = VocoderJob(
        latents=latents,
        speaker_embedding=next(iter(checkpoint.speakers.values())).speaker_embedding,
        upsampler=upsampler,
        chunk=Chunk(0, num_frames, num_frames, is_last=True),
        is_final=True,
        state=None,
    )
    return vocoder.run([job])[0].samples.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--texts", type=int, default=64)
    parser.add_argument("--codes", type=int, default=60)
    arguments = parser.parse_args()
    from app.engine.xtts.text.tokenizer import TextTokenizer

    device = torch.device(find_device("auto"))
    print(f"{device}, torch {torch.__version__}, load before {os.getloadavg()[0]:.2f}", file=sys.stderr)
    set_up(device)
    checkpoint = load_checkpoint(arguments.folder).to(device)
    tokenizer = TextTokenizer(checkpoint.vocabulary, max_text_tokens=checkpoint.config.model_args.gpt_max_text_tokens)
    texts = [
        torch.tensor(tokenizer.encode(tokenizer.clean(text, "en"), "en"))
        for text in random_texts(arguments.texts, seed=1)
    ]
    decoder = checkpoint.networks.decoder
    voice = next(iter(checkpoint.speakers.values()))
    codes, latents = greedy(checkpoint, texts, arguments.codes, device)
    halved = copy.deepcopy(decoder)
    halved.to_half()
    exact = teacher_forced(decoder, voice, texts, codes)
    ours = teacher_forced(halved, voice, texts, codes)
    found = agreement(ours, exact)
    print(json.dumps({"texts": len(texts), "steps": codes.shape[1], "distinct_codes": len(codes.unique())}))
    print(f"relative error of the logits: {found.relative_error:.2e}")
    print(f"same best code: {found.same_best:.4%} of {codes.numel()} steps")
    print(f"widest disagreement: {found.widest_disagreement:.2e} of the logits' root mean square")
    generator = checkpoint.networks.generator
    samples, ours = (
        vocode(copy.deepcopy(generator).to(dtype), checkpoint, latents) for dtype in (torch.float32, torch.float16)
    )
    noise_db = 10 * float(torch.log10((ours - samples).square().mean() / samples.square().mean()))
    print(f"noise that float16 adds to the samples: {noise_db:.1f} dB of their power")


if __name__ == "__main__":
    main()
