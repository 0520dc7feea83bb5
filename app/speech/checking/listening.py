"""Segments of one answer beside their texts, by alignment. Lives on the event loop."""

import asyncio
import time
from collections.abc import Sequence
from typing import TypeVar

import msgspec
import numpy as np

from app.asr.alignment import AlignedWord, Alignment, KnownSpeech
from app.asr.base import Recognizer
from app.asr.samples import SAMPLE_RATE_HZ
from app.asr.verdict import Fault, Verdict, judge, thresholds_for
from app.engine.values import Samples
from app.errors import ChorusError
from app.pools import WINDOWS
from app.speech.stitch import SILENCE

TOO_LONG = "it is too long to be aligned"
LATE = "the recogniser did not answer in time"
BUSY = "the recogniser has too much to do"
MAX_WAIT_S = 60.0
"""Longest wait for the recogniser with one segment. The other segments of the answer then do not wait for it."""
PADDING_S = 0.2
"""Silence around a segment: the model misses first and last words of speech that begins and ends with its samples."""
END_S = 0.01
"""Silence behind the last sound that is not cut off."""
Timed = TypeVar("Timed", AlignedWord, Fault)


class KnownSegment(msgspec.Struct, frozen=True):
    """The text of a segment."""

    written: str
    spoken: str
    language: str
    """a canonical code of an engine"""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One segment as the recogniser heard it."""

    alignment: Alignment | None = None
    verdict: Verdict | None = None
    """None where it is not asked for, and where the recogniser could not be asked"""
    reason: str = ""
    """why there is no alignment"""


class SegmentListener:
    """Aligns and judges segments of one answer.

    checks   the verdicts are asked for, so words that are not written are looked for too
    """

    def __init__(
        self,
        recognizer: Recognizer,
        segments: Sequence[KnownSegment],
        sample_rate_hz: int,
        *,
        checks: bool,
        max_wait_s: float = MAX_WAIT_S,
    ) -> None:
        self._max_wait_s = max_wait_s
        self._is_late = False
        self._checks = checks
        self._recognizer = recognizer
        self._thresholds = thresholds_for(recognizer.info.model)
        self._segments = segments
        self._sample_rate_hz = sample_rate_hz
        self.listened_s = 0.0

    def refused(self, num_samples: int, patience_s: float) -> Heard | None:
        """The result of a segment that would not be aligned within `patience_s`, before anything is computed for it."""
        expected_s = self._recognizer.seconds_to_align(num_samples / self._sample_rate_hz)
        return Heard(reason=BUSY) if expected_s > patience_s else None

    async def hear(self, index: int, samples: Samples) -> Heard:
        """`samples`: those of a segment without the silence around it; none where it has no sound.

        Raises nothing: a failure of the recogniser is a result without a verdict.
        """
        segment = self._segments[index]
        if not samples.size:
            silent = Fault(kind="missing", start_s=0.0, end_s=0.0, text=segment.written)
            return Heard(verdict=Verdict(outcome="failed", faults=(silent,)), reason="it has no sound")
        if self._is_late:
            return Heard(reason=LATE)
        began_at_s = time.perf_counter()
        duration_s = len(samples) / self._sample_rate_hz
        try:
            speech = KnownSpeech(
                samples=await WINDOWS.run(_padded, samples, self._sample_rate_hz),
                written=segment.written,
                spoken=segment.spoken,
                language=segment.language.partition("-")[0],
                finds_edits=self._checks,
            )
            async with asyncio.timeout(self._max_wait_s):
                [alignment] = await self._recognizer.align([speech])
        except TimeoutError:
            self._is_late = True
            return Heard(reason=LATE)
        except ChorusError as error:
            return Heard(reason=error.message)
        finally:
            self.listened_s += time.perf_counter() - began_at_s
        verdict = judge(alignment, self._thresholds) if self._checks else None
        if alignment is None:
            return Heard(verdict=verdict, reason=TOO_LONG)
        return Heard(
            alignment=msgspec.structs.replace(
                alignment, words=tuple(_unpadded(word, duration_s) for word in alignment.words)
            ),
            verdict=verdict
            and msgspec.structs.replace(verdict, faults=tuple(_unpadded(each, duration_s) for each in verdict.faults)),
        )


def _padded(samples: Samples, sample_rate_hz: int) -> Samples:
    """At the model's rate, with silence around it. None behind samples that end within sound, which are cut off."""
    silence = np.zeros(round(PADDING_S * SAMPLE_RATE_HZ), np.float32)
    is_cut = np.any(np.abs(samples[-round(END_S * sample_rate_hz) :]) >= SILENCE)
    return np.concatenate([silence, at_model_rate(samples, sample_rate_hz), silence[: 0 if is_cut else None]])


def _unpadded(timed: Timed, duration_s: float) -> Timed:
    """The same word or fault in the speech without the silence before it."""
    start_s, end_s = (min(max(moment_s - PADDING_S, 0.0), duration_s) for moment_s in (timed.start_s, timed.end_s))
    return msgspec.structs.replace(timed, start_s=start_s, end_s=end_s)


def at_model_rate(samples: Samples, sample_rate_hz: int) -> Samples:
    """Linear interpolation, which the benchmark's error rates include."""
    num_wanted = round(len(samples) * SAMPLE_RATE_HZ / sample_rate_hz)
    at = np.arange(num_wanted) * (sample_rate_hz / SAMPLE_RATE_HZ)
    return np.interp(at, np.arange(len(samples)), samples).astype(np.float32)
