"""The way of a recording: options, a place, the recogniser, one stream of events."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from app.asr.base import SAMPLE_RATE_HZ, Recognizer, TranscriptionRequest
from app.deadline import Deadline
from app.errors import QueueFull
from app.lifecycle import Lifecycle
from app.observability.tracing import fail, start_span
from app.settings import Settings
from app.transcription.request import TranscriptionOptions, check_task, find_language
from app.transcription.stream import TranscriptionStream

MAX_HELD = 4
"""Recordings of the greatest length that are held at a time: 920 MB at the default."""
PLACE_TIMEOUT_S = 30.0
"""Longest wait of `transcribe_in_turn` for a place."""


class TranscriptionService:
    """Lives on the event loop. The recordings of all callers together are bounded in seconds."""

    def __init__(self, recognizer: Recognizer, settings: Settings, lifecycle: Lifecycle) -> None:
        self.recognizer = recognizer
        self.max_recording_s = settings.max_recording_s
        self.held_s = 0.0
        self._settings = settings
        self._lifecycle = lifecycle
        self._closed = asyncio.Event()
        """pulsed (set, then cleared) each time a transcription is closed, to wake `transcribe_in_turn`"""

    def check(self, options: TranscriptionOptions) -> None:
        """Raise what `transcribe` would raise, before a recording is received and decoded."""
        self._lifecycle.check()
        info = self.recognizer.info
        check_task(options.task, info)
        find_language(options.language, info.languages)
        self.recognizer.check_room()

    def transcribe(self, samples: NDArray[np.int16], options: TranscriptionOptions) -> TranscriptionStream:
        """Admit [samples] int16 mono at 16 kHz. The caller must close the result.

        Raises QueueFull, Draining, UnsupportedLanguage or InvalidField.
        """
        self._lifecycle.check()
        info = self.recognizer.info
        check_task(options.task, info)
        language = find_language(options.language, info.languages)
        seconds = len(samples) / SAMPLE_RATE_HZ
        self._check_memory(seconds)
        trace = start_span("transcribe")
        leave = self._lifecycle.enter()
        try:
            events = self.recognizer.submit(
                TranscriptionRequest(
                    samples=samples,
                    task=options.task,
                    language=language,
                    prompt=options.prompt,
                    temperature=options.temperature,
                    beam_size=options.beam_size,
                    low_latency=options.low_latency,
                    is_draft=options.is_draft,
                    word_timestamps=options.words,
                )
            )
        except BaseException as error:
            leave()
            fail(trace, type(error).__name__)
            trace.end()
            raise
        self.held_s += seconds

        def on_close() -> None:
            self.held_s -= seconds
            leave()
            self._closed.set()
            self._closed.clear()

        return TranscriptionStream(
            events,
            duration_s=seconds,
            deadline=Deadline(self._settings.request_timeout_s),
            warnings=options.warnings,
            on_close=on_close,
            trace=trace,
        )

    async def transcribe_in_turn(
        self, samples: NDArray[np.int16], options: TranscriptionOptions
    ) -> TranscriptionStream:
        """As `transcribe`; where there is no place, wait for one up to PLACE_TIMEOUT_S. Raises QueueFull after it."""
        refusal = QueueFull("no place became free", retry_after_s=self.recognizer.seconds_until_place())
        try:
            async with asyncio.timeout(PLACE_TIMEOUT_S):
                while True:
                    try:
                        return self.transcribe(samples, options)
                    except QueueFull as error:
                        refusal = error
                    await self._closed.wait()
        except TimeoutError:
            raise refusal from None

    def find_language(self, name: str) -> str | None:
        """The recogniser's code of a language; None for "". Raises UnsupportedLanguage."""
        return find_language(name, self.recognizer.info.languages)

    def new_deadline(self) -> Deadline:
        return Deadline(self._settings.request_timeout_s)

    @contextmanager
    def holding(self, seconds: float) -> Generator[None]:
        """Count a recording during the block. Raises QueueFull and Draining."""
        self._lifecycle.check()
        self._check_memory(seconds)
        leave = self._lifecycle.enter()
        self.held_s += seconds
        try:
            yield
        finally:
            self.held_s -= seconds
            leave()
            self._closed.set()
            self._closed.clear()

    def _check_memory(self, seconds: float) -> None:
        if self.held_s + seconds > MAX_HELD * self.max_recording_s:
            raise QueueFull(
                f"{self.held_s / 3600:.1f} hours of recordings are being transcribed; send this one again when some "
                "are done",
                retry_after_s=self.recognizer.seconds_until_place(),
            )
