"""Text in pieces, speech in order; taken back at once; bounded on both sides. Above the engine seam."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from app.engine.values import Samples
from app.errors import DeadlineExceeded, EngineFailure, QueueFull, TextTooLong, UnsupportedLanguage
from app.lifecycle import Lifecycle
from app.pools import TEXT
from app.settings import Settings
from app.speech.conversation import MAX_ADMITTED, MIN_COST_CHARS, PIECE_S, Conversation, Event, Marker, Warned
from app.speech.events import SegmentEnded, SegmentStarted
from app.speech.receipt import Receipt
from app.speech.request import SpeechRequest
from app.speech.service import SpeechService
from tests.support.fake_engine import RATE_HZ, FakeEngine


class Talk:
    """A conversation, its engine, and what its end was told."""

    def __init__(
        self,
        tmp_path: Path,
        *,
        timeout_s: float = 300.0,
        max_pending_chars: int = 1000,
        max_queue: int = 2,
        **request: object,
    ) -> None:
        self.engine = FakeEngine(max_queue=max_queue)
        settings = Settings(data=tmp_path, max_text_chars=1000, request_timeout_s=timeout_s)
        lifecycle = Lifecycle()
        lifecycle.is_ready()
        self.service = SpeechService(self.engine, settings, lifecycle)
        self.spoken: list[Receipt] = []
        self.conversation = Conversation(
            self.service,
            SpeechRequest(text="", seed=7, **request),  # type: ignore[arg-type]
            max_pending_chars=max_pending_chars,
            on_spoken=self.spoken.append,
            provenance=None,
        )
        self.events = self.conversation.events()

    @property
    def num_admitted(self) -> int:
        return self.engine.stats().admitted_requests

    async def next(self, kind: type | Marker) -> Event:
        """The next event of that kind; what comes before it is passed over."""
        async for event in self.events:
            if event is kind or (isinstance(kind, type) and isinstance(event, kind)):
                return event
        raise AssertionError(f"no {kind} came")

    async def rest(self) -> list[Event]:
        return [event async for event in self.events]


def run(tmp_path: Path, test: Callable[[Talk], Awaitable[None]], **options: object) -> None:
    @asynccontextmanager
    async def talk() -> AsyncIterator[Talk]:
        talk = Talk(tmp_path, **options)  # type: ignore[arg-type]
        try:
            yield talk
        finally:
            await talk.conversation.aclose()
            assert talk.num_admitted == 0
            assert talk.service._lifecycle.num_in_flight == 0
            await talk.events.aclose()
            await talk.service.aclose()

    async def main() -> None:
        async with talk() as running:
            await test(running)

    asyncio.run(main())


async def settled() -> None:
    """Everything that can happen without outside help has happened: sentences pass the text pool one by one."""
    for _ in range(20):
        for _ in range(50):
            await asyncio.sleep(0)
        await asyncio.gather(*(TEXT.run(lambda: None) for _ in range(2)))


async def wait_to_write(talk: Talk, text: str) -> None:
    talk.conversation.write(text)
    await talk.conversation.room()


def samples_of(events: list[Event]) -> Samples:
    return np.concatenate([event for event in events if isinstance(event, np.ndarray)])


def test_segments_are_numbered_and_timed_through_the_conversation(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        for word in ["One", "two", "three", "four.", "Five", "six", "seven.", "Eight", "nine", "ten", "eleven"]:
            talk.conversation.write(word + " ")
        talk.conversation.finish()
        events = await talk.rest()
        ended = [event for event in events if isinstance(event, SegmentEnded)]
        assert [(event.index, event.text) for event in ended] == [
            (0, "One two three four."),
            (1, "Five six seven."),
            (2, "Eight nine ten eleven"),
        ]
        started = [event for event in events if isinstance(event, SegmentStarted)]
        assert [(s.index, s.text, s.start_s) for s in started] == [(e.index, e.text, e.start_s) for e in ended]
        audio = samples_of(events)
        assert talk.conversation.num_given == len(audio) == round(ended[-1].end_s * RATE_HZ)
        for before, after in itertools.pairwise(ended):
            pause = audio[round(before.end_s * RATE_HZ) : round(after.start_s * RATE_HZ)]
            assert len(pause) == 0.26 * RATE_HZ
            assert not pause.any()
        assert [request.sampling.seed for request in talk.engine.requests] == [7, 8, 9]
        assert [round(receipt.delivered_s, 6) for receipt in talk.spoken] == [
            round(ended[0].end_s, 6),
            round(ended[1].end_s - ended[0].end_s, 6),
            round(ended[2].end_s - ended[1].end_s, 6),
        ]

    run(tmp_path, test)


def test_audio_comes_in_pieces_of_a_tenth_of_a_second_at_most(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        talk.conversation.write("These are quite a few words for a sentence. ")
        talk.conversation.finish()
        sizes = [len(event) for event in await talk.rest() if isinstance(event, np.ndarray)]
        assert len(sizes) > 5
        assert max(sizes) <= PIECE_S * RATE_HZ

    run(tmp_path, test)


def test_a_sentence_is_heard_before_the_next_one_is_whole(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        talk.conversation.write("The first sentence is whole. The next ")
        ended = await talk.next(SegmentEnded)
        assert isinstance(ended, SegmentEnded)
        assert ended.text == "The first sentence is whole."

    run(tmp_path, test)


def test_flush_speaks_what_has_no_end_and_says_when_it_was_spoken(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        talk.conversation.write("No end of this")
        talk.conversation.flush()
        ended = await talk.next(SegmentEnded)
        assert isinstance(ended, SegmentEnded)
        assert ended.text == "No end of this"
        assert await talk.next(Marker.FLUSHED) is Marker.FLUSHED
        talk.conversation.write("and it goes on")
        talk.conversation.finish()
        assert [event.text for event in await talk.rest() if isinstance(event, SegmentEnded)] == ["and it goes on"]

    run(tmp_path, test)


def test_after_cancel_nothing_of_before_is_heard_and_the_conversation_goes_on(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        talk.conversation.write("This is heard only in part, and what comes is not. This neither is heard. And th")
        first = await talk.next(np.ndarray)
        assert isinstance(first, np.ndarray)
        await talk.conversation.cancel()
        assert talk.num_admitted == 0
        assert await anext(talk.events) is Marker.CANCELLED
        talk.conversation.write("Something else is said. ")
        talk.conversation.finish()
        events = await talk.rest()
        assert [event.text for event in events if isinstance(event, SegmentEnded)] == ["Something else is said."]
        assert talk.conversation.num_given == len(first) + len(samples_of(events))

    run(tmp_path, test)


def test_the_first_sentence_after_cancel_begins_without_the_pause_of_the_one_before(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        talk.conversation.write("This is the first one. ")
        talk.conversation.flush()
        await talk.next(Marker.FLUSHED)
        await talk.conversation.cancel()
        await talk.next(Marker.CANCELLED)
        before_s = talk.conversation.given_s
        talk.conversation.write("Now comes another one. ")
        talk.conversation.flush()
        started = await talk.next(SegmentStarted)
        assert isinstance(started, SegmentStarted)
        assert started.start_s == before_s

    run(tmp_path, test)


def test_cancel_after_the_last_sentence_was_heard_takes_nothing_back(tmp_path: Path) -> None:
    """Text that was heard is counted as spoken once."""

    async def test(talk: Talk) -> None:
        talk.conversation.write("This is the first one. ")
        talk.conversation.flush()
        await talk.next(Marker.FLUSHED)
        assert talk.conversation._current is None
        await talk.conversation.cancel()
        assert len(talk.spoken) == 1
        assert talk.conversation._backlog._num_chars == MIN_COST_CHARS  # Marker.CANCELLED alone

    run(tmp_path, test)


def test_cancel_ends_the_wait_for_audio_that_does_not_come(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        talk.conversation.write("All of you wait for this one. And for another one please. ")
        waiting = asyncio.create_task(anext(talk.events))
        await settled()
        assert talk.num_admitted == 1
        await talk.conversation.cancel()
        assert await waiting is Marker.CANCELLED
        assert talk.num_admitted == 0

    run(tmp_path, test)


def test_cancel_twice_and_before_anything_was_said_does_no_harm(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        await talk.conversation.cancel()
        await talk.conversation.cancel()
        talk.conversation.write("And now to something. ")
        talk.conversation.finish()
        events = await talk.rest()
        assert events[:2] == [Marker.CANCELLED, Marker.CANCELLED]
        assert [event.text for event in events if isinstance(event, SegmentEnded)] == ["And now to something."]

    run(tmp_path, test)


@pytest.mark.parametrize(("max_queue", "num_held"), [(10, MAX_ADMITTED), (2, 1)])
def test_the_next_sentence_is_ready_unless_others_need_the_place(tmp_path: Path, max_queue: int, num_held: int) -> None:
    async def test(talk: Talk) -> None:
        for number in range(6):
            talk.conversation.write(f"This is sentence number {number} of six. ")
        talk.conversation.flush()
        await settled()
        assert talk.num_admitted == num_held
        assert (await talk.next(Marker.FLUSHED), talk.num_admitted) == (Marker.FLUSHED, 0)

    run(tmp_path, test, max_queue=max_queue)


def test_who_writes_faster_than_speech_waits(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        writing = asyncio.create_task(wait_to_write(talk, "These are more words than may be pending here. More. "))
        await settled()
        assert not writing.done()
        talk.conversation.finish()
        heard = asyncio.create_task(talk.rest())
        await writing
        await heard

    run(tmp_path, test, max_pending_chars=40)


def test_cancel_lets_go_who_waits_to_write(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        writing = asyncio.create_task(wait_to_write(talk, "Please wait, with more words than may be pending. A b"))
        await settled()
        assert not writing.done()
        await talk.conversation.cancel()
        await writing

    run(tmp_path, test, max_pending_chars=40)


def test_one_loudness_for_all(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        talk.conversation.write("One two three four. Five six seven eight. ")
        talk.conversation.finish()
        events = await talk.rest()
        audio = samples_of(events)
        first, second = (event for event in events if isinstance(event, SegmentEnded))
        middle = [audio[round((e.start_s + 0.1) * RATE_HZ) : round((e.end_s - 0.1) * RATE_HZ)] for e in (first, second)]
        assert np.abs(middle[0]).max() == pytest.approx(np.abs(middle[1]).max(), rel=1e-3)

    run(tmp_path, test)


def test_what_cannot_be_spoken_is_a_warning_once_and_the_rest_is_heard(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        talk.conversation.write("***")
        talk.conversation.flush()
        talk.conversation.write("The 世 is round, they say. The 世 is flat, they said. ")
        talk.conversation.finish()
        events = await talk.rest()
        assert len([event for event in events if isinstance(event, SegmentEnded)]) == 2
        warnings = [event.message for event in events if isinstance(event, Warned)]
        assert warnings == [
            "the text has nothing that can be spoken",
            "top_k has no effect on the fake engine",
            "not spoken, because the fake engine cannot: 世",
        ]

    run(tmp_path, test, top_k=5)


def test_a_failure_of_the_engine_ends_the_events(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        talk.conversation.write("All is well here so far. This will fail for sure. And this comes too late. ")
        talk.conversation.finish()
        with pytest.raises(EngineFailure):
            await talk.rest()

    run(tmp_path, test)


def test_a_full_engine_refuses_who_has_not_been_heard_and_waits_with_who_has(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        talk.conversation.write("This one is spoken first.")
        talk.conversation.flush()
        await talk.next(Marker.FLUSHED)
        others = [await talk.service.admit(SpeechRequest(text="Please wait.")) for _ in range(4)]
        with pytest.raises(QueueFull):
            await talk.service.admit(SpeechRequest(text="One too many."))
        talk.conversation.write("Then comes this. ")
        talk.conversation.finish()
        heard = asyncio.create_task(talk.rest())
        await settled()
        assert not heard.done()
        await others.pop().aclose()
        assert [event.text for event in await heard if isinstance(event, SegmentEnded)] == ["Then comes this."]
        for other in others:
            await other.aclose()

        refused = [await talk.service.admit(SpeechRequest(text="Please wait.")) for _ in range(4)]
        late = Conversation(
            talk.service, SpeechRequest(text=""), max_pending_chars=100, on_spoken=lambda _: None, provenance=None
        )
        late.write("Nobody hears this. ")
        late.finish()
        with pytest.raises(QueueFull):
            _ = [event async for event in late.events()]
        await late.aclose()
        for other in refused:
            await other.aclose()

    run(tmp_path, test)


def test_the_wait_for_a_place_has_an_end(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        talk.conversation.write("This one is spoken first.")
        talk.conversation.flush()
        await talk.next(Marker.FLUSHED)
        others = [await talk.service.admit(SpeechRequest(text="Please wait.")) for _ in range(4)]
        talk.conversation.write("Then comes this. ")
        talk.conversation.finish()
        with pytest.raises(DeadlineExceeded, match="no place"):
            await talk.rest()
        for other in others:
            await other.aclose()

    run(tmp_path, test, timeout_s=0.05)


def test_one_message_may_not_hold_more_than_a_request(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        with pytest.raises(TextTooLong):
            talk.conversation.write("x" * 1001)

    run(tmp_path, test)


def test_an_unknown_language_is_told_before_anything_is_started(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(UnsupportedLanguage):
            Talk(tmp_path, language="fr")

    asyncio.run(main())


def test_a_segment_that_was_begun_and_cancelled_keeps_its_number(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        talk.conversation.write("This is heard only in its beginning, and then no more. And th")
        first = await talk.next(SegmentStarted)
        await talk.conversation.cancel()
        talk.conversation.write("Something else is said. ")
        talk.conversation.finish()
        second = await talk.next(SegmentStarted)
        assert isinstance(first, SegmentStarted)
        assert isinstance(second, SegmentStarted)
        assert (first.index, second.index) == (0, 1)

    run(tmp_path, test)


@pytest.mark.parametrize("what", ["sentences", "flushes", "cancels"])
def test_what_nobody_takes_is_not_kept_without_end(tmp_path: Path, what: str) -> None:
    async def test(talk: Talk) -> None:
        with pytest.raises(TextTooLong, match="waiting to be spoken"):
            for _ in range(100):
                if what == "sentences":
                    talk.conversation.write("Nobody takes any of this. ")
                elif what == "flushes":
                    talk.conversation.flush()
                else:
                    await talk.conversation.cancel()

    run(tmp_path, test, max_pending_chars=100)


def test_a_written_pause_between_two_sentences_replaces_that_of_their_boundary(tmp_path: Path) -> None:
    async def talk(talk: Talk) -> None:
        talk.conversation.write("The first sentence is here. [pause 2s] The second one follows.")
        talk.conversation.finish()
        first, second = [event for event in await talk.rest() if isinstance(event, SegmentEnded)]
        assert (first.text, second.text) == ("The first sentence is here.", "The second one follows.")
        assert second.start_s - first.end_s == pytest.approx(2.0, abs=1e-6)

    run(tmp_path, talk)


def test_items_of_a_list_and_rows_of_a_table_are_segments_of_their_own(tmp_path: Path) -> None:
    async def talk(talk: Talk) -> None:
        for piece in (
            "Do this now:\n- Open the",
            " door\n- Go straight in\n",
            "\n| Name | Age |\n|---|---|\n| Ada | 36 |",
        ):
            talk.conversation.write(piece)
        talk.conversation.finish()
        events = await talk.rest()
        texts = [event.text for event in events if isinstance(event, SegmentEnded)]
        assert texts == ["Do this now:", "Open the door", "Go straight in", "Name, Age", "Ada, 36"]

    run(tmp_path, talk)


def test_marks_of_markdown_are_not_heard_and_those_of_ssml_end_nothing(tmp_path: Path) -> None:
    async def talk(talk: Talk) -> None:
        talk.conversation.write("<speak>The **first** sentence is here. The second one follows.</speak>")
        talk.conversation.finish()
        events = await talk.rest()
        texts = [event.text for event in events if isinstance(event, SegmentEnded)]
        assert texts == ["The first sentence is here.", "The second one follows."]
        assert any(isinstance(event, Warned) and "<speak>" in event.message for event in events)

    run(tmp_path, talk)


def test_a_turn_is_spoken_in_its_voice_and_ends_the_sentence_before(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        talk.conversation.write("Who lives")
        talk.conversation.begin_turn("harald")
        talk.conversation.write("Nobody does. Not for ")
        talk.conversation.write("years")
        talk.conversation.begin_turn("heart")
        talk.conversation.write("I see.")
        talk.conversation.finish()
        ended = [event.text for event in await talk.rest() if isinstance(event, SegmentEnded)]
        assert ended == ["Who lives", "Nobody does. Not for years", "I see."]
        assert [request.voice.id for request in talk.engine.requests] == ["heart", "harald", "heart"]

    run(tmp_path, test, speaker_id="heart")


def test_a_cancelled_turn_leaves_its_voice_to_the_text_that_follows(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        talk.conversation.begin_turn("harald")
        talk.conversation.write("Please wait for me now. And")
        await settled()
        await talk.conversation.cancel()
        talk.conversation.write("Nobody does.")
        talk.conversation.finish()
        await talk.rest()
        assert [request.voice.id for request in talk.engine.requests][-1] == "harald"

    run(tmp_path, test, speaker_id="heart")
