"""The event loop's side of alignment: admission, preparation on pool threads, and results of the model's thread."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from app.asr.aligning import AlignJob, num_frames_for
from app.asr.alignment import MAX_ALIGNED_S, Alignment, KnownSpeech
from app.asr.inference import NUM_FRAMES, Features, Network
from app.asr.known_words import KnownWord, known_words
from app.asr.loop import ModelLoop
from app.asr.pace import Pace
from app.asr.samples import as_float32
from app.errors import Draining, QueueFull, UnsupportedLanguage, quoted
from app.pools import WINDOWS

MAX_WAITING = 64
"""Segments of all callers together, in the model and before it. One call may have more, if it is alone."""
RETRY_AFTER_S = 2
Outcome = Alignment | BaseException | None


class WhisperAligner:
    """An Aligner on the thread of a recogniser's model."""

    def __init__(self, network: Network, model_loop: ModelLoop) -> None:
        self._network = network
        self._model_loop = model_loop
        self._waiting: set[asyncio.Future[Alignment | None]] = set()
        self._num_admitted = 0
        self._pace = Pace()
        self._is_closed = False

    async def align(self, speech: Sequence[KnownSpeech]) -> list[Alignment | None]:
        """See Aligner."""
        if self._is_closed:
            raise Draining("the server is shutting down")
        for each in speech:
            if each.language not in self._network.languages:
                raise UnsupportedLanguage(
                    f"the recogniser does not know the language {quoted(each.language)}", param="language"
                )
        if self._num_admitted and self._num_admitted + len(speech) > MAX_WAITING:
            raise QueueFull(
                f"{self._num_admitted} segments are being checked or waiting; try again in a moment",
                retry_after_s=RETRY_AFTER_S,
            )
        self._num_admitted += len(speech)
        speech_s = sum(each.duration_s for each in speech)
        self._pace.begin(speech_s)
        owner, is_aligned = object(), False
        try:
            outcomes = [await self._send(owner, each) for each in speech]
            alignments = [None if outcome is None else await outcome for outcome in outcomes]
            is_aligned = True
            return alignments
        finally:
            self._num_admitted -= len(speech)
            self._pace.end(speech_s, is_aligned=is_aligned)
            self._model_loop.cancel(owner)

    def seconds_to_align(self, speech_s: float) -> float:
        """See Aligner."""
        return self._pace.seconds_for(speech_s)

    def close(self) -> None:
        """Callers that wait get Draining."""
        self._is_closed = True
        for outcome in self._waiting:
            if not outcome.done():
                outcome.set_exception(Draining("the server stopped before this speech was aligned"))

    async def _send(self, owner: object, speech: KnownSpeech) -> "asyncio.Future[Alignment | None] | None":
        """None for speech that cannot be aligned."""
        prepared = await WINDOWS.run_interruptible(partial(self._prepare, speech), lambda: None)
        if prepared is None:
            return None
        if self._is_closed:
            raise Draining("the server stopped before this speech was aligned")
        words, features = prepared
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[Alignment | None] = loop.create_future()
        self._waiting.add(outcome)

        def on_done(done: "asyncio.Future[Alignment | None]") -> None:
            self._waiting.discard(done)
            if not done.cancelled():
                done.exception()  # the caller is told where it awaits it, or with an earlier segment

        outcome.add_done_callback(on_done)

        def settle(result: Outcome) -> None:
            if outcome.done():
                return
            if isinstance(result, BaseException):
                outcome.set_exception(result)
            else:
                outcome.set_result(result)

        def on_result(result: Outcome) -> None:
            with suppress(RuntimeError):  # the loop may be closed by now: nobody waits for the result
                loop.call_soon_threadsafe(settle, result)

        self._model_loop.send(AlignJob(owner, speech, words, features, on_result=on_result))
        return outcome

    def _prepare(self, speech: KnownSpeech) -> tuple[list[KnownWord], Features] | None:
        """Called on a pool thread."""
        words = known_words(speech.written, speech.spoken, speech.language)
        if not words or not 0 < speech.duration_s <= MAX_ALIGNED_S:
            return None
        num_frames = num_frames_for(speech.duration_s, longest=NUM_FRAMES)
        return words, self._network.features(as_float32(speech.samples))[:, :num_frames]
