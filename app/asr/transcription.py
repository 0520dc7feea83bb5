"""One admitted request on the event loop, and the time until one of several ends."""

import math
from collections.abc import Collection

from app.asr.base import SAMPLE_RATE_HZ, Finished, LanguageDetected, Progress, TranscriptionRequest, WindowWork
from app.asr.job import WindowResult
from app.asr.stream import EventStream
from app.asr.windows import Window

ASSUMED_PACE, ASSUMED_S = 5.0, 10.0
"""Seconds of speech transcribed in a second, until it has been measured for longer than ASSUMED_S."""
MAX_RETRY_AFTER_S = 3600


class Transcription:
    """The segments of one request that have been recognised so far."""

    def __init__(self, request: TranscriptionRequest, stream: EventStream, now_s: float) -> None:
        self.request = request
        self.stream = stream
        self.submitted_at_s = now_s
        self.started_at_s: float | None = None
        self.duration_s = len(request.samples) / SAMPLE_RATE_HZ
        self.until_s = 0.0
        self.speech_s = 0.0
        self.language = request.language
        self.num_segments = 0
        self.num_windows = 0
        self.num_fallbacks = 0

    def take(self, window: Window, result: WindowResult) -> None:
        """Put the events of the next window into the stream."""
        if self.num_windows == 0:
            self.language, self.started_at_s = result.language, result.started_at_s
            self.stream.put(LanguageDetected(result.language, result.language_probability))
        for segment in result.segments:
            self.stream.put(segment.at(self.num_segments))
            self.num_segments += 1
        rest = result.rest
        self.num_windows += 1
        self.num_fallbacks += result.num_fallbacks
        self.speech_s += window.duration_s - (rest.duration_s if rest else 0)
        self.until_s = rest.start_s if rest else window.end_s
        work = WindowWork(
            started_s=result.started_at_s - self.submitted_at_s,
            ended_s=result.ended_at_s - self.submitted_at_s,
            num_turns=result.num_turns,
            encode_s=result.encode_s,
            decode_s=result.decode_s,
        )
        self.stream.put(Progress(self.until_s, work))

    def skip(self, until_s: float) -> None:
        """Go on behind silence, where no window waits."""
        if until_s > self.until_s:
            self.until_s = until_s
            self.stream.put(Progress(until_s))

    def finish(self, now_s: float) -> None:
        started_at_s = now_s if self.started_at_s is None else self.started_at_s
        self.stream.put(
            Finished(
                duration_s=self.duration_s,
                speech_s=self.speech_s,
                language=self.language,
                num_segments=self.num_segments,
                num_windows=self.num_windows,
                num_fallbacks=self.num_fallbacks,
                queue_s=started_at_s - self.submitted_at_s,
                total_s=now_s - self.submitted_at_s,
            )
        )


def seconds_until_place(transcriptions: Collection[Transcription], *, ended_speech_s: float, busy_s: float) -> int:
    """Whole seconds until the first of `transcriptions` should end; 1 where none is open.

    All take turns, so the one with the least left ends first.

    ended_speech_s  speech of the requests that have ended
    busy_s          seconds that the model has computed, for those and for `transcriptions`
    """
    speech_s = ended_speech_s + sum(each.speech_s for each in transcriptions)
    pace = (speech_s + ASSUMED_PACE * ASSUMED_S) / (busy_s + ASSUMED_S)
    least_s = min((each.duration_s - each.until_s for each in transcriptions), default=0.0)
    return max(1, min(MAX_RETRY_AFTER_S, math.ceil(len(transcriptions) * least_s / pace)))
