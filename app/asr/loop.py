"""The thread that owns the model: windows of all requests come in by one inbox, their text goes out by callbacks.

`step` is one turn: one encoder pass and one decoder search for the windows of up to `max_batch`. A window whose text is
not acceptable waits for another turn at the next temperature, and keeps its encoder output.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np

from app.asr.aligning import AlignJob, run_alignments
from app.asr.base import RecognizedSegment
from app.asr.fallback import Decoded
from app.asr.inference import Encoded, Network
from app.asr.job import WindowJob, WindowResult
from app.asr.queue import WindowQueue
from app.asr.windows import Window
from app.errors import Draining, EngineFailure

logger = logging.getLogger(__name__)

MIN_READ_S = 1.0
"""A window whose text covers less is not decoded again from there: it might never end."""
MIN_REST_S = 0.5


class ModelLoop:
    """`send`, `cancel` and `stop` may be called on any thread; `run` is the model's thread."""

    def __init__(
        self,
        network: Network,
        *,
        max_batch: int,
        max_per_request: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._network = network
        self._clock = clock
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._waiting: WindowQueue[WindowJob | AlignJob]
        self._waiting = WindowQueue(max_batch=max_batch, max_per_owner=max_per_request)
        self._batch: list[WindowJob] = []
        """in this turn, but for those that were cancelled"""
        self._ending = threading.Lock()
        self._has_ended = False
        self._is_stopping = False
        self.busy_windows = 0
        self.num_batches = 0
        self.num_windows = 0
        self.busy_s = 0.0
        """seconds of all turns with windows together"""

    def send(self, job: WindowJob | AlignJob) -> None:
        """After `stop`, the job gets Draining."""
        with self._ending:
            if not self._has_ended:
                self._inbox.put(lambda: self._waiting.add(job))
                return
        job.on_result(Draining("the server is shutting down"))

    def cancel(self, owner: object) -> None:
        """Begin no window of `owner` any more. One that is being encoded is not decoded."""

        def drop() -> None:
            self._waiting.drop(owner)
            self._batch = [job for job in self._batch if job.owner is not owner]

        self._inbox.put(drop)

    def stop(self) -> None:
        """End `run` after the running turn. Windows that wait get no result."""

        def end() -> None:
            self._is_stopping = True

        with self._ending:
            self._has_ended = True
        self._inbox.put(end)

    def run(self) -> None:
        while True:
            self._take_inbox()
            if self._is_stopping:
                return
            taken = self._waiting.take()
            run_alignments(self._network, [job for job in taken if isinstance(job, AlignJob)])
            self._batch = [job for job in taken if isinstance(job, WindowJob)]
            if self._batch:
                self.busy_windows = len(self._batch)
                began_at_s = self._clock()
                self._turn(began_at_s)
                self.busy_s += self._clock() - began_at_s
                self.busy_windows = 0
                self._batch = []

    def _take_inbox(self) -> None:
        """Wait for a message where there is nothing else to do."""
        while not self._is_stopping:
            try:
                act = self._inbox.get(block=not len(self._waiting) and not self._batch)
            except queue.Empty:
                return
            act()

    def _turn(self, began_at_s: float) -> None:
        """The loop's boundary: windows that fail together are tried again one by one."""
        try:
            encoded = self._encode_batch()
            decoded = self._decode(encoded, began_at_s)
        except Exception as error:  # the turn's boundary
            if len(self._batch) > 1:
                logger.warning("%d windows failed together and are tried one by one", len(self._batch), exc_info=True)
                for job in reversed(self._batch):
                    job.is_alone = True
                    self._waiting.put_back(job)
            else:
                for job in self._batch:
                    _fail(job, error)
            return
        for row, (job, attempt) in enumerate(zip(self._batch, decoded, strict=True)):
            try:
                self._take(job, attempt, encoded[row : row + 1])
            except Exception as error:  # noqa: BLE001 - the window's boundary: the others go on
                _fail(job, error)

    def _encode_batch(self) -> Encoded:
        """Rows of the batch, without jobs that are cancelled by now."""
        began = self._batch
        encoded = self._encode(began)
        self._take_inbox()
        return encoded if self._batch == began else encoded[[job in self._batch for job in began]]

    def _decode(self, encoded: Encoded, began_at_s: float) -> list[Decoded]:
        batch = self._batch
        if not batch:
            return []
        encoded_at_s = self._clock()
        self._detect_languages(batch, encoded)
        prompts = [self._network.prompt(job.language or "", job.request.task, job.request.prompt) for job in batch]
        first = batch[0]
        decoded = self._network.generate(
            encoded,
            prompts,
            temperature=first.temperature,
            beam_size=first.request.beam_size,
            max_tokens=max(job.max_tokens for job in batch),
        )
        decoded_at_s = self._clock()
        for job in batch:
            job.add_turn(began_at_s, encoded_at_s, decoded_at_s)
        self.num_batches += 1
        self.num_windows += len(batch)
        return decoded

    def _take(self, job: WindowJob, attempt: Decoded, encoded: Encoded) -> None:
        job.attempts.append(attempt)
        is_accepted = job.accepts(attempt)
        if job.is_short and not is_accepted and not job.request.is_draft:
            job.lengthen(self._network.features(job.window.samples))
            self._waiting.put_back(job)
        elif is_accepted or job.is_last_attempt:
            self._finish(job, encoded)
        else:
            job.encoded = encoded.copy()
            self._waiting.put_back(job)

    def _encode(self, batch: Sequence[WindowJob]) -> Encoded:
        """[windows, frames, channels], those that have been encoded before included."""
        new = [job.features for job in batch if job.encoded is None]
        if len(new) == len(batch):
            return self._network.encode(new)
        fresh = iter(self._network.encode(new) if new else ())
        return np.stack([next(fresh) if job.encoded is None else job.encoded[0] for job in batch])

    def _detect_languages(self, batch: Sequence[WindowJob], encoded: Encoded) -> None:
        rows = [row for row, job in enumerate(batch) if job.language is None]
        if rows:
            found = self._network.detect_languages(encoded[rows])
            for row, (language, probability) in zip(rows, found, strict=True):
                batch[row].language, batch[row].language_probability = language, probability

    def _finish(self, job: WindowJob, encoded: Encoded) -> None:
        chosen = job.chosen
        assert job.language is not None
        assert job.started_at_s is not None
        segments: list[RecognizedSegment] = []
        rest = None
        if chosen is not None:
            language, task = job.language, job.request.task
            text, until_s = self._network.finished_text(job.window, chosen, encoded, language=language, task=task)
            rest = _rest(job.window, until_s)
            segments = self._network.segments(
                job.window,
                chosen if rest is None else text,
                encoded,
                language=language,
                task=task,
                word_timestamps=job.request.word_timestamps,
            )
        job.on_result(
            WindowResult(
                language=job.language,
                language_probability=job.language_probability,
                segments=segments,
                num_fallbacks=len(job.attempts) - 1,
                started_at_s=job.started_at_s,
                ended_at_s=job.ended_at_s,
                num_turns=job.num_turns,
                encode_s=job.encode_s,
                decode_s=job.decode_s,
                rest=rest,
            )
        )


def _rest(window: Window, until_s: float) -> Window | None:
    """Samples behind `until_s`, where they are worth a turn."""
    is_worth_a_turn = until_s >= MIN_READ_S and window.duration_s - until_s >= MIN_REST_S
    return window.rest(until_s) if is_worth_a_turn else None


def _fail(job: WindowJob, error: Exception) -> None:
    logger.error("the recogniser failed on a window", exc_info=error)
    failure = EngineFailure(f"the recogniser failed: {error}")
    failure.__cause__ = error
    job.on_result(failure)
