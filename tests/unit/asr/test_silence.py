"""Long silence in one recording: other callers, a disconnect, progress."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import numpy as np
from numpy.typing import NDArray

from app.asr.base import Finished, LanguageDetected, Progress, RecognizedSegment, TranscriptionRequest
from app.asr.recognizer import WhisperRecognizer
from app.asr.windows import FindSpeech, Span
from tests.support.fake_network import SILENCE, FakeNetwork, find_speech, spoken
from tests.support.recognizing import events_of, opened, texts

HOUR = TranscriptionRequest(samples=np.zeros(3600 * 16_000, np.int16))


def run(search: FindSpeech, scenario: Callable[[WhisperRecognizer], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(60), opened(FakeNetwork(), find_speech=search) as recognizer:
            await scenario(recognizer)

    asyncio.run(whole())


class Search:
    """find_speech on threads that a test holds: one more block for each `let_pass`."""

    def __init__(self) -> None:
        self._may_end = threading.Semaphore(0)
        self._has_begun = threading.Semaphore(0)
        self.num_blocks = 0
        self.num_done = 0

    def __call__(self, samples: NDArray[np.float32]) -> list[Span]:
        self.num_blocks += 1
        self._has_begun.release()
        assert self._may_end.acquire(timeout=60)
        spans = find_speech(samples)
        self.num_done += 1
        return spans

    async def begun(self) -> None:
        assert await asyncio.to_thread(self._has_begun.acquire, timeout=60)

    def let_pass(self, blocks: int = 1) -> None:
        self._may_end.release(blocks)


def test_a_sentence_behind_hours_of_silence_waits_for_one_block_of_each() -> None:
    searched: list[bool] = []

    def search(samples: NDArray[np.float32]) -> list[Span]:
        searched.append(bool(samples[0] != SILENCE))
        return find_speech(samples)

    async def scenario(recognizer: WhisperRecognizer) -> None:
        silent = [recognizer.submit(HOUR) for _ in range(2)]
        sentence = recognizer.submit(TranscriptionRequest(samples=spoken(3)))
        assert texts(await events_of(sentence)) == [" de 3"]
        for stream in silent:
            await stream.aclose()

    run(search, scenario)
    assert searched.index(True) <= 3  # two threads; each may begin one more block before the sentence has its place


def test_a_closed_stream_searches_no_further_and_is_closed_when_its_block_is_done() -> None:
    search = Search()

    async def scenario(recognizer: WhisperRecognizer) -> None:
        stream = recognizer.submit(HOUR)
        await search.begun()
        closing = asyncio.create_task(stream.aclose())
        for _ in range(10):
            await asyncio.sleep(0)
        assert not closing.done()
        assert recognizer.stats().admitted_requests == 0
        search.let_pass(100)
        await closing

    run(search, scenario)
    assert search.num_blocks == 1


def test_closing_the_recogniser_waits_for_one_block_only() -> None:
    search = Search()

    async def scenario(recognizer: WhisperRecognizer) -> None:
        recognizer.submit(HOUR)
        await search.begun()
        search.let_pass(100)
        await recognizer.aclose()
        assert (search.num_blocks, search.num_done) == (1, 1)

    run(search, scenario)


def test_text_before_long_silence_comes_while_the_silence_is_searched() -> None:
    search = Search()

    async def scenario(recognizer: WhisperRecognizer) -> None:
        samples = np.concatenate([spoken(3), spoken(600, SILENCE)])
        stream = recognizer.submit(TranscriptionRequest(samples=samples))
        search.let_pass()
        events = [await anext(stream) for _ in range(3)]
        assert [type(event) for event in events] == [LanguageDetected, RecognizedSegment, Progress]
        assert search.num_done == 1
        search.let_pass(100)
        assert isinstance((await events_of(stream))[-1], Finished)

    run(search, scenario)


def test_silence_has_progress_before_its_receipt() -> None:
    async def scenario(recognizer: WhisperRecognizer) -> None:
        events = await events_of(recognizer.submit(TranscriptionRequest(samples=np.zeros(200 * 16_000, np.int16))))
        assert [event.until_s for event in events if isinstance(event, Progress)] == [59, 118, 177]
        assert isinstance(events[-1], Finished)

    run(find_speech, scenario)
