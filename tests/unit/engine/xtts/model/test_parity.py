"""The parity ladder: each rung against the TTS package in the same process."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from app.audio.reference import ReferenceClip
from app.engine.xtts.model.prompt import num_prompt_positions
from app.engine.xtts.runner.batch import Batch
from app.engine.xtts.voice.conditioning import Conditioner
from tests.support.marks import slow
from tests.support.tiny_xtts import TINY, Shape
from tests.support.xtts import CPU, Pair, codes_of, make_pair, random_texts

NUM_TEXTS = 64
SHAPES = {
    "narrow": TINY,
    "wide": Shape(layers=2, channels=96, heads=6, max_audio_tokens=90),
    "deep": Shape(layers=6, channels=64, heads=2, max_audio_tokens=70),
}


@pytest.fixture(scope="module", params=["narrow", *slow(*(name for name in SHAPES if name != "narrow"))])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tiny: Pair) -> Pair:
    if request.param == "narrow":
        return tiny
    folder: Path = tmp_path_factory.mktemp(request.param)
    return make_pair(folder, SHAPES[request.param])


@pytest.fixture(scope="module")
def texts(pair: Pair) -> list[torch.Tensor]:
    return [pair.tokens(text) for text in random_texts(NUM_TEXTS, seed=1)]


@pytest.fixture(scope="module")
def reference_codes(pair: Pair, texts: list[torch.Tensor]) -> list[list[int]]:
    return [pair.reference_codes(tokens) for tokens in texts]


def tone(seconds: float, rate_hz: int, pitch_hz: float = 140.0) -> ReferenceClip:
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    samples = sum(np.sin(2 * np.pi * pitch_hz * harmonic * time_s) / harmonic for harmonic in range(1, 12))
    samples = (0.2 * samples * (1 + np.sin(2 * np.pi * 3 * time_s)) / 2).astype(np.float32)
    return ReferenceClip(samples=samples, sample_rate_hz=rate_hz, sha256=f"{seconds} {rate_hz} {pitch_hz}")


@pytest.mark.slow
@pytest.mark.parametrize(
    "clips",
    [
        (tone(6.1, 22050),),
        (tone(3.0, 44100),),
        (tone(35.0, 24000),),
        (tone(5.0, 16000), tone(9.0, 48000, 200.0)),
    ],
    ids=["two pieces", "one piece", "longer than is used", "two clips"],
)
def test_conditioning_is_the_references(tiny: Pair, clips: tuple[ReferenceClip, ...], tmp_path: Path) -> None:
    config = tiny.checkpoint.config
    ours = Conditioner(tiny.checkpoint.networks, config, CPU).condition(clips)
    latents, embedding = reference_conditioning(tiny, clips)
    torch.testing.assert_close(ours.gpt_conditioning_latents, latents[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(ours.speaker_embedding, embedding[0], atol=1e-5, rtol=0)


@torch.no_grad()
def reference_conditioning(pair: Pair, clips: tuple[ReferenceClip, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """The two steps of Xtts.get_conditioning_latents after it has read its files, by the reference's own functions."""
    import torchaudio

    config = pair.checkpoint.config
    recordings = [
        torchaudio.functional.resample(torch.from_numpy(clip.samples)[None], clip.sample_rate_hz, 22050).clip(-1, 1)
        for clip in clips
    ]
    recordings = [recording[:, : 22050 * config.max_ref_len] for recording in recordings]
    embeddings = [pair.reference.get_speaker_embedding(recording, 22050) for recording in recordings]
    latents = pair.reference.get_gpt_cond_latents(
        torch.cat(recordings, dim=-1), 22050, length=config.gpt_cond_len, chunk_length=config.gpt_cond_chunk_len
    )
    return latents, torch.stack(embeddings).mean(dim=0)


@torch.inference_mode()
def test_teacher_forced_logits_are_the_references(pair: Pair, texts: list[torch.Tensor]) -> None:
    decoder = pair.checkpoint.networks.decoder
    codes = torch.randint(0, 1024, (30,), generator=torch.Generator().manual_seed(3))
    for tokens in texts[:8]:
        latents = pair.reference_latents(tokens, codes.tolist())
        theirs = pair.reference.gpt.mel_head(latents)
        cache = decoder.new_cache(slots=1, positions=500, device=CPU)
        num_positions = num_prompt_positions(len(tokens))
        ours = [
            decoder.prefill(cache, 0, [decoder.read_voice(pair.voice.gpt_conditioning_latents)], [tokens.tolist()])[0]
        ]
        for step, code in enumerate(codes[:-1]):
            length = torch.tensor([num_positions + step])
            logits, _ = decoder.decode(
                cache, code[None], torch.tensor([step + 1]), length, max_positions=int(length) + 1
            )
            ours.append(logits)
        torch.testing.assert_close(torch.cat(ours), theirs, atol=1e-4, rtol=0)


def test_the_reference_ends_at_different_lengths(pair: Pair, reference_codes: list[list[int]]) -> None:
    """Guards the tests below: sequences must leave the batch at different steps."""
    lengths = {len(codes) for codes in reference_codes}
    assert len(lengths) > 5
    assert sum(codes[-1] == pair.stop_code for codes in reference_codes) > NUM_TEXTS / 2


@pytest.mark.parametrize("composition", [1, 2, 3])
def test_greedy_codes_and_latents_are_the_references_whoever_else_is_in_the_batch(
    pair: Pair, texts: list[torch.Tensor], reference_codes: list[list[int]], composition: int
) -> None:
    """Sequences join in random groups at random steps; some are cancelled on the way; the rest must not notice."""
    choice = random.Random(composition)
    batch = pair.batch(slots=choice.choice([3, 8, 16]))
    arriving = list(range(NUM_TEXTS))
    choice.shuffle(arriving)
    rows: list[int] = []
    codes: dict[int, list[int]] = {number: [] for number in arriving}
    cancelled: set[int] = set()
    while arriving or rows:
        free = batch.slots - len(rows)
        joining = [arriving.pop() for _ in range(min(len(arriving), choice.randint(0, free)))]
        if joining:
            drawn = codes_of(batch.join([pair.sequence(texts[number]) for number in joining]))
            rows += joining
            for number, code in zip(joining, drawn, strict=True):
                codes[number].append(code)
        if not rows:
            continue
        leave_finished(pair, batch, rows, codes, reference_codes)
        if len(rows) > 1 and choice.random() < 0.02:
            row = choice.randrange(len(rows))
            cancelled.add(rows[row])
            leave(batch, rows, row)
        if rows:
            for number, code in zip(rows, codes_of(batch.step()), strict=True):
                codes[number].append(code)
            leave_finished(pair, batch, rows, codes, reference_codes)
    finished = set(codes) - cancelled
    assert len(finished) > NUM_TEXTS * 0.7
    assert {number: codes[number] for number in finished} == {number: reference_codes[number] for number in finished}


def leave_finished(
    pair: Pair, batch: Batch, rows: list[int], codes: dict[int, list[int]], reference_codes: list[list[int]]
) -> None:
    limit = pair.checkpoint.config.model_args.max_audio_codes
    for row in reversed(range(len(rows))):
        number = rows[row]
        if codes[number][-1] == pair.stop_code or len(codes[number]) == limit:
            if number % 8 == 0:  # the second pass of the reference takes as long as all the rest
                theirs = pair.reference_latents(pair.tokens(random_texts(NUM_TEXTS, seed=1)[number]), codes[number])
                ours = batch.latents[row, : len(codes[number])]
                torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)
            leave(batch, rows, row)


def leave(batch: Batch, rows: list[int], row: int) -> None:
    batch.leave(row)
    last = rows.pop()
    if row < len(rows):
        rows[row] = last
