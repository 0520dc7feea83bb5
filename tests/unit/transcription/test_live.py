"""Live transcription on a recogniser that the test drives. Loud samples are speech, quiet ones silence."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.asr.base import Finished, TranscriptionRequest
from app.asr.endpoint import FRAME
from app.audio.pcm_stream import PcmForm
from app.errors import EngineFailure, QueueFull
from app.lifecycle import Lifecycle
from app.settings import Settings
from app.transcription import service as service_module
from app.transcription.live import FinalText, LiveTranscription, Marker, PartialText, SpeechStarted
from app.transcription.request import TranscriptionOptions
from app.transcription.service import TranscriptionService
from tests.support.fake_recognizer import FakeRecognizer, FakeStream, segment

LOUD, QUIET = b"\x00\x10" * FRAME, b"\x00\x00" * FRAME
"""A frame of 32 ms."""


class CountingRecognizer(FakeRecognizer):
    """The text of a recording is the number of its loud frames.

    gates   a request whose number is in it waits for the event
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.gates: dict[int, asyncio.Event] = {}
        self.most_open = 0

    def submit(self, request: TranscriptionRequest) -> FakeStream:
        num_loud = int(np.count_nonzero(request.samples)) // FRAME
        self._segments = [segment(0, f" {num_loud} frames", 0.1, 0.5)] if num_loud else []
        self._waits = self.gates.get(len(self.requests))
        stream = super().submit(request)
        self.most_open = max(self.most_open, self.stats().admitted_requests)
        return stream


def detect(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    return (np.abs(frames).max(axis=1) > 0.01).astype(np.float32)


def ready() -> Lifecycle:
    lifecycle = Lifecycle()
    lifecycle.is_ready()
    return lifecycle


def run(
    recognizer: FakeRecognizer,
    talk: Callable[[LiveTranscription], Awaitable[None]],
    *,
    options: TranscriptionOptions | None = None,
    service: TranscriptionService | None = None,
    **more: Any,
) -> list[Any]:
    """All events of a session in which `talk` writes and finishes."""

    async def session() -> list[Any]:
        more.setdefault("silence_s", 0.5)
        more.setdefault("has_partials", True)
        more.setdefault("on_transcribed", lambda _: None)
        form = PcmForm(rate_hz=16_000, width=2, channels=1)
        transcribes = service or TranscriptionService(recognizer, Settings(), ready())
        transcription = LiveTranscription(transcribes, options or TranscriptionOptions(), form, detect=detect, **more)
        async with aclosing(transcription), asyncio.timeout(30):
            talking = asyncio.ensure_future(talk(transcription))
            try:
                heard = [event async for event in transcription.events()]
                await talking
                return heard
            finally:
                talking.cancel()

    return asyncio.run(session())


async def settle() -> None:
    """Turns of the loop in which an idle recogniser answers what it was asked."""
    for _ in range(50):
        await asyncio.sleep(0)


async def say(transcription: LiveTranscription, *frames: tuple[bytes, int]) -> None:
    """Frames one by one, each answered before the next comes."""
    for frame, number in frames:
        for _ in range(number):
            await transcription.write(frame)
            await settle()


def finals(events: list[Any]) -> list[str]:
    return [event.text for event in events if isinstance(event, FinalText)]


def test_an_utterance_has_growing_partial_texts_and_one_final_text() -> None:
    async def talk(transcription: LiveTranscription) -> None:
        await say(transcription, (QUIET, 20), (LOUD, 40), (QUIET, 20))
        await transcription.finish()

    first, *partials, final = run(CountingRecognizer(), talk)
    assert first == SpeechStarted(0, 0.64)
    assert [partial.text for partial in partials] == ["10 frames", "20 frames", "30 frames", "40 frames"]
    assert all(partial.start_s == 0.64 for partial in partials)
    assert partials[0].end_s == 0.96
    assert final == FinalText(0, 0.64, 1.92, "40 frames", "en", ())


def test_the_final_text_is_ready_before_the_silence_is_long_enough() -> None:
    """The pause is decoded as an end would be, and not again at the end."""
    recognizer = CountingRecognizer()

    async def talk(transcription: LiveTranscription) -> None:
        await say(transcription, (LOUD, 20), (QUIET, 10))
        num_before = len(recognizer.requests)
        await say(transcription, (QUIET, 10))
        await transcription.finish()
        assert len(recognizer.requests) == num_before

    assert finals(run(recognizer, talk)) == ["20 frames"]


def test_speech_after_a_pause_is_in_the_final_text() -> None:
    async def talk(transcription: LiveTranscription) -> None:
        await say(transcription, (LOUD, 20), (QUIET, 8), (LOUD, 5), (QUIET, 20))
        await transcription.finish()

    assert finals(run(CountingRecognizer(), talk)) == ["25 frames"]


def test_a_session_has_one_request_at_a_time_however_fast_the_audio_comes() -> None:
    recognizer = CountingRecognizer()

    async def talk(transcription: LiveTranscription) -> None:
        for _ in range(5):
            await transcription.write(LOUD * 50 + QUIET * 20)
        await transcription.finish()

    assert finals(run(recognizer, talk)) == ["50 frames"] * 5
    assert recognizer.most_open == 1


def test_partial_texts_skip_what_came_while_the_recogniser_was_busy() -> None:
    recognizer = CountingRecognizer()

    async def talk(transcription: LiveTranscription) -> None:
        recognizer.gates[0] = asyncio.Event()
        await say(transcription, (LOUD, 100))
        assert len(recognizer.requests) == 1
        recognizer.gates[0].set()
        await settle()
        await say(transcription, (LOUD, 1), (QUIET, 20))
        await transcription.finish()

    events = run(recognizer, talk)
    assert [event.text for event in events if isinstance(event, PartialText)][:2] == ["10 frames", "100 frames"]
    assert finals(events) == ["101 frames"]


def test_a_pause_cancels_the_partial_text_that_is_under_way() -> None:
    recognizer = CountingRecognizer()

    async def talk(transcription: LiveTranscription) -> None:
        recognizer.gates[0] = asyncio.Event()
        await say(transcription, (LOUD, 20), (QUIET, 20))
        assert recognizer.streams[0].is_closed
        await transcription.finish()

    assert finals(run(recognizer, talk)) == ["20 frames"]
    assert [request.beam_size for request in recognizer.requests] == [1, 5]


def test_no_partial_text_begins_where_speech_may_be_ending() -> None:
    recognizer = CountingRecognizer()

    async def talk(transcription: LiveTranscription) -> None:
        recognizer.gates[0] = asyncio.Event()
        await say(transcription, (LOUD, 20), (QUIET, 1))
        recognizer.gates[0].set()
        await settle()
        assert len(recognizer.requests) == 1
        await say(transcription, (LOUD, 1))
        assert len(recognizer.requests) == 2
        await transcription.finish()

    run(recognizer, talk)


def test_without_partials_there_are_final_texts_only() -> None:
    recognizer = CountingRecognizer()

    async def talk(transcription: LiveTranscription) -> None:
        await say(transcription, (LOUD, 60), (QUIET, 20))
        await transcription.finish()

    events = run(recognizer, talk, has_partials=False)
    assert [type(event) for event in events] == [SpeechStarted, FinalText]
    assert len(recognizer.requests) == 1


def test_flush_ends_the_utterance_and_the_next_one_goes_on() -> None:
    async def talk(transcription: LiveTranscription) -> None:
        await transcription.write(LOUD * 20)
        await transcription.flush()
        await transcription.write(LOUD * 30)
        await transcription.finish()

    events = [event for event in run(CountingRecognizer(), talk, has_partials=False) if event != SpeechStarted(1, 0.64)]
    assert [getattr(event, "text", event) for event in events] == [
        SpeechStarted(0, 0.0),
        "20 frames",
        Marker.FLUSHED,
        "30 frames",
    ]


def test_silence_has_no_events_and_asks_nothing_of_the_recogniser() -> None:
    recognizer = CountingRecognizer()

    async def talk(transcription: LiveTranscription) -> None:
        await transcription.write(QUIET * 1000)
        await transcription.flush()
        await transcription.finish()

    assert run(recognizer, talk) == [Marker.FLUSHED]
    assert recognizer.requests == []


def test_sound_that_is_no_speech_has_an_empty_final_text_and_no_partial() -> None:
    async def talk(transcription: LiveTranscription) -> None:
        await say(transcription, (LOUD, 40), (QUIET, 20))
        await transcription.finish()

    (started, final) = run(FakeRecognizer(segments=[]), talk)
    assert isinstance(started, SpeechStarted)
    assert (final.text, final.language) == ("", None)


def test_words_are_timed_from_the_start_of_the_stream() -> None:
    async def talk(transcription: LiveTranscription) -> None:
        await transcription.write(QUIET * 100 + LOUD * 20 + QUIET * 20)
        await transcription.finish()

    *_, final = run(CountingRecognizer(), talk, options=TranscriptionOptions(words=True), has_partials=False)
    start_s = 90 * FRAME / 16_000  # the sound before the speech is in the recording
    assert [(word.text, round(word.start_s - start_s, 3), round(word.end_s - start_s, 3)) for word in final.words] == [
        (" 20", 0.1, 0.3),
        (" frames", 0.3, 0.5),
    ]


def test_the_last_samples_are_heard_although_they_fill_no_frame() -> None:
    recognizer = CountingRecognizer()

    async def talk(transcription: LiveTranscription) -> None:
        await transcription.write(LOUD * 20 + LOUD[:-2])
        await transcription.finish()

    run(recognizer, talk, has_partials=False)
    assert np.count_nonzero(recognizer.requests[-1].samples) == 20 * FRAME + FRAME - 1


def test_a_writer_that_is_too_fast_waits_for_the_texts() -> None:
    recognizer = CountingRecognizer()

    async def talk(transcription: LiveTranscription) -> None:
        recognizer.gates[0] = asyncio.Event()
        writing = asyncio.create_task(transcription.write((LOUD * 20 + QUIET * 20) * 20))
        await asyncio.wait((writing,), timeout=0.5)
        assert not writing.done()
        assert transcription.heard_s < 6  # of 25.6 s
        recognizer.gates[0].set()
        await writing
        await transcription.finish()

    assert finals(run(recognizer, talk, has_partials=False)) == ["20 frames"] * 20


def test_a_full_recogniser_drops_partial_texts_and_gives_the_final_one_its_next_place() -> None:
    recognizer = CountingRecognizer(max_admitted=1)
    service = TranscriptionService(recognizer, Settings(), ready())

    async def talk(transcription: LiveTranscription) -> None:
        other = service.transcribe(np.zeros(16_000, np.int16), TranscriptionOptions())
        await say(transcription, (LOUD, 15), (QUIET, 20))
        assert len(recognizer.requests) == 1
        await other.aclose()
        await settle()
        assert len(recognizer.requests) == 2
        await transcription.finish()

    events = run(recognizer, talk, service=service)
    assert [type(event) for event in events] == [SpeechStarted, FinalText]
    assert finals(events) == ["15 frames"]


def test_a_recogniser_that_stays_full_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "PLACE_TIMEOUT_S", 0.05)

    async def talk(transcription: LiveTranscription) -> None:
        await transcription.write(LOUD * 20)
        await transcription.finish()

    with pytest.raises(QueueFull, match="transcribed"):
        run(FakeRecognizer(max_admitted=0), talk)


def test_a_failure_of_the_model_ends_the_session() -> None:
    async def talk(transcription: LiveTranscription) -> None:
        await transcription.write(LOUD * 20)
        await transcription.finish()

    with pytest.raises(EngineFailure):
        run(FakeRecognizer(fails=EngineFailure("the model failed")), talk)


def test_closing_cancels_the_request_in_the_recogniser() -> None:
    recognizer = CountingRecognizer()

    async def session() -> None:
        recognizer.gates[0] = asyncio.Event()
        service = TranscriptionService(recognizer, Settings(), ready())
        transcription = LiveTranscription(
            service,
            TranscriptionOptions(),
            PcmForm(rate_hz=16_000, width=2, channels=1),
            detect=detect,
            silence_s=0.5,
            has_partials=True,
            on_transcribed=lambda _: None,
        )
        await transcription.write(LOUD * 50)
        await settle()
        assert not recognizer.streams[0].is_closed
        await transcription.aclose()
        await transcription.aclose()
        assert recognizer.streams[0].is_closed

    asyncio.run(session())


def test_each_final_text_has_one_receipt() -> None:
    receipts: list[Finished] = []

    async def talk(transcription: LiveTranscription) -> None:
        await say(transcription, *((LOUD, 40), (QUIET, 20)) * 2)
        await transcription.finish()

    assert len(finals(run(CountingRecognizer(), talk, on_transcribed=receipts.append))) == len(receipts) == 2


def test_partial_texts_follow_one_candidate_and_final_texts_five() -> None:
    recognizer = CountingRecognizer()

    async def talk(transcription: LiveTranscription) -> None:
        await say(transcription, (LOUD, 20), (QUIET, 20))
        await transcription.finish()

    run(recognizer, talk, options=TranscriptionOptions(words=True))
    asked = [(request.word_timestamps, request.beam_size, request.is_draft) for request in recognizer.requests]
    assert asked == [(False, 1, True), (False, 1, True), (True, 5, False)]
    assert all(request.low_latency for request in recognizer.requests)
