"""Alignment on a FakeNetwork: batches, turns with transcription, admission, cancellation, failures."""

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable

import msgspec
import numpy as np
import pytest

from app.asr.aligner import MAX_WAITING
from app.asr.alignment import Alignment, KnownSpeech
from app.asr.base import TranscriptionRequest
from app.asr.recognizer import WhisperRecognizer
from app.asr.scoring import MAX_CALL_TOKENS, MAX_PADDING
from app.asr.verdict import judge
from app.errors import Draining, EngineFailure, QueueFull, UnsupportedLanguage
from app.pools import LOWEST_PRIORITY, NICENESS, TRANSCRIPTION_NICENESS
from tests.support.fake_network import FakeNetwork, find_speech, spoken
from tests.support.recognizing import events_of, opened, texts


def speech(text: str = "red cat", seconds: float = 2.0, language: str = "en", said: str | None = None) -> KnownSpeech:
    return KnownSpeech(samples=spoken(seconds), written=text, spoken=said or text, language=language, finds_edits=True)


def run(network: FakeNetwork, scenario: Callable[[WhisperRecognizer], Awaitable[None]], **options: int) -> None:
    async def whole() -> None:
        async with asyncio.timeout(60), opened(network, **options) as recognizer:
            await scenario(recognizer)

    asyncio.run(whole())


def aligned(network: FakeNetwork, *known: KnownSpeech) -> list[Alignment | None]:
    results: list[Alignment | None] = []

    async def scenario(recognizer: WhisperRecognizer) -> None:
        results.extend(await recognizer.align(known))

    run(network, scenario)
    return results


def test_each_word_has_its_time_and_its_probability() -> None:
    [alignment] = aligned(FakeNetwork(unheard="b"), speech("no boat"))
    assert alignment is not None
    assert [word.text for word in alignment.words] == ["no", "boat"]
    assert [round(word.probability, 3) for word in alignment.words] == [1.0, 0.001]
    first, second = alignment.words
    assert 0 <= first.start_s <= first.end_s <= second.start_s <= second.end_s <= 2.0


def test_a_number_is_known_in_both_forms_and_the_likelier_one_counts() -> None:
    network = FakeNetwork(unheard="1")
    [alignment] = aligned(network, speech("17 boats", said="seventeen boats"))
    assert alignment is not None
    assert [(word.text, round(word.probability, 3)) for word in alignment.words] == [("17", 1.0), ("boats", 1.0)]
    assert network.aligned[0] == [" 17 boats."]
    assert sorted(network.aligned[1]) == sorted(["seventeenboats", " seventeen boats."])


def test_a_number_that_is_likely_as_it_is_written_is_not_read_as_it_is_said() -> None:
    network = FakeNetwork(unheard="x")
    aligned(network, speech("17 boats", said="seventeen boats"))
    assert network.aligned == [[" 17 boats."], ["seventeenboats"]]


def test_letters_that_are_not_said_leave_a_likelier_text_and_so_a_missing_word() -> None:
    [alignment] = aligned(FakeNetwork(unheard="x"), speech("the red axe ran."))
    assert alignment is not None
    [edit] = alignment.edits
    assert (edit.kind, edit.first, edit.last) == ("missing", 2, 2)
    assert edit.gain > 5


@pytest.mark.parametrize(
    ("text", "without"), [("red axe.", " red."), ("red axe?'", " red?"), ("red axe:", " red,"), ("red axe", " red.")]
)
def test_marks_at_the_end_stay_behind_a_text_without_its_last_word(text: str, without: str) -> None:
    network = FakeNetwork(unheard="x")
    aligned(network, speech(text))
    assert without in network.aligned[2]


@pytest.mark.parametrize(
    "known", [speech("…"), speech(""), speech(seconds=30.5), speech(seconds=0), speech("word " * 100)]
)
def test_speech_that_cannot_be_aligned_has_no_alignment_and_disturbs_no_other(known: KnownSpeech) -> None:
    [none, alignment] = aligned(FakeNetwork(), known, speech())
    assert none is None
    assert alignment is not None


def test_calls_of_the_model_are_bounded_and_their_texts_about_equally_long() -> None:
    network = FakeNetwork(unheard="x")
    text = " ".join(["axe", "fox", "red", "box"] * 3)
    aligned(network, *[speech(text, seconds=10.0)] * 3)
    lengths = [[len(row) for row in rows] for rows in network.aligned]
    assert len(lengths) > 3
    assert all(len(rows) * max(rows) <= MAX_CALL_TOKENS or len(rows) == 1 for rows in lengths)
    assert all(max(rows) - min(rows) <= MAX_PADDING for rows in lengths)
    assert max(map(len, lengths)) > 1


def test_a_text_is_not_read_again_for_its_differences() -> None:
    network = FakeNetwork(unheard="x")
    aligned(network, speech("the red axe ran."))
    assert " the red axe ran." in network.aligned[0]
    assert " the red ran." in network.aligned[2]
    assert " the red axe ran." not in network.aligned[2]


def test_segments_of_several_callers_share_an_encoder_pass() -> None:
    gate, has_begun = threading.Semaphore(0), threading.Semaphore(0)

    def turn(_: list[float]) -> None:
        has_begun.release()
        assert gate.acquire(timeout=60)

    network = FakeNetwork(turn)

    async def scenario(recognizer: WhisperRecognizer) -> None:
        first = asyncio.create_task(recognizer.align([speech()]))
        assert await asyncio.to_thread(has_begun.acquire, timeout=60)
        others = [asyncio.create_task(recognizer.align([speech(seconds=seconds)])) for seconds in (2.4, 2.6)]
        while network_waits(recognizer) < len(others):
            await asyncio.sleep(0.001)
        gate.release(100)
        await asyncio.gather(first, *others)

    run(network, scenario)
    assert [len(rows) for rows in network.aligned] == [1, 1, 2, 2]
    assert len(network.threads) == 1


def network_waits(recognizer: WhisperRecognizer) -> int:
    """Jobs that the model's thread will find in its inbox."""
    return recognizer._model_loop._inbox.qsize()


def test_speech_is_aligned_while_a_long_recording_is_transcribed() -> None:
    network = FakeNetwork()

    async def scenario(recognizer: WhisperRecognizer) -> None:
        recording = recognizer.submit(TranscriptionRequest(samples=spoken(900), language="en"))
        [alignment] = await recognizer.align([speech()])
        assert alignment is not None
        assert sum(map(len, network.batches)) < 30
        await recording.aclose()

    run(network, scenario)


def test_a_transcription_goes_on_after_an_alignment() -> None:
    async def scenario(recognizer: WhisperRecognizer) -> None:
        await recognizer.align([speech()])
        assert texts(await events_of(recognizer.submit(TranscriptionRequest(samples=spoken(1))))) == [" de 1"]

    run(FakeNetwork(), scenario)


def test_more_segments_than_may_wait_are_refused_at_once() -> None:
    gate = threading.Semaphore(0)

    async def scenario(recognizer: WhisperRecognizer) -> None:
        first = asyncio.create_task(recognizer.align([speech()] * MAX_WAITING))
        await asyncio.sleep(0)
        with pytest.raises(QueueFull) as refused:
            await recognizer.align([speech()])
        assert refused.value.retry_after_s > 0
        gate.release(1000)
        assert len(await first) == MAX_WAITING
        assert await recognizer.align([speech()])

    run(FakeNetwork(lambda _: assert_taken(gate)), scenario)


def assert_taken(gate: threading.Semaphore) -> None:
    assert gate.acquire(timeout=60)


def test_a_caller_that_leaves_gives_its_place_back_and_its_segments_are_not_begun() -> None:
    gate, has_begun = threading.Semaphore(0), threading.Semaphore(0)

    def turn(_: list[float]) -> None:
        has_begun.release()
        assert gate.acquire(timeout=60)

    network = FakeNetwork(turn)

    async def scenario(recognizer: WhisperRecognizer) -> None:
        leaving = asyncio.create_task(recognizer.align([speech()] * MAX_WAITING))
        assert await asyncio.to_thread(has_begun.acquire, timeout=60)
        leaving.cancel()
        await asyncio.wait((leaving,))
        gate.release(1000)
        assert await recognizer.align([speech()] * 2)

    run(network, scenario)
    assert sum(len(rows) for rows in network.aligned) <= 2 * (2 + 2)


def test_more_speech_under_way_takes_longer_and_ended_speech_is_forgotten() -> None:
    gate, has_begun = threading.Semaphore(0), threading.Semaphore(0)

    def turn(_: list[float]) -> None:
        has_begun.release()
        assert gate.acquire(timeout=60)

    async def scenario(recognizer: WhisperRecognizer) -> None:
        alone_s = recognizer.seconds_to_align(2.0)
        first = asyncio.create_task(recognizer.align([speech(seconds=20.0)]))
        assert await asyncio.to_thread(has_begun.acquire, timeout=60)
        assert recognizer.seconds_to_align(2.0) > 10 * alone_s
        gate.release(100)
        await first
        assert recognizer.seconds_to_align(0.0) == 0.0

    run(FakeNetwork(turn), scenario)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a niceness for each thread")
def test_the_models_library_starts_its_threads_below_speech_and_python_runs_beside_speech() -> None:
    found: list[int] = []

    def note(*_: object) -> None:
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    def make() -> FakeNetwork:
        note()
        return FakeNetwork(note)

    async def scenario() -> None:
        recognizer = WhisperRecognizer(
            make, find_speech=find_speech, model="fake", device="none", max_batch=1, max_per_request=1, max_queue=1
        )
        await recognizer.align([speech()])
        await recognizer.aclose()

    asyncio.run(scenario())
    own = os.getpriority(os.PRIO_PROCESS, os.getpid())
    assert found[:2] == [min(own + TRANSCRIPTION_NICENESS, LOWEST_PRIORITY), min(own + NICENESS, LOWEST_PRIORITY)]


def test_an_unknown_language_is_refused() -> None:
    async def scenario(recognizer: WhisperRecognizer) -> None:
        with pytest.raises(UnsupportedLanguage, match="'tlh'"):
            await recognizer.align([speech(language="tlh")])

    run(FakeNetwork(), scenario)


def test_a_failure_of_the_model_reaches_the_caller_and_the_next_one_is_served() -> None:
    failures = iter([RuntimeError("no memory")])

    def turn(_: list[float]) -> None:
        for failure in failures:
            raise failure

    async def scenario(recognizer: WhisperRecognizer) -> None:
        with pytest.raises(EngineFailure, match="no memory"):
            await recognizer.align([speech()])
        assert await recognizer.align([speech()])

    run(FakeNetwork(turn), scenario)


def test_callers_that_wait_when_the_recogniser_is_closed_are_told() -> None:
    gate, has_begun = threading.Semaphore(0), threading.Semaphore(0)

    def turn(_: list[float]) -> None:
        has_begun.release()
        assert gate.acquire(timeout=60)

    async def scenario(recognizer: WhisperRecognizer) -> None:
        waiting = asyncio.create_task(recognizer.align([speech()]))
        assert await asyncio.to_thread(has_begun.acquire, timeout=60)
        closing = asyncio.create_task(recognizer.aclose())
        with pytest.raises(Draining):
            await waiting
        gate.release(100)
        await closing
        with pytest.raises(Draining):
            await recognizer.align([speech()])

    run(FakeNetwork(turn), scenario)


def test_integers_and_floats_are_the_same_speech() -> None:
    network = FakeNetwork()
    as_integers = KnownSpeech(
        samples=np.full(32_000, 16_384, np.int16), written="red cat", spoken="red cat", language="en"
    )
    one, other = aligned(network, as_integers, speech())
    assert one == other


def test_differences_are_tried_and_a_transcript_is_made_only_for_a_check_and_where_a_word_is_unlikely() -> None:
    network = FakeNetwork(unheard="x", heard="the red big axe ran.")
    likely, unlikely = speech("the red cow ran."), speech("the red axe ran.")
    [unasked, _] = aligned(network, *(msgspec.structs.replace(each, finds_edits=False) for each in (unlikely, likely)))
    assert unasked is not None
    assert unasked.edits == ()
    assert network.transcribed == []
    assert " the red ran." not in [text for texts in network.aligned for text in texts]
    aligned(network, likely, unlikely)
    assert len(network.transcribed) == 1


def test_a_word_that_only_the_transcript_has_is_kept_where_the_text_with_it_is_likelier() -> None:
    """In the FakeNetwork a longer text is as likely, so the words in doubt are left to be missing."""
    network = FakeNetwork(unheard="x", heard="the red big axe ran.")
    aligned(network, speech("the red axe ran."))
    assert " the red big axe ran." in network.aligned[2]
    assert network.transcribed[0] > len(" the red axe ran.")


@pytest.mark.parametrize(
    ("transcript", "outcome"), [("red axe cow", "failed"), ("all quite different", "inconclusive")]
)
def test_an_alignment_says_how_like_the_text_a_transcript_is(transcript: str, outcome: str) -> None:
    [alignment, likely] = aligned(FakeNetwork(unheard="x", heard=transcript), speech("red axe cow fox"), speech())
    assert alignment is not None
    assert likely is not None
    assert likely.likeness == 1.0
    assert judge(alignment).outcome == outcome


def test_a_part_of_a_last_number_is_tried_without_the_mark_behind_it() -> None:
    network = FakeNetwork(unheard="9t")
    aligned(network, speech("sold in 29.", said="sold in twenty nine."))
    read = [text for texts in network.aligned for text in texts]
    assert " sold in nine." in read
    assert " sold in nine.." not in read


def test_a_text_with_a_difference_is_read_to_some_tokens_behind_it() -> None:
    network = FakeNetwork(unheard="x", heard="the red ran over the hills and far away")
    [alignment] = aligned(network, speech("the red axe ran over the hills and far away.", seconds=5.0))
    assert " the red ran over the" in network.aligned[2]
    assert all(len(text) <= len(" the red axe red axe ran over the hills") for text in network.aligned[2])
    assert alignment is not None
    [edit] = alignment.edits
    assert (edit.first, edit.last) == (2, 2)
    assert edit.gain == pytest.approx(-np.log(0.001))
