"""One listener: plays a stream as it arrives, and notes when it could be heard and where it had gaps."""

import time
from collections.abc import AsyncIterator, Callable

import numpy as np

from app.audio.pcm import dbfs_to_amplitude
from app.engine.values import Samples
from app.speech.playback import Playback

PLAYABLE_DBFS = -50.0
"""Samples below this are silence."""


class Listener:
    """Plays one stream as it arrives. Its times count from `asked_at_s`, by default its construction.

    clock             seconds
    first_playable_s  until the arrival of the first sample of at least PLAYABLE_DBFS; None while there is none.
                      Headers and silence before it do not count
    total_s           until the end of the stream; 0 before it
    audio_s           length of the audio that has arrived
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter, *, asked_at_s: float | None = None) -> None:
        self.first_playable_s: float | None = None
        self.total_s = 0.0
        self.audio_s = 0.0
        self._clock = clock
        self._asked_at_s = clock() if asked_at_s is None else asked_at_s
        self._playback = Playback(clock)

    @property
    def num_underruns(self) -> int:
        return self._playback.num_underruns

    @property
    def largest_underrun_s(self) -> float:
        return self._playback.largest_underrun_s

    async def listen(self, pieces: AsyncIterator[Samples], *, sample_rate_hz: int) -> None:
        async for samples in pieces:
            if not samples.size:
                continue
            if self.first_playable_s is None and np.abs(samples).max() >= dbfs_to_amplitude(PLAYABLE_DBFS):
                self.first_playable_s = self._clock() - self._asked_at_s
            self._playback.delivered(len(samples) / sample_rate_hz)
            self.audio_s += len(samples) / sample_rate_hz
        self.total_s = self._clock() - self._asked_at_s
