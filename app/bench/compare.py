"""Chorus beside the TTS package: the same checkpoint, texts, greedy codes and device, in one process and one run.

The reference speaks one text after the other, by its `inference` and `inference_stream`, in float32. Times are
wall-clock seconds.
"""

import asyncio
import gc
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import TypeVar

import msgspec
import torch

from app.bench.coqui import now_s, speak_with_reference
from app.engine.scheduler import Request
from app.engine.values import SamplingParams, Voice
from app.engine.xtts.build import PROFILES
from app.engine.xtts.checkpoint.files import ORIGINAL_WEIGHTS
from app.engine.xtts.checkpoint.load import load_checkpoint
from app.engine.xtts.checkpoint.precision import Precision, bring_to_precision
from app.engine.xtts.device.copies import HostCopy
from app.engine.xtts.device.torch_setup import set_up
from app.engine.xtts.engine import XttsEngine
from app.engine.xtts.model.prompt import num_prompt_positions
from app.engine.xtts.runaway import Guards
from app.engine.xtts.runner.batch import Batch
from app.engine.xtts.sequence import XttsSequence
from app.engine.xtts.text.prepare import TextPreparer
from app.engine.xtts.text.tokenizer import TextTokenizer, prepare_text
from app.errors import UnusableCheckpoint
from app.text.segments import Boundary, Segment


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """`sequences` texts of `codes` codes each. Ratios: seconds of the reference over seconds of Chorus."""

    sequences: int
    codes: int
    reference_decode_s: float
    """text to latents: `GPT.generate` and the second pass"""
    reference_s: float
    """text to samples: `Xtts.inference`"""
    reference_first_audio_s: float
    """`Xtts.inference_stream` alone, median of the texts"""
    decode_s: float
    whole_s: float
    first_audio_s: float
    """median of the texts, all spoken together"""
    decode_ratio: float
    whole_ratio: float
    equal_sequences: int
    """sequences with the reference's codes to the last one; others may part from it where two codes are as likely"""


def compare(
    folder: Path,
    texts: Sequence[str],
    *,
    device: str,
    precision: Precision,
    batches: Sequence[int],
    num_codes: int,
    report: Callable[[str], None],
) -> list[Comparison]:
    """Speak the texts with both. Needs the checkpoint as published, the only form that the reference reads.

    The reference speaks each text once; larger batches repeat texts, and count their time as often. Raises
    UnusableCheckpoint.
    """
    if not (folder / ORIGINAL_WEIGHTS).is_file():
        raise UnusableCheckpoint(
            f"{folder / ORIGINAL_WEIGHTS} is missing: the TTS package reads the published form only"
        )
    texts = [prepare_text(text) for text in texts]
    runs = _on_its_own_thread(lambda: speak_with_reference(folder, texts, num_codes, device, report))
    comparisons: list[Comparison] = []
    for batch in batches:
        chosen = [number % len(texts) for number in range(batch)]
        some = [texts[number] for number in chosen]
        decode_s, codes = _on_its_own_thread(lambda some=some: _decode(folder, some, num_codes, device, precision))
        whole_s, first_audio_s = asyncio.run(_speak(folder, some, num_codes, device, precision))
        reference_decode_s = sum(runs[number].decode_s for number in chosen)
        reference_s = sum(runs[number].whole_s for number in chosen)
        comparisons.append(
            Comparison(
                sequences=batch,
                codes=num_codes,
                reference_decode_s=reference_decode_s,
                reference_s=reference_s,
                reference_first_audio_s=median(run.first_audio_s for run in runs),
                decode_s=decode_s,
                whole_s=whole_s,
                first_audio_s=first_audio_s,
                decode_ratio=reference_decode_s / decode_s,
                whole_ratio=reference_s / whole_s,
                equal_sequences=sum(ours == runs[number].codes for ours, number in zip(codes, chosen, strict=True)),
            )
        )
        report(f"Chorus has spoken {batch} together in {whole_s:.1f} s")
        gc.collect()
    return comparisons


T = TypeVar("T")


def _on_its_own_thread(work: Callable[[], T]) -> T:
    """One thread at a time, so that neither side is slowed by the other's idle helpers (app/engine/xtts/build.py)."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def _decode(
    folder: Path, texts: Sequence[str], num_codes: int, device_name: str, precision: Precision
) -> tuple[float, list[list[int]]]:
    """(seconds, codes of each text), of all texts in one batch."""
    device = torch.device(device_name)
    set_up(device)
    checkpoint = load_checkpoint(folder).to(device)
    args = checkpoint.config.model_args
    tokenizer = TextTokenizer(checkpoint.vocabulary, max_text_tokens=args.gpt_max_text_tokens)
    preparer = TextPreparer(tokenizer, args, Guards(exact_codes=num_codes))
    voice = Voice(id="", conditioning=next(iter(checkpoint.speakers.values())))
    greedy = SamplingParams(seed=0, top_k=1).with_defaults(checkpoint.config.sampling)

    def sequences_of() -> list[XttsSequence]:
        return [_sequence(preparer, text, voice, greedy) for text in texts]

    profile = PROFILES[device.type]
    bring_to_precision(checkpoint, precision, device)
    batch = Batch(
        checkpoint.networks.decoder,
        slots=len(texts),
        max_codes=args.max_audio_codes,
        device=device,
        use_graphs=profile.use_graphs,
    )
    if device.type == "cuda":  # libraries plan and load what a shape needs on first use
        batch.join(_some(sequences_of(), profile.prefill_positions)).wait()
        batch.step().wait()
        batch.reset()
    began_at_s = now_s(device)
    sequences = sequences_of()
    codes: list[list[int]] = []
    while len(codes) < len(sequences):
        joining = _some(sequences[len(codes) :], profile.prefill_positions)
        codes += [[code] for code in batch.join(joining).wait().tolist()]
    unread: deque[HostCopy] = deque()

    def read_until(num_unread: int) -> None:
        while len(unread) > num_unread:
            for row, code in zip(codes, unread.popleft().wait().tolist(), strict=True):
                row.append(code)

    for _ in range(1, num_codes):  # prefill gave the first code
        unread.append(batch.step())
        read_until(profile.lookahead_steps)
    read_until(0)
    return now_s(device) - began_at_s, codes


def _sequence(preparer: TextPreparer, text: str, voice: Voice, sampling: SamplingParams) -> XttsSequence:
    (sequence,) = preparer.prepare([Segment(0, text, Boundary.PARAGRAPH)], "en")
    Request(sequences=(sequence,), voice=voice, sampling=sampling)  # a sequence reads its voice from its request
    return sequence


def _some(sequences: Sequence[XttsSequence], max_positions: int) -> list[XttsSequence]:
    """As many as the engine would let join in one turn."""
    joining: list[XttsSequence] = []
    num_positions = 0
    for sequence in sequences:
        if num_positions >= max_positions:
            break
        joining.append(sequence)
        num_positions += num_prompt_positions(len(sequence.text_tokens))
    return joining


async def _speak(
    folder: Path, texts: Sequence[str], num_codes: int, device: str, precision: Precision
) -> tuple[float, float]:
    """Text to samples through the engine: seconds until the last of them, and until the median text's first."""
    engine = XttsEngine(
        folder, device=device, precision=precision, max_slots=len(texts), guards=Guards(exact_codes=num_codes)
    )
    try:
        voice = engine.voice(engine.speakers()[0].id)

        async def speak(text: str) -> float:
            """Return the moment of the first audio."""
            segment = Segment(index=0, text=text, boundary=Boundary.PARAGRAPH)
            request = Request(
                sequences=engine.prepare((segment,), "en"),
                voice=voice,
                sampling=SamplingParams(seed=0, top_k=1),
                streaming=True,
            )
            first_audio_at_s = math.inf
            async for _ in engine.submit(request):
                first_audio_at_s = min(first_audio_at_s, time.perf_counter())
            return first_audio_at_s

        await asyncio.gather(*(speak(text) for text in (texts if device == "cuda" else texts[:1])))  # warms up
        began_at_s = time.perf_counter()
        moments = await asyncio.gather(*(speak(text) for text in texts))
        return time.perf_counter() - began_at_s, median(moments) - began_at_s
    finally:
        await engine.aclose()
