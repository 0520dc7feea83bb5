"""Order of service, counted in steps: short texts beside long ones, streams beside cloning, callers after the end."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from app.audio.reference import ReferenceClip
from app.engine.admission import MAX_CLONES
from app.engine.scheduler import Request
from app.engine.values import SamplingParams
from app.engine.xtts.cloning import CloneVoice
from app.engine.xtts.engine import XttsEngine
from app.engine.xtts.messages import Cancel, Speak, Stop
from app.engine.xtts.runaway import Guards
from app.errors import Draining, QueueFull
from app.lifecycle import Lifecycle
from app.settings import Settings
from app.speech.request import SpeechRequest
from app.speech.service import SpeechService
from app.speech.warm_up import warm_up
from app.text.segments import Boundary, Segment
from tests.support.requests import RecordingSink, admitted, prepared

SENTENCE = "The fox went home over the hills."
GOAL_FIRST_SAMPLES_STEPS = 12


@pytest.fixture(scope="module")
def run(tiny_checkpoint: Path) -> Callable[..., None]:
    def run(scenario: Callable[[XttsEngine], Awaitable[None]], **options: object) -> None:
        async def main() -> None:
            engine = await asyncio.to_thread(lambda: XttsEngine(tiny_checkpoint, **options))  # type: ignore[arg-type]
            try:
                await scenario(engine)
            finally:
                await engine.aclose()

        asyncio.run(main())

    return run


def request(engine: XttsEngine, num_segments: int = 1, *, streaming: bool = True) -> Request:
    return Request(
        sequences=prepared(engine, *[SENTENCE] * num_segments),
        voice=engine.voice("ada tiny"),
        sampling=SamplingParams(seed=7),
        streaming=streaming,
    )


def clip(number: int, seconds: float = 1.0) -> ReferenceClip:
    noise = np.random.default_rng(number).normal(0, 0.1, round(22050 * seconds)).astype(np.float32)
    return ReferenceClip(samples=noise, sample_rate_hz=22050, sha256=f"{number}")


def keep_pace_with_the_loop(engine: XttsEngine) -> None:
    """From now on each step waits until the event loop has run what came before it.

    So the number of steps until something happens on the loop does not depend on the load of the machine.
    """
    loop = asyncio.get_running_loop()

    def wait(*_: object) -> None:
        is_caught_up = threading.Event()

        def turn(left: int) -> None:
            if left:
                loop.call_soon(turn, left - 1)  # a callback wakes a task, which runs in the next turn
            else:
                is_caught_up.set()

        loop.call_soon_threadsafe(turn, 3)
        assert is_caught_up.wait(30)

    engine._checkpoint.networks.decoder.final_norm.register_forward_pre_hook(wait)


async def steps_to_first_chunk(engine: XttsEngine) -> int:
    began_at = engine.stats().decode_steps
    stream = engine.submit(request(engine))
    await anext(stream)
    await stream.aclose()
    return engine.stats().decode_steps - began_at


@pytest.mark.slow
@pytest.mark.parametrize("streaming", [True, False], ids=["a stream", "a whole answer"])
def test_the_first_chunk_beside_a_text_of_100_segments_takes_at_most_half_as_many_steps_again(
    run: Callable[..., None], *, streaming: bool
) -> None:
    async def scenario(engine: XttsEngine) -> None:
        keep_pace_with_the_loop(engine)
        alone = await steps_to_first_chunk(engine)
        long = engine.submit(request(engine, 100, streaming=streaming))
        taking = asyncio.create_task(take_all(long))
        while engine.stats().busy_slots < (6 if streaming else 14):
            await asyncio.sleep(0)
        beside = [await steps_to_first_chunk(engine) for _ in range(5)]
        assert max(beside) <= 1.5 * alone, (alone, beside)
        taking.cancel()
        await long.aclose()

    run(scenario, guards=Guards(exact_codes=110))


async def take_all(stream: object) -> None:
    async for _ in stream:  # type: ignore[attr-defined]
        pass


@pytest.mark.slow
def test_the_first_samples_of_a_stream_leave_the_service_after_at_most_12_steps(
    run: Callable[..., None], tmp_path: Path
) -> None:
    async def scenario(engine: XttsEngine) -> None:
        await warm_up(engine)
        keep_pace_with_the_loop(engine)
        lifecycle = Lifecycle()
        lifecycle.is_ready()
        service = SpeechService(engine, Settings(data=tmp_path), lifecycle)
        began_at = engine.stats().decode_steps
        speech = await service.speak(SpeechRequest(text=SENTENCE, seed=7, streaming=True))
        assert engine.stats().decode_steps - began_at <= GOAL_FIRST_SAMPLES_STEPS
        await speech.aclose()

    run(scenario, guards=Guards(exact_codes=110))


@pytest.mark.slow
def test_the_first_answer_of_a_voice_has_the_samples_of_every_later_one_streamed_or_whole(
    run: Callable[..., None], tmp_path: Path
) -> None:
    heard: list[np.ndarray] = []

    async def scenario(engine: XttsEngine) -> None:
        lifecycle = Lifecycle()
        lifecycle.is_ready()
        service = SpeechService(engine, Settings(data=tmp_path), lifecycle)
        for streaming in (is_first_streamed, not is_first_streamed):
            asked = SpeechRequest(text=SENTENCE, seed=7, streaming=streaming, speaker_id="Björn Small")
            heard.append(await (await service.speak(asked)).collect())

    for is_first_streamed in (True, False):  # noqa: B007 - read by the scenario
        run(scenario)
    for other in heard[1:]:
        np.testing.assert_array_equal(heard[0], other)


@pytest.mark.slow
def test_a_stream_is_spoken_to_its_end_beside_three_callers_who_clone_without_end(run: Callable[..., None]) -> None:
    async def scenario(engine: XttsEngine) -> None:
        number = num_cloned = 0

        async def clone_without_end() -> None:
            nonlocal number, num_cloned
            while True:
                number += 1
                await engine.clone([clip(number)])
                num_cloned += 1

        loopers = [asyncio.create_task(clone_without_end()) for _ in range(3)]
        while num_cloned < 3:
            await asyncio.sleep(0)
        began_with = num_cloned
        chunks = [chunk async for chunk in engine.submit(request(engine, 2))]
        assert sum(chunk.is_last for chunk in chunks) == 2
        while num_cloned <= began_with:
            await asyncio.sleep(0)
        for looper in loopers:
            looper.cancel()
        await asyncio.wait(loopers)
        assert engine.stats().admitted_requests == 0

    run(scenario)


def test_a_clone_leaves_the_queue_when_its_last_caller_has_left(run: Callable[..., None]) -> None:
    async def scenario(engine: XttsEngine) -> None:
        first = asyncio.create_task(engine.clone([clip(0, 30.0)]))
        waiting = [asyncio.create_task(engine.clone([clip(1)])) for _ in range(2)]
        await asyncio.sleep(0)
        assert engine.stats().admitted_requests == 2
        waiting[0].cancel()
        await asyncio.wait(waiting[:1])
        assert engine.stats().admitted_requests == 2
        for task in (waiting[1], first):
            task.cancel()
        await asyncio.wait([first, *waiting])
        assert engine.stats().admitted_requests == 0
        assert (await engine.clone([clip(1)])).conditioning is not None
        assert not engine._engine_loop._cloning.has_work

    run(scenario)


def test_one_clone_more_than_fits_is_refused_at_once(run: Callable[..., None]) -> None:
    async def scenario(engine: XttsEngine) -> None:
        waiting = [asyncio.create_task(engine.clone([clip(number, 30.0)])) for number in range(MAX_CLONES)]
        await asyncio.sleep(0)
        with pytest.raises(QueueFull) as refused:
            await engine.clone([clip(99)])
        assert refused.value.retry_after_s >= 1
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)

    run(scenario)


def test_a_message_that_comes_after_the_end_of_the_loop_is_refused(run: Callable[..., None]) -> None:
    """`submit` may have looked whether the engine is closed just before it was."""

    async def scenario(engine: XttsEngine) -> None:
        loop = engine._engine_loop
        loop.send(Stop())
        await asyncio.to_thread(engine._thread.join)
        late = admitted(1.0)
        results: list[object] = []
        loop.send(Speak(late))
        loop.send(CloneVoice((clip(0),), results.append))
        loop.send(Cancel(late))
        assert isinstance(late.sink, RecordingSink)
        assert [type(error) for error in late.sink.errors] == [Draining]
        assert [type(result) for result in results] == [Draining]

    run(scenario)


@pytest.mark.slow
def test_no_more_positions_join_in_one_turn_than_the_device_is_given(run: Callable[..., None]) -> None:
    """A prompt writes 35 positions beside its text: five short texts are more than a CPU's 256."""

    async def scenario(engine: XttsEngine) -> None:
        joined: list[int] = []
        batch = engine._engine_loop._decoding._batch
        inner = batch.join

        def join(rows: list[object]) -> object:
            joined.append(len(rows))
            return inner(rows)  # type: ignore[arg-type]

        batch.join = join  # type: ignore[method-assign, assignment]
        streams = [engine.submit(request(engine)) for _ in range(12)]
        for stream in streams:
            await take_all(stream)
        positions = 35 + len(engine.prepare([Segment(0, SENTENCE, Boundary.SENTENCE)], "en")[0].text_tokens)
        assert sum(joined) == 12
        assert max(joined) <= -(-256 // positions)

    run(scenario)
