"""WhisperRecognizer on a FakeNetwork: turns, order, cancellation, admission, failures."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from app.asr.base import (
    Finished,
    LanguageDetected,
    Progress,
    RecognizedSegment,
    TranscriptionRequest,
)
from app.asr.inference import NUM_FRAMES
from app.asr.recognizer import WhisperRecognizer
from app.errors import Draining, EngineFailure, InvalidField, QueueFull, UnsupportedLanguage
from tests.support.fake_network import BABBLE, NOISE, SPEECH, FakeNetwork, spoken
from tests.support.recognizing import events_of, opened, texts


def run(network: FakeNetwork, scenario: Callable[[WhisperRecognizer], Awaitable[None]], **options: int) -> None:
    async def whole() -> None:
        async with asyncio.timeout(60), opened(network, **options) as recognizer:
            await scenario(recognizer)

    asyncio.run(whole())


class Gate:
    """Holds the model's turns: a test lets one after the other pass."""

    def __init__(self) -> None:
        self._may_end = threading.Semaphore(0)
        self._has_begun = threading.Semaphore(0)

    def __call__(self, _: list[float]) -> None:
        self._has_begun.release()
        assert self._may_end.acquire(timeout=60)

    async def begun(self) -> None:
        assert await asyncio.to_thread(self._has_begun.acquire, timeout=60)

    def let_pass(self, turns: int = 1) -> None:
        self._may_end.release(turns)


def test_language_then_segments_in_order_with_progress_then_the_receipt() -> None:
    async def scenario(recognizer: WhisperRecognizer) -> None:
        events = await events_of(recognizer.submit(TranscriptionRequest(samples=spoken(75))))
        assert [type(event) for event in events] == [
            LanguageDetected, *[RecognizedSegment, Progress] * 3, Finished,
        ]  # fmt: skip
        assert events[0] == LanguageDetected("de", 0.75)
        assert texts(events) == [" de 30", " de 30", " de 15"]
        assert [event.index for event in events if isinstance(event, RecognizedSegment)] == [0, 1, 2]
        assert [event.until_s for event in events if isinstance(event, Progress)] == [30, 60, 75]
        receipt = events[-1]
        assert isinstance(receipt, Finished)
        assert (receipt.duration_s, receipt.speech_s, receipt.language, receipt.num_windows) == (75, 75, "de", 3)
        assert 0 <= receipt.queue_s <= receipt.total_s

    run(FakeNetwork(), scenario)


def test_each_window_tells_its_work_and_the_speech_of_an_open_request_counts() -> None:
    gate = Gate()

    async def scenario(recognizer: WhisperRecognizer) -> None:
        stream = recognizer.submit(TranscriptionRequest(samples=spoken(45, NOISE), language="en"))
        gate.let_pass(3)
        for _ in range(3):
            await gate.begun()
        first = [await anext(stream) for _ in range(3)][-1]
        assert isinstance(first, Progress) and first.work is not None
        assert first.work.num_turns == 2
        assert 0 <= first.work.started_s <= first.work.ended_s
        assert first.work.encode_s >= 0 and first.work.decode_s > 0
        assert first.work.encode_s + first.work.decode_s <= first.work.ended_s - first.work.started_s
        assert recognizer.stats().speech_s == 30
        gate.let_pass(10)
        last = [event for event in await events_of(stream) if isinstance(event, Progress)][-1]
        assert last.work is not None and last.work.num_turns == 2
        assert recognizer.stats().speech_s == 45
        assert recognizer.stats().busy_s > 0

    run(FakeNetwork(gate, acceptable_at=0.2), scenario, max_batch=1)


def test_the_language_of_the_request_is_certain_and_never_detected() -> None:
    async def scenario(recognizer: WhisperRecognizer) -> None:
        events = await events_of(recognizer.submit(TranscriptionRequest(samples=spoken(1), language="en")))
        assert events[0] == LanguageDetected("en", 1.0)

    network = FakeNetwork()
    run(network, scenario)
    assert network.prompts == [[0]]


def test_a_recording_without_speech_gets_its_receipt_and_no_turn_of_the_model() -> None:
    async def scenario(recognizer: WhisperRecognizer) -> None:
        [receipt] = await events_of(recognizer.submit(TranscriptionRequest(samples=np.zeros(16_000, np.float32))))
        assert isinstance(receipt, Finished)
        assert (receipt.language, receipt.num_windows, receipt.speech_s) == (None, 0, 0)

    network = FakeNetwork()
    run(network, scenario)
    assert network.batches == []


def test_windows_of_several_callers_share_a_turn() -> None:
    gate = Gate()
    network = FakeNetwork(gate)

    async def scenario(recognizer: WhisperRecognizer) -> None:
        first = asyncio.create_task(events_of(recognizer.submit(TranscriptionRequest(samples=spoken(1)))))
        await gate.begun()
        others = [
            asyncio.create_task(events_of(recognizer.submit(TranscriptionRequest(samples=spoken(seconds)))))
            for seconds in (2, 3, 4)
        ]
        while recognizer.stats().waiting_windows < len(others):
            await asyncio.sleep(0)
        gate.let_pass(100)
        assert texts(await first) == [" de 1"]
        assert [texts(await other) for other in others] == [[" de 2"], [" de 3"], [" de 4"]]

    run(network, scenario)
    assert [sorted(batch) for batch in network.batches] == [[1], [2, 3, 4]]
    assert len(network.threads) == 1


def test_a_sentence_is_transcribed_while_an_hour_of_speech_is() -> None:
    gate = Gate()
    network = FakeNetwork(gate)

    async def scenario(recognizer: WhisperRecognizer) -> None:
        hour = recognizer.submit(TranscriptionRequest(samples=spoken(3600), language="en"))
        await gate.begun()
        sentence = asyncio.create_task(
            events_of(recognizer.submit(TranscriptionRequest(samples=spoken(3), language="en")))
        )
        num_turns = 0
        while not sentence.done():
            gate.let_pass()
            num_turns += 1
            await gate.begun()
            await asyncio.sleep(0)
        assert texts(await sentence) == [" en 3"]
        assert num_turns < 40  # the hour alone takes 60
        await hour.aclose()
        gate.let_pass(100)

    run(network, scenario)


def test_no_window_of_a_cancelled_request_is_begun() -> None:
    gate = Gate()
    network = FakeNetwork(gate)

    async def scenario(recognizer: WhisperRecognizer) -> None:
        stream = recognizer.submit(TranscriptionRequest(samples=spoken(300), language="en"))
        await gate.begun()
        await stream.aclose()
        await stream.aclose()
        assert recognizer.stats().admitted_requests == 0
        gate.let_pass(100)
        assert texts(await events_of(recognizer.submit(TranscriptionRequest(samples=spoken(1), language="en")))) == [
            " en 1"
        ]

    run(network, scenario)
    assert network.batches[1:] == [[1.0]]


def test_a_window_that_is_cancelled_while_it_is_encoded_is_not_decoded_and_holds_up_no_other() -> None:
    gate = Gate()
    network = FakeNetwork(encoding=gate)

    async def scenario(recognizer: WhisperRecognizer) -> None:
        streams = [recognizer.submit(TranscriptionRequest(samples=spoken(1)))]
        await gate.begun()
        streams += [recognizer.submit(TranscriptionRequest(samples=spoken(seconds))) for seconds in (2, 3)]
        while recognizer.stats().waiting_windows < 2:
            await asyncio.sleep(0)
        await streams[0].aclose()
        gate.let_pass()
        await gate.begun()
        await streams[1].aclose()
        gate.let_pass(10)
        assert texts(await events_of(streams[2])) == [" de 3"]

    run(network, scenario)
    assert network.batches == [[3.0]]


def test_a_window_without_likely_text_is_decoded_again_alone_and_encoded_once() -> None:
    network = FakeNetwork(acceptable_at=0.4)

    async def scenario(recognizer: WhisperRecognizer) -> None:
        noise = TranscriptionRequest(samples=spoken(2, NOISE), language="en")
        events = await events_of(recognizer.submit(noise))
        [segment] = [event for event in events if isinstance(event, RecognizedSegment)]
        assert segment.temperature == 0.4
        receipt = events[-1]
        assert isinstance(receipt, Finished)
        assert receipt.num_fallbacks == 2

    run(network, scenario)
    assert network.temperatures == [0.0, 0.2, 0.4]
    assert network.num_encoded == 1


def test_the_likeliest_text_is_taken_where_no_temperature_gives_an_acceptable_one() -> None:
    network = FakeNetwork()

    async def scenario(recognizer: WhisperRecognizer) -> None:
        noise = TranscriptionRequest(samples=spoken(2, NOISE), language="en")
        assert texts(await events_of(recognizer.submit(noise))) == [" en 2"]

    run(network, scenario)
    assert network.temperatures == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]


def test_what_a_window_s_text_leaves_out_is_decoded_before_the_next_window() -> None:
    async def scenario(recognizer: WhisperRecognizer) -> None:
        events = await events_of(recognizer.submit(TranscriptionRequest(samples=spoken(50), language="en")))
        starts_s = [event.start_s for event in events if isinstance(event, RecognizedSegment)]
        assert np.allclose(starts_s, [0, 26, 30], atol=0.02)
        progress_s = [event.until_s for event in events if isinstance(event, Progress)]
        assert np.allclose(progress_s, [26, 30, 50], atol=0.02)
        receipt = events[-1]
        assert isinstance(receipt, Finished)
        assert abs(receipt.speech_s - 50) < 0.02

    run(FakeNetwork(unread_s=4), scenario)


@pytest.mark.parametrize(("unread_s", "tokens"), [(4.0, [(1,), (1, 2)]), (0.4, [(1, 2)]), (29.5, [(1, 2)])])
def test_an_unfinished_end_stays_in_the_text_where_no_turn_follows_for_it(
    unread_s: float, tokens: list[tuple[int, ...]]
) -> None:
    async def scenario(recognizer: WhisperRecognizer) -> None:
        events = await events_of(recognizer.submit(TranscriptionRequest(samples=spoken(30), language="en")))
        assert [event.tokens for event in events if isinstance(event, RecognizedSegment)] == tokens

    run(FakeNetwork(unread_s=unread_s), scenario)


def test_requests_with_different_prompts_do_not_share_a_turn() -> None:
    gate = Gate()
    network = FakeNetwork(gate)  # which refuses prompts of different lengths

    async def scenario(recognizer: WhisperRecognizer) -> None:
        requests = [TranscriptionRequest(samples=spoken(1), prompt=prompt) for prompt in ("", "a", "abc")]
        tasks = [asyncio.create_task(events_of(recognizer.submit(request))) for request in requests]
        gate.let_pass(100)
        assert [texts(await task) for task in tasks] == [[" de 1"]] * 3

    run(network, scenario)


@pytest.mark.parametrize(
    ("low_latency", "seconds", "value", "num_frames"),
    [
        (True, 3, SPEECH, [500]),
        (True, 5, SPEECH, [1000]),
        (True, 13, SPEECH, [1500]),
        (True, 13.1, SPEECH, [NUM_FRAMES]),
        (False, 5, SPEECH, [NUM_FRAMES]),
        (True, 5, NOISE, [1000, NUM_FRAMES, NUM_FRAMES]),
        (True, 5, BABBLE, [1000, NUM_FRAMES, NUM_FRAMES]),
        (False, 5, BABBLE, [NUM_FRAMES, NUM_FRAMES]),
    ],
)
def test_short_speech_has_little_context_where_it_is_wanted_soon_and_all_where_its_text_is_bad(
    low_latency: bool, seconds: float, value: float, num_frames: list[int]
) -> None:
    async def scenario(recognizer: WhisperRecognizer) -> None:
        request = TranscriptionRequest(samples=spoken(seconds, value), low_latency=low_latency)
        assert len(texts(await events_of(recognizer.submit(request)))) == 1

    network = FakeNetwork(acceptable_at=0.2)
    run(network, scenario)
    assert network.num_frames == num_frames
    assert network.num_encoded == len(set(num_frames))
    assert network.temperatures == ([0.0, 0.0, 0.2] if low_latency else [0.0, 0.2])[: len(num_frames)]


@pytest.mark.parametrize(("value", "expected"), [(SPEECH, [" de 5"]), (NOISE, []), (BABBLE, [])])
@pytest.mark.parametrize("low_latency", [True, False])
def test_a_draft_is_decoded_once_and_bad_text_left_out(value: float, expected: list[str], low_latency: bool) -> None:
    async def scenario(recognizer: WhisperRecognizer) -> None:
        request = TranscriptionRequest(samples=spoken(5, value), low_latency=low_latency, is_draft=True)
        assert texts(await events_of(recognizer.submit(request))) == expected

    network = FakeNetwork(acceptable_at=0.2)
    run(network, scenario)
    assert len(network.batches) == 1


@pytest.mark.parametrize(("seconds", "num_tokens"), [(0.2, 30), (4, 125), (30, 224)])
def test_the_text_of_short_speech_may_have_few_tokens(seconds: float, num_tokens: int) -> None:
    async def scenario(recognizer: WhisperRecognizer) -> None:
        await events_of(recognizer.submit(TranscriptionRequest(samples=spoken(seconds))))

    network = FakeNetwork()
    run(network, scenario)
    assert network.max_tokens == [num_tokens]


def test_less_than_a_tenth_of_a_second_is_no_speech_and_has_no_language() -> None:
    async def scenario(recognizer: WhisperRecognizer) -> None:
        [receipt] = await events_of(recognizer.submit(TranscriptionRequest(samples=spoken(0.09))))
        assert isinstance(receipt, Finished)
        assert (receipt.language, receipt.num_windows) == (None, 0)
        assert texts(await events_of(recognizer.submit(TranscriptionRequest(samples=spoken(0.1))))) == [" de 0.1"]

    run(FakeNetwork(), scenario)


def test_windows_with_little_and_with_all_context_share_no_turn() -> None:
    gate = Gate()

    async def scenario(recognizer: WhisperRecognizer) -> None:
        first = recognizer.submit(TranscriptionRequest(samples=spoken(1)))
        await gate.begun()
        others = [
            recognizer.submit(TranscriptionRequest(samples=spoken(seconds), low_latency=low_latency))
            for seconds, low_latency in ((5, True), (5, False), (5, True), (3, True))
        ]
        while recognizer.stats().waiting_windows < len(others):
            await asyncio.sleep(0)
        gate.let_pass(10)
        await asyncio.gather(*map(events_of, [first, *others]))

    network = FakeNetwork(gate)
    run(network, scenario)
    assert sorted(network.num_frames) == [500, 1000, NUM_FRAMES, NUM_FRAMES]


def test_a_failing_turn_fails_its_requests_and_no_others() -> None:
    def turn(seconds: list[float]) -> None:
        if 2.0 in seconds:
            raise ValueError("the device is on fire")

    async def scenario(recognizer: WhisperRecognizer) -> None:
        with pytest.raises(EngineFailure, match="on fire"):
            await events_of(recognizer.submit(TranscriptionRequest(samples=spoken(2))))
        assert texts(await events_of(recognizer.submit(TranscriptionRequest(samples=spoken(1))))) == [" de 1"]
        assert recognizer.stats().admitted_requests == 0

    run(FakeNetwork(turn), scenario)


def test_a_window_that_fails_with_others_fails_alone() -> None:
    gate = Gate()

    def turn(seconds: list[float]) -> None:
        gate(seconds)
        if 2.0 in seconds:
            raise ValueError("the device is on fire")

    async def scenario(recognizer: WhisperRecognizer) -> None:
        first = recognizer.submit(TranscriptionRequest(samples=spoken(1)))
        await gate.begun()
        streams = [recognizer.submit(TranscriptionRequest(samples=spoken(seconds))) for seconds in (2, 3, 4)]
        while recognizer.stats().waiting_windows < len(streams):
            await asyncio.sleep(0)
        gate.let_pass(10)
        assert texts(await events_of(first)) == [" de 1"]
        with pytest.raises(EngineFailure, match="on fire"):
            await events_of(streams[0])
        assert [texts(await events_of(stream)) for stream in streams[1:]] == [[" de 3"], [" de 4"]]

    network = FakeNetwork(turn)
    run(network, scenario)
    assert sorted(network.batches) == [[1.0], [3.0], [4.0]]


def test_one_request_more_than_may_wait_is_refused_with_a_time_to_come_back() -> None:
    gate = Gate()

    async def scenario(recognizer: WhisperRecognizer) -> None:
        request = TranscriptionRequest(samples=spoken(60))
        streams = [recognizer.submit(request) for _ in range(recognizer.info.max_admitted)]
        with pytest.raises(QueueFull) as refused:
            recognizer.submit(request)
        assert refused.value.retry_after_s == 24  # two requests share 5 s of recording a second
        await streams[0].aclose()
        gate.let_pass(100)
        assert texts(await events_of(recognizer.submit(request))) == [" de 30", " de 30"]
        await streams[1].aclose()

    run(FakeNetwork(gate), scenario, max_batch=1, max_queue=1)


def test_what_the_model_cannot_do_is_refused_at_once() -> None:
    class EnglishOnly(FakeNetwork):
        is_multilingual = False
        can_translate = False
        languages = ("en",)

    async def scenario(recognizer: WhisperRecognizer) -> None:
        with pytest.raises(UnsupportedLanguage, match="'de'"):
            recognizer.submit(TranscriptionRequest(samples=spoken(1), language="de"))
        with pytest.raises(InvalidField, match="cannot translate"):
            recognizer.submit(TranscriptionRequest(samples=spoken(1), task="translate"))
        assert texts(await events_of(recognizer.submit(TranscriptionRequest(samples=spoken(1))))) == [" en 1"]

    run(EnglishOnly(), scenario)


def test_closing_tells_open_streams_and_later_requests_that_the_server_stops() -> None:
    gate = Gate()
    network = FakeNetwork(gate)

    async def scenario() -> None:
        async with asyncio.timeout(60), opened(network) as recognizer:
            stream = recognizer.submit(TranscriptionRequest(samples=spoken(300)))
            await gate.begun()
            gate.let_pass(100)
            await recognizer.aclose()
            with pytest.raises(Draining):
                await events_of(stream)
            with pytest.raises(Draining):
                recognizer.submit(TranscriptionRequest(samples=spoken(1)))

    asyncio.run(scenario())
