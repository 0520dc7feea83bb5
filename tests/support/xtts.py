"""The tiny checkpoint twice: loaded by Chorus and by the reference."""

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from app.engine.scheduler import Request
from app.engine.values import SamplingParams, Voice
from app.engine.xtts.checkpoint.load import Checkpoint, load_checkpoint
from app.engine.xtts.device.copies import HostCopy
from app.engine.xtts.model.int8 import find_int8_problem
from app.engine.xtts.runaway import Budget
from app.engine.xtts.runner.batch import Batch
from app.engine.xtts.sequence import XttsSequence
from app.engine.xtts.voice.speakers import VoiceConditioning
from app.text.segments import Boundary, Segment
from tests.support.reference import ReferenceXtts, load_reference
from tests.support.tiny_xtts import Shape, write_checkpoint

CPU = torch.device("cpu")
WITHOUT_INT8 = pytest.mark.skipif(find_int8_problem() is not None, reason=find_int8_problem() or "")
GREEDY = SamplingParams(seed=0, temperature=1.0, top_k=1, top_p=1.0, repetition_penalty=5.0)
SENTENCE = "the quick brown fox jumps over a lazy dog and nothing more was said about that old grey house by the sea"


class Pair(msgspec.Struct, frozen=True):
    """One checkpoint folder, loaded by Chorus and by the TTS package."""

    checkpoint: Checkpoint
    reference: ReferenceXtts

    @property
    def voice(self) -> Any:
        return next(iter(self.checkpoint.speakers.values()))

    @property
    def latents(self) -> torch.Tensor:
        """[1, 32, channels], of the same speaker as the reference wants them."""
        return self.voice.gpt_conditioning_latents[None]

    def tokens(self, text: str) -> torch.Tensor:
        return torch.tensor(self.reference.tokenizer.encode(text, lang="en"))

    def sequence(
        self, tokens: torch.Tensor, sampling: SamplingParams = GREEDY, *, latents: torch.Tensor | None = None
    ) -> XttsSequence:
        """A sequence of `tokens`, in a request of its own; `latents` replace those of the voice."""
        voice = self.voice if latents is None else VoiceConditioning(latents, self.voice.speaker_embedding)
        return sequence_of(self.checkpoint, tokens, voice, sampling)

    def batch(self, slots: int) -> Batch:
        max_codes = self.checkpoint.config.model_args.max_audio_codes
        return Batch(self.checkpoint.networks.decoder, slots=slots, max_codes=max_codes, device=CPU)

    @torch.no_grad()
    def reference_codes(self, tokens: torch.Tensor, **options: Any) -> list[int]:
        """Greedy codes of the reference, with the stop code."""
        codes = self.reference.gpt.generate(
            cond_latents=self.latents,
            text_inputs=tokens[None],
            do_sample=False,
            num_beams=1,
            repetition_penalty=GREEDY.repetition_penalty,
            **options,
        )
        return codes[0].tolist()

    @torch.no_grad()
    def reference_latents(self, tokens: torch.Tensor, codes: list[int]) -> torch.Tensor:
        """[codes, channels]: the second pass of the reference's `inference`."""
        return self.reference.gpt(
            tokens[None],
            torch.tensor([len(tokens)]),
            torch.tensor([codes]),
            torch.tensor([len(codes) * 1024]),
            cond_latents=self.latents,
            return_latent=True,
        )[0]

    @property
    def stop_code(self) -> int:
        return self.checkpoint.config.model_args.gpt_stop_audio_token


def sequence_of(
    checkpoint: Checkpoint, tokens: torch.Tensor, voice: VoiceConditioning, sampling: SamplingParams
) -> XttsSequence:
    """A sequence of `tokens`, in a request of its own."""
    sequence = XttsSequence(
        segment=Segment(0, "", Boundary.SENTENCE),
        language="en",
        spoken_text="",
        normal_s=1.0,
        model_args=checkpoint.config.model_args,
        text_tokens=tuple(tokens.tolist()),
        budget=Budget(602, 602),
    )
    Request(sequences=(sequence,), voice=Voice(id="", conditioning=voice), sampling=sampling)
    return sequence


def load_pair(folder: Path) -> Pair:
    return Pair(load_checkpoint(folder), load_reference(folder))


def make_pair(folder: Path, shape: Shape) -> Pair:
    return load_pair(write_checkpoint(folder, shape))


def random_texts(count: int, *, seed: int) -> list[str]:
    """Lower-case sentences of one to fifteen words."""
    choice = random.Random(seed)
    return [" ".join(choice.choices(SENTENCE.split(), k=choice.randint(1, 15))) + "." for _ in range(count)]


def codes_of(arrival: HostCopy) -> list[int]:
    """Row by row; NOT_FINITE in the place of a code that was not a number."""
    return arrival.wait().tolist()


def seeded(number: int) -> SamplingParams:
    """As released, with noise of its own for each number."""
    return SamplingParams(seed=number, temperature=0.75, top_k=50, top_p=0.85, repetition_penalty=5.0)


def join_step_and_leave(seed: int, batches: list[Batch], sequences: list[XttsSequence]) -> list[list[list[int]]]:
    """Sequences join, step and leave at random, alike in each of the batches; returns what each batch drew."""
    choice = random.Random(seed)
    drawn: list[list[list[int]]] = [[] for _ in batches]
    arriving = list(sequences)
    for _ in range(80):
        free = batches[0].slots - batches[0].size
        joining = [arriving.pop() for _ in range(min(len(arriving), choice.randint(0, min(2, free))))]
        leaving = choice.randrange(batches[0].size) if batches[0].size and choice.random() < 0.1 else None
        for batch, codes in zip(batches, drawn, strict=True):
            if leaving is not None:
                batch.leave(leaving)
            if joining:
                codes.append(codes_of(batch.join(joining)))
            if batch.size:
                codes.append(codes_of(batch.step()))
    return drawn


def decode_alone(batch: Batch, sequence: XttsSequence, stop_code: int, max_codes: int) -> list[int]:
    codes = codes_of(batch.join([sequence]))
    while codes[-1] != stop_code and len(codes) < max_codes:
        codes += codes_of(batch.step())
    batch.leave(0)
    return codes
