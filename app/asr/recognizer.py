"""The event loop's side of the recogniser: admission, and one task for each request.

A task cuts its recording into windows on a pool's thread, keeps WINDOWS_AHEAD of them with the model's thread, and puts
their text into the request's stream in order.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TypeVar

from app.asr.aligner import WhisperAligner
from app.asr.alignment import Alignment, KnownSpeech
from app.asr.base import RecognizerInfo, RecognizerStats, TranscriptionRequest
from app.asr.inference import Features, Network
from app.asr.job import WindowJob, WindowResult, num_frames_for
from app.asr.loop import ModelLoop
from app.asr.stream import EventStream
from app.asr.transcription import Transcription, seconds_until_place
from app.asr.windows import FindSpeech, Searched, Window, cut_windows
from app.daemon_thread import start_owner_thread
from app.errors import ChorusError, Draining, EngineFailure, InvalidField, QueueFull, UnsupportedLanguage, quoted
from app.pools import WINDOWS, yield_to_event_loop, yield_to_speech

T = TypeVar("T")

logger = logging.getLogger(__name__)

WINDOWS_AHEAD = 4
"""Windows of one request that wait for the model: 3 MB each."""


class WhisperRecognizer:
    """A Recognizer on one model.

    make_network   loads the model, on a thread whose low priority the threads of the model's library inherit
    find_speech    is called on pool threads
    model          its name, for `info`
    max_batch      windows that are decoded together
    max_per_request of them of one request: the longest that a new request waits for an earlier one

    Construction blocks until the model is loaded, and raises what `make_network` raises.
    """

    def __init__(
        self,
        make_network: Callable[[], Network],
        *,
        find_speech: FindSpeech,
        model: str,
        device: str,
        max_batch: int,
        max_per_request: int,
        max_queue: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        def make() -> tuple[Network, ModelLoop]:
            yield_to_event_loop()
            network = _made_below_speech(make_network)
            return network, ModelLoop(network, max_batch=max_batch, max_per_request=max_per_request, clock=clock)

        self._thread, (self._network, self._model_loop) = start_owner_thread(
            make, lambda parts: parts[1].run(), name="recogniser"
        )
        self._aligner = WhisperAligner(self._network, self._model_loop)
        self._find_speech = find_speech
        self._clock = clock
        self._open: dict[Transcription, asyncio.Task[None]] = {}
        self._ended_speech_s = 0.0
        self._num_sent = 0
        """windows with the model's thread whose requests wait for them"""
        self._is_closed = False
        self.info = RecognizerInfo(
            name="whisper",
            model=model,
            languages=self._network.languages,
            can_translate=self._network.can_translate,
            device=device,
            precision=self._network.precision,
            max_batch=max_batch,
            max_admitted=max_batch + max_queue,
        )

    def stats(self) -> RecognizerStats:
        return RecognizerStats(
            admitted_requests=len(self._open),
            waiting_requests=sum(transcription.started_at_s is None for transcription in self._open),
            waiting_windows=max(0, self._num_sent - self._model_loop.busy_windows),
            busy_windows=self._model_loop.busy_windows,
            num_batches=self._model_loop.num_batches,
            num_windows=self._model_loop.num_windows,
            speech_s=self._ended_speech_s + sum(each.speech_s for each in self._open),
            busy_s=self._model_loop.busy_s,
        )

    def check_room(self) -> None:
        if len(self._open) >= self.info.max_admitted:
            raise QueueFull(
                f"{len(self._open)} recordings are being transcribed or waiting; try again in a moment",
                retry_after_s=self.seconds_until_place(),
            )

    def seconds_until_place(self) -> int:
        return seconds_until_place(self._open, ended_speech_s=self._ended_speech_s, busy_s=self._model_loop.busy_s)

    def submit(self, request: TranscriptionRequest) -> EventStream:
        if self._is_closed:
            raise Draining("the server is shutting down")
        if request.language is not None and request.language not in self.info.languages:
            raise UnsupportedLanguage(
                f"{self.info.model} does not know the language {quoted(request.language)}; it knows "
                f"{', '.join(self.info.languages)}",
                param="language",
            )
        if request.task == "translate" and not self.info.can_translate:
            raise InvalidField(f"{self.info.model} cannot translate", param="task")
        self.check_room()

        async def on_close() -> None:
            self._open.pop(transcription, None)
            task.cancel()
            self._model_loop.cancel(transcription)
            await asyncio.wait((task,))  # a pool's thread may read the recording until then

        stream = EventStream(on_close)
        transcription = Transcription(request, stream, self._clock())
        task = asyncio.get_running_loop().create_task(self._transcribe(transcription))
        self._open[transcription] = task
        return stream

    async def align(self, speech: Sequence[KnownSpeech]) -> list[Alignment | None]:
        return await self._aligner.align(speech)

    def seconds_to_align(self, speech_s: float) -> float:
        return self._aligner.seconds_to_align(speech_s)

    async def aclose(self) -> None:
        self._is_closed = True
        self._aligner.close()
        tasks = list(self._open.values())
        for transcription, task in list(self._open.items()):
            transcription.stream.fail(Draining("the server stopped before this recording was transcribed"))
            task.cancel()
        self._model_loop.stop()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._thread.join)

    async def _transcribe(self, transcription: Transcription) -> None:
        ahead: deque[tuple[Window, asyncio.Future[WindowResult]]] = deque()
        try:
            await self._take_windows(transcription, ahead)
            transcription.finish(self._clock())
        except ChorusError as error:
            transcription.stream.fail(error)
        except Exception as error:  # the request's boundary: its consumer is told
            logger.exception("a recording could not be cut into windows")
            failure = EngineFailure(f"the recording could not be prepared: {error}")
            failure.__cause__ = error
            transcription.stream.fail(failure)
        finally:
            self._open.pop(transcription, None)
            self._ended_speech_s += transcription.speech_s
            self._model_loop.cancel(transcription)
            for _, outcome in ahead:
                outcome.cancel()

    async def _take_windows(
        self, transcription: Transcription, ahead: "deque[tuple[Window, asyncio.Future[WindowResult]]]"
    ) -> None:
        """`ahead`: windows in the model's hands, in order."""
        windows = cut_windows(transcription.request.samples, self._find_speech)
        language = transcription.request.language
        if not self._network.is_multilingual:
            language = self._network.languages[0]
        is_cut = False
        while True:
            # One window until its language is known: the others take it over.
            num_ahead = WINDOWS_AHEAD if language else 1
            while not is_cut and len(ahead) < num_ahead and not (ahead and ahead[0][1].done()):
                match await _run_to_its_end(partial(self._prepare_next, windows, transcription.request)):
                    case None:
                        is_cut = True
                    case Searched(until_s=until_s):
                        if not ahead:
                            transcription.skip(until_s)
                    case window, features:
                        ahead.append((window, self._send(transcription, window, features, language)))
            if not ahead:
                return
            window, outcome = ahead.popleft()
            result = await outcome
            language = result.language
            transcription.take(window, result)
            if result.rest is not None:
                features = await _run_to_its_end(partial(self._features, transcription.request, result.rest))
                ahead.appendleft((result.rest, self._send(transcription, result.rest, features, language)))

    def _prepare_next(
        self, windows: Iterator[Window | Searched], request: TranscriptionRequest
    ) -> tuple[Window, Features] | Searched | None:
        piece = next(windows, None)
        return (piece, self._features(request, piece)) if isinstance(piece, Window) else piece

    def _features(self, request: TranscriptionRequest, window: Window) -> Features:
        return self._network.features(window.samples, num_frames_for(request, window))

    def _send(
        self, transcription: Transcription, window: Window, features: Features, language: str | None
    ) -> "asyncio.Future[WindowResult]":
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[WindowResult] = loop.create_future()
        self._num_sent += 1

        def on_done(done: "asyncio.Future[WindowResult]") -> None:
            self._num_sent -= 1
            if not done.cancelled():
                done.exception()  # told once, with the first window that has it

        outcome.add_done_callback(on_done)

        def settle(result: WindowResult | BaseException) -> None:
            if outcome.done():
                return
            if isinstance(result, BaseException):
                outcome.set_exception(result)
            else:
                outcome.set_result(result)

        def on_result(result: WindowResult | BaseException) -> None:
            with suppress(RuntimeError):  # the loop may be closed by now: nobody waits for the result
                loop.call_soon_threadsafe(settle, result)

        self._model_loop.send(
            WindowJob(transcription, transcription.request, window, features, language=language, on_result=on_result)
        )
        return outcome


def _made_below_speech(make_network: Callable[[], Network]) -> Network:
    """CTranslate2 computes on threads of its own, with the priority of the thread that loads the model.

    The caller's own thread runs Python between two calls. Below the voice's priority it would be put aside while it
    holds the interpreter's lock, and the event loop would wait for it.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="recogniser-weights", initializer=yield_to_speech) as executor:
        return executor.submit(make_network).result()


async def _run_to_its_end(function: Callable[[], T]) -> T:
    """On a thread of WINDOWS. A cancelled caller waits too: its recording is held until the thread has read it."""
    return await WINDOWS.run_interruptible(function, lambda: None)
