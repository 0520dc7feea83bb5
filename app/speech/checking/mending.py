"""One segment spoken again until it says its text, and the best of its attempts. Lives on the event loop."""

from collections.abc import Callable
from contextlib import aclosing

import msgspec
import numpy as np

from app.asr.verdict import Fault
from app.engine import scheduler
from app.engine.base import Engine
from app.engine.scheduler import Request
from app.engine.values import Samples, SamplingParams
from app.errors import ChorusError
from app.pools import TEXT
from app.speech.checking.listening import MAX_WAIT_S, Heard, SegmentListener
from app.speech.prepare import sounding
from app.speech.stitch import Stitcher, trimmed
from app.text.lexicon import FindLexicons
from app.text.segments import Segment, split_at_clause

MAX_ATTEMPTS = 4
"""Times that a failed segment is spoken."""
IN_PARTS = 3
"""The attempt whose text is cut at a clause: each part may be damaged, so the others are whole."""
MAX_INCONCLUSIVE = 2
"""The same where the text is not recognised at all: the model may not know the language or the names."""
MAX_SEED = 2**32
SEED_STEP = 0x9E37_79B1
"""Odd and large: seeds of attempts are those of no neighbouring request."""
MIN_PENALTY, MAX_PENALTY = 10.0, 20.0
"""Repetition penalty of later attempts, on engines that have one."""


class Attempts(msgspec.Struct, eq=False):
    """One segment and how often it was spoken. A cancelled mender leaves the best attempt so far."""

    index: int
    samples: Samples
    """of the best attempt, with silence around it"""
    heard: Heard | None = None
    """of the best attempt; None before it was heard"""
    number: int = 1

    @property
    def badness(self) -> tuple[int, float]:
        """Less is better. A speech that was not recognised at all is worse than one with faults."""
        if self.heard is None or self.heard.verdict is None:
            return 3, 0.0
        verdict = self.heard.verdict
        match verdict.outcome:
            case "passed":
                return 0, 0.0
            case "failed":
                return 1, sum(map(_size, verdict.faults))
            case "inconclusive":
                return 2, 0.0


class SegmentMender:
    """Speaks doubtful segments of one request again: with another seed, in two parts at a clause, whole once more.

    request   as it was submitted; later attempts are requests of their own, with a place of the engine each
    """

    def __init__(
        self, engine: Engine, request: Request, language: str, find_lexicons: FindLexicons, listener: SegmentListener
    ) -> None:
        self._engine = engine
        self._request = request
        self._segments = [sequence.segment for sequence in request.sequences]
        self._language = language
        self._find_lexicons = find_lexicons
        self._listener = listener
        self._sample_rate_hz = engine.info.sample_rate_hz

    def can_check(self, num_samples: int, patience_s: float) -> bool:
        """False where the recogniser has too much to do to check as many samples within `patience_s`."""
        return self._listener.refused(num_samples, patience_s) is None

    async def mend(self, attempts: Attempts, patience_s: Callable[[], float] = lambda: MAX_WAIT_S) -> None:
        """Check the first attempt, and make others while it is doubtful. The best one stays in `attempts`.

        patience_s   gives the seconds that are left for it. What would take the recogniser longer is not begun

        Raises nothing: where the engine or the recogniser refuses, the segment stays as it is.
        """
        if not np.isfinite(attempts.samples).all():
            return  # the stitcher refuses them
        if not self.can_check(len(attempts.samples), patience_s()):
            return
        attempts.heard = best = await self._hear(attempts.index, attempts.samples)
        while attempts.number < _max_attempts(best) and self.can_check(len(attempts.samples), patience_s()):
            try:
                samples = await self._speak(attempts.index, attempts.number)
            except ChorusError:
                return
            heard = await self._hear(attempts.index, samples)
            attempts.number += 1
            if heard.verdict is None:
                return
            other = Attempts(attempts.index, samples, heard)
            if other.badness < attempts.badness:
                attempts.samples, attempts.heard = samples, heard
                best = heard

    async def _hear(self, index: int, samples: Samples) -> Heard:
        return await self._listener.hear(index, await TEXT.run(trimmed, samples, self._sample_rate_hz))

    async def _speak(self, index: int, number: int) -> Samples:
        sequences = await TEXT.run(self._prepare, self._segments[index], number == IN_PARTS - 1)
        chunks = self._engine.submit(
            Request(
                sequences=sequences,
                voice=self._request.voice,
                sampling=self._sampling(index, number),
                speed=self._request.speed,
                streaming=False,
                listener=self._request.listener,
            )
        )
        stitcher = Stitcher([sequence.segment for sequence in sequences], self._sample_rate_hz)
        parts: list[Samples] = []
        async with aclosing(chunks):
            async for chunk in chunks:
                parts += [event for event in stitcher.push(chunk) if isinstance(event, np.ndarray)]
        return np.concatenate(parts)

    def _prepare(self, segment: Segment, in_parts: bool) -> tuple[scheduler.Sequence, ...]:
        """Called on the text pool."""
        texts = split_at_clause(segment.text) if in_parts else (segment.text,)
        pieces = [msgspec.structs.replace(segment, index=at, text=text, pause_s=None) for at, text in enumerate(texts)]
        sequences, _ = sounding(self._engine.prepare(pieces, self._language, self._find_lexicons), 0.0)
        return sequences

    def _sampling(self, index: int, number: int) -> SamplingParams:
        """Depends on the request and the segment alone, so that the same request has the same attempts."""
        given = self._request.sampling
        seed = (self._request.seed + SEED_STEP * (index * MAX_ATTEMPTS + number)) % MAX_SEED
        if "repetition_penalty" not in self._engine.info.sampling_options:
            return msgspec.structs.replace(given, seed=seed)
        penalty = min(MAX_PENALTY, max(MIN_PENALTY, 2 * (given.repetition_penalty or 0.0)))
        return msgspec.structs.replace(given, seed=seed, repetition_penalty=penalty)


def _max_attempts(heard: Heard) -> int:
    if heard.verdict is None or heard.verdict.outcome == "passed":
        return 1
    if heard.verdict.outcome == "failed":
        return MAX_ATTEMPTS
    return 1 if heard.alignment is None else MAX_INCONCLUSIVE


def _size(fault: Fault) -> float:
    """Words and seconds that a fault concerns."""
    return len(fault.text.split()) + max(0.0, fault.end_s - fault.start_s)
