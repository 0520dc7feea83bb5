"""Books in the embedded voice stand still while a caller waits for its first audio."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from app.engine.embedded import EmbeddedEngine
from app.engine.embedded_gate import MAX_STOPS, Gate, GatedVoice, Hold
from app.engine.scheduler import Request
from app.engine.values import Samples, SamplingParams
from tests.support.requests import prepared

TEXT = "The river ran past old houses and quiet fields."


class Session:
    """The first `num_endless` runs end when they are stopped, as those of onnxruntime do; later ones return."""

    def __init__(self, num_endless: int) -> None:
        self.num_endless = num_endless
        self.num_runs = 0
        self.has_begun = threading.Event()
        self.has_stopped = threading.Event()

    def run(self, _outputs: None, inputs: dict[str, Any], options: Any) -> list[Any]:
        self.num_runs += 1
        self.has_begun.set()
        if self.num_runs <= self.num_endless:
            for _ in range(10_000):
                if options.terminate:
                    self.has_stopped.set()
                    raise RuntimeError("stopped")
                threading.Event().wait(0.001)
        return [inputs]


def request(engine: EmbeddedEngine, *texts: str, is_background: bool = False) -> Request:
    return Request(
        sequences=prepared(engine, *texts),
        voice=engine.voice("heart"),
        sampling=SamplingParams(seed=7),
        is_background=is_background,
        streaming=not is_background,
    )


def test_a_run_of_a_book_is_stopped_for_a_caller_and_repeated_after_it() -> None:
    engine = EmbeddedEngine(max_slots=1)
    session, gate = Session(num_endless=1), Gate()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(gate.run, session, {"ids": 1}, Hold(60))
        assert session.has_begun.wait(10)
        gate.update([request(engine, TEXT)])
        assert session.has_stopped.wait(10)
        assert session.num_runs == 1
        gate.open()
        assert running.result(10) == [{"ids": 1}]
    assert session.num_runs == 2
    asyncio.run(engine.aclose())


def test_a_run_that_was_stopped_often_is_finished_however_many_callers_come() -> None:
    engine = EmbeddedEngine(max_slots=1)
    session, gate = Session(num_endless=MAX_STOPS), Gate()
    caller = request(engine, TEXT)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(gate.run, session, {"ids": 1}, Hold(60))
        for _ in range(MAX_STOPS):
            assert session.has_begun.wait(10)
            session.has_begun.clear()
            gate.update([caller])
            assert session.has_stopped.wait(10)
            session.has_stopped.clear()
            gate.open()
        assert running.result(10) == [{"ids": 1}]
    assert session.num_runs == MAX_STOPS + 1
    asyncio.run(engine.aclose())


def test_the_last_attempt_is_not_stopped() -> None:
    class Last:
        """Stopped at once by a caller, at each run; sees whether that reached it."""

        def __init__(self) -> None:
            self.was_stopped: list[bool] = []

        def run(self, _outputs: None, _inputs: dict[str, Any], options: Any) -> list[Any]:
            gate.update([caller])
            self.was_stopped.append(options.terminate)
            gate.open()
            if options.terminate:
                raise RuntimeError("stopped")
            return []

    engine = EmbeddedEngine(max_slots=1)
    caller, gate, session = request(engine, TEXT), Gate(), Last()
    assert gate.run(session, {}, Hold(60)) == []
    assert session.was_stopped == [True] * MAX_STOPS + [False]
    asyncio.run(engine.aclose())


def test_a_synthesis_of_a_book_waits_before_its_noise_is_drawn() -> None:
    class Voice:
        """A caller comes between its network and its noise."""

        sess = None

        def phonemize(self, text: str) -> list[str]:
            return [text]

        def ids(self, phonemes: str) -> list[int]:
            return [ord(phonemes)]

        def from_ids(self, ids: list[int], speed: float, rng: Any) -> Samples:
            gate.update([caller])
            return rng.standard_normal((len(ids),), dtype=np.float32)

    class WatchedGate(Gate):
        def wait(self, hold: Hold) -> None:
            if not self.is_open:
                has_stopped.set()
            super().wait(hold)

    engine = EmbeddedEngine(max_slots=1)
    caller, gate, has_stopped = request(engine, TEXT), WatchedGate(), threading.Event()
    voice: Any = Voice()
    with ThreadPoolExecutor(1) as pool:
        speaking = pool.submit(GatedVoice(voice, gate), "a")
        try:
            assert has_stopped.wait(10)
        finally:
            gate.open()
        assert len(speaking.result(10)) == 1
    asyncio.run(engine.aclose())


def test_callers_without_a_pause_do_not_halt_a_book() -> None:
    """The gate stays closed: each synthesis waits its longest time and goes on, and no run is stopped."""
    engine = EmbeddedEngine(max_slots=1)
    session, gate, hold = Session(num_endless=0), Gate(), Hold(0.05)
    gate.update([request(engine, TEXT)])
    assert gate.run(session, {"ids": 1}, hold) == [{"ids": 1}]
    assert session.num_runs == 1
    assert hold.left_s == 0
    assert not gate.is_open
    asyncio.run(engine.aclose())


def test_a_caller_that_has_its_audio_and_does_not_take_it_leaves_the_gate_open() -> None:
    engine, gate = EmbeddedEngine(max_slots=1), Gate()
    caller = request(engine, TEXT, TEXT)
    gate.update([caller])
    assert not gate.is_open
    caller.made_s = 1.0

    async def update() -> None:
        gate.update([caller])
        async with asyncio.timeout(30):
            while not gate.is_open:
                await asyncio.sleep(0)

    asyncio.run(update())
    asyncio.run(engine.aclose())


def test_an_error_of_the_network_is_no_stop() -> None:
    class Broken:
        def run(self, *_: object) -> list[Any]:
            raise ValueError("bad input")

    with pytest.raises(ValueError, match="bad input"):
        Gate().run(Broken(), {}, Hold())


def test_a_book_beside_callers_has_the_samples_of_a_request_alone() -> None:
    async def speak(engine: EmbeddedEngine, asked: Request) -> Samples:
        return np.concatenate([chunk.samples async for chunk in engine.submit(asked)])

    async def scenario() -> None:
        engine = EmbeddedEngine(max_slots=2)
        texts = [f"{number} of them. {TEXT}" for number in range(8)]
        undisturbed = await speak(engine, request(engine, *texts))
        book = asyncio.create_task(speak(engine, request(engine, *texts, is_background=True)))
        num_callers = 0
        while not book.done() and num_callers < 4:
            await speak(engine, request(engine, TEXT))
            num_callers += 1
        assert num_callers
        assert np.array_equal(await asyncio.wait_for(book, 60), undisturbed)
        await engine.aclose()

    asyncio.run(scenario())


def test_an_engine_that_closes_while_a_caller_waits_ends_its_books() -> None:
    async def scenario() -> None:
        engine = EmbeddedEngine(max_slots=1)
        engine.submit(request(engine, TEXT, TEXT, is_background=True))
        engine.submit(request(engine, TEXT, TEXT))
        await asyncio.wait_for(engine.aclose(), 30)

    asyncio.run(scenario())


def test_the_gate_is_closed_from_a_callers_request_until_its_first_audio_is_made() -> None:
    async def scenario() -> None:
        engine = EmbeddedEngine(max_slots=1)
        book = engine.submit(request(engine, TEXT, is_background=True))
        assert engine.gate.is_open
        stream = engine.submit(request(engine, TEXT, TEXT))
        assert not engine.gate.is_open
        await anext(stream)
        async with asyncio.timeout(30):
            while not engine.gate.is_open:
                await asyncio.sleep(0)
        await anext(book)
        await engine.aclose()

    asyncio.run(scenario())
