"""Segments of one answer beside their texts, by alignment. Lives on the event loop."""

import time
from collections.abc import Sequence

import msgspec
import numpy as np

from app.asr.alignment import Alignment, KnownSpeech
from app.asr.base import Recognizer
from app.asr.samples import SAMPLE_RATE_HZ
from app.asr.verdict import Fault, Verdict, judge, thresholds_for
from app.engine.values import Samples
from app.errors import ChorusError
from app.pools import WINDOWS

TOO_LONG = "it is too long to be aligned"


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
    """None where the recogniser could not be asked"""
    reason: str = ""
    """why there is no alignment"""


class SegmentListener:
    """Aligns and judges segments of one answer."""

    def __init__(self, recognizer: Recognizer, segments: Sequence[KnownSegment], sample_rate_hz: int) -> None:
        self._recognizer = recognizer
        self._thresholds = thresholds_for(recognizer.info.model)
        self._segments = segments
        self._sample_rate_hz = sample_rate_hz
        self.listened_s = 0.0

    async def hear(self, index: int, samples: Samples) -> Heard:
        """`samples`: those of a segment without the silence around it; none where it has no sound.

        Raises nothing: a failure of the recogniser is a result without a verdict.
        """
        segment = self._segments[index]
        if not samples.size:
            silent = Fault(kind="missing", start_s=0.0, end_s=0.0, text=segment.written)
            return Heard(verdict=Verdict(outcome="failed", faults=(silent,)), reason="it has no sound")
        began_at_s = time.perf_counter()
        try:
            speech = KnownSpeech(
                samples=await WINDOWS.run(at_model_rate, samples, self._sample_rate_hz),
                written=segment.written,
                spoken=segment.spoken,
                language=segment.language.partition("-")[0],
            )
            [alignment] = await self._recognizer.align([speech])
        except ChorusError as error:
            return Heard(reason=error.message)
        finally:
            self.listened_s += time.perf_counter() - began_at_s
        verdict = judge(alignment, self._thresholds)
        return Heard(alignment=alignment, verdict=verdict, reason="" if alignment else TOO_LONG)


def at_model_rate(samples: Samples, sample_rate_hz: int) -> Samples:
    """Linear interpolation, which the benchmark's error rates include."""
    num_wanted = round(len(samples) * SAMPLE_RATE_HZ / sample_rate_hz)
    at = np.arange(num_wanted) * (sample_rate_hz / SAMPLE_RATE_HZ)
    return np.interp(at, np.arange(len(samples)), samples).astype(np.float32)
