"""The engine as a whole, on the tiny checkpoint: from requests to audio, and what happens when things go wrong."""

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import numpy as np
import psutil
import pytest
import torch

from app.audio.reference import ReferenceClip
from app.engine.scheduler import Request
from app.engine.stream import ChunkStream
from app.engine.values import AudioChunk, Samples, SamplingParams, Voice
from app.engine.xtts.build import PROFILES, DeviceProfile
from app.engine.xtts.checkpoint.precision import Precision
from app.engine.xtts.engine import XttsEngine
from app.engine.xtts.runaway import Guards
from app.engine.xtts.voice.speakers import VoiceConditioning
from app.errors import ChorusError, Draining, EngineFailure, QueueFull, UnusableReference
from app.text.segments import Boundary, Segment, split_segments
from tests.support.xtts import WITHOUT_INT8, random_texts

TEXT = (
    "The old grey house stood by the sea. Nothing more was said about it, and the fox went home over the hills. "
    "A lazy dog was asleep in the sun all day!"
)

LATE = msgspec.structs.replace(PROFILES["cuda"], use_graphs=False)
"""As on a GPU: the device is a turn ahead of what is read of it, and chunks have few shapes."""


class Way(msgspec.Struct, frozen=True):
    """How an engine works. Its promises do not depend on that."""

    profile: DeviceProfile
    precision: Precision = "float32"


pytestmark = pytest.mark.parametrize(
    "way",
    [
        pytest.param(Way(PROFILES["cpu"]), marks=pytest.mark.slow, id="read at once"),
        pytest.param(Way(LATE), id="read late"),
        pytest.param(Way(PROFILES["cpu"], "int8"), id="int8", marks=[WITHOUT_INT8, pytest.mark.slow]),
    ],
)


def run(folder: Path, scenario: Callable[[XttsEngine], Awaitable[None]], way: Way, **more: object) -> None:
    """`way` and further options are the engine's."""

    async def main() -> None:
        options = msgspec.structs.asdict(way) | more
        engine = await asyncio.to_thread(lambda: XttsEngine(folder, **options))  # type: ignore[arg-type]
        try:
            await asyncio.wait_for(scenario(engine), 300)
        finally:
            await engine.aclose()

    asyncio.run(main())


def request(engine: XttsEngine, text: str = TEXT, **options: object) -> Request:
    values = {"voice": engine.voice("ada tiny"), "sampling": SamplingParams(seed=7)} | options
    sequences = engine.prepare(split_segments(text, language="en", max_chars=250), "en")
    return Request(sequences=sequences, **values)  # type: ignore[arg-type]


async def collect(stream: ChunkStream) -> list[AudioChunk]:
    return [chunk async for chunk in stream]


async def speak(engine: XttsEngine, text: str = TEXT, **options: object) -> Samples:
    chunks = await collect(engine.submit(request(engine, text, **options)))
    return np.concatenate([chunk.samples for chunk in chunks])


def clip(pitch_hz: float = 140.0, seconds: float = 3.0) -> ReferenceClip:
    time_s = np.arange(round(seconds * 22050)) / 22050
    samples = (0.3 * np.sin(2 * np.pi * pitch_hz * time_s)).astype(np.float32)
    return ReferenceClip(samples=samples, sample_rate_hz=22050, sha256=f"{pitch_hz}")


@pytest.mark.slow
def test_a_streamed_answer_has_the_samples_of_a_whole_one_and_comes_in_more_pieces(
    tiny_checkpoint: Path, way: Way
) -> None:
    async def scenario(engine: XttsEngine) -> None:
        streamed = await collect(engine.submit(request(engine, streaming=True)))
        whole = await collect(engine.submit(request(engine, streaming=False)))
        assert [chunk.segment_index for chunk in streamed] == sorted(chunk.segment_index for chunk in streamed)
        assert sum(chunk.is_last for chunk in streamed) == 3
        assert np.array_equal(
            np.concatenate([chunk.samples for chunk in streamed]), np.concatenate([chunk.samples for chunk in whole])
        )

    run(tiny_checkpoint, scenario, way)


def test_the_first_audio_of_a_stream_leaves_before_its_segment_is_decoded(tiny_checkpoint: Path, way: Way) -> None:
    async def scenario(engine: XttsEngine) -> None:
        stream = engine.submit(request(engine))
        first = await anext(stream)
        assert 0 < len(first.samples) / engine.info.sample_rate_hz < 0.5
        assert not first.is_last
        assert engine.stats().busy_slots > 0
        await stream.aclose()

    run(tiny_checkpoint, scenario, way, guards=Guards(exact_codes=120))


@pytest.mark.slow
def test_the_rate_of_a_segment_is_heard_as_the_same_speed_of_its_request_is(tiny_checkpoint: Path, way: Way) -> None:
    async def scenario(engine: XttsEngine) -> None:
        by_rate, by_speed = (
            Request(
                sequences=engine.prepare([Segment(0, "Go home now.", Boundary.SENTENCE, rate=rate)], "en"),
                voice=engine.voice("ada tiny"),
                sampling=SamplingParams(seed=7),
                speed=speed,
            )
            for rate, speed in ((1.25, 1.0), (1.0, 1.25))
        )
        heard = [[chunk.samples for chunk in await collect(engine.submit(asked))] for asked in (by_rate, by_speed)]
        np.testing.assert_array_equal(*map(np.concatenate, heard))

    run(tiny_checkpoint, scenario, way)


@pytest.mark.slow
def test_audio_that_is_delivered_is_not_kept_with_its_request(tiny_checkpoint: Path, way: Way) -> None:
    """A text of 500 segments would hold 600 MB of a GPU's memory."""

    async def scenario(engine: XttsEngine) -> None:
        whole, left = request(engine), request(engine)
        await collect(engine.submit(whole))
        stream = engine.submit(left)
        await anext(stream)
        await stream.aclose()
        await speak(engine, "Go.")  # answered after everything that was sent before it
        for asked in (whole, left):
            assert all(sequence.latents is None and not sequence.held for sequence in asked.sequences)  # type: ignore[attr-defined]

    run(tiny_checkpoint, scenario, way)


@pytest.mark.slow
def test_other_seeds_and_voices_give_other_audio_and_the_same_give_the_same(tiny_checkpoint: Path, way: Way) -> None:
    async def scenario(engine: XttsEngine) -> None:
        first, again, seed, voice = await asyncio.gather(
            speak(engine),
            speak(engine),
            speak(engine, sampling=SamplingParams(seed=8)),
            speak(engine, voice=engine.voice("Björn Small")),
        )
        np.testing.assert_allclose(first, again, atol=1e-5)
        assert len(first) != len(seed) or not np.allclose(first, seed, atol=1e-3)
        assert len(first) != len(voice) or not np.allclose(first, voice, atol=1e-3)

    run(tiny_checkpoint, scenario, way)


@pytest.mark.slow
def test_recordings_are_listened_to_once_however_many_callers_bring_them(tiny_checkpoint: Path, way: Way) -> None:
    async def scenario(engine: XttsEngine) -> None:
        listened: list[int] = []
        hook = engine._checkpoint.networks.speaker_encoder.conv1.register_forward_pre_hook(
            lambda *_: listened.append(1)
        )
        leaving, *staying = [asyncio.create_task(engine.clone([clip()])) for _ in range(11)]
        await asyncio.sleep(0)
        leaving.cancel()
        voices = await asyncio.gather(*staying)
        assert len({voice.id for voice in voices}) == 1
        assert await engine.clone([clip()]) is voices[0]
        assert len(listened) == 1
        both = await engine.clone([clip(), clip(200.0)])
        assert both.id != voices[0].id
        assert len(listened) == 3
        hook.remove()
        assert len(await speak(engine, voice=both)) > 10_000

    run(tiny_checkpoint, scenario, way)


@pytest.mark.slow
def test_conditioning_that_fails_for_one_caller_leaves_the_others_alone(tiny_checkpoint: Path, way: Way) -> None:
    async def scenario(engine: XttsEngine) -> None:
        speaking = asyncio.create_task(speak(engine))
        with pytest.raises(UnusableReference):
            await engine.clone([clip(seconds=0.2)])
        broken = clip(99.0)
        broken.samples[:] = np.nan
        with pytest.raises(EngineFailure, match="not a number"):
            await engine.clone([broken])
        assert len(await speaking) > 10_000
        assert len(await speak(engine, voice=await engine.clone([clip()]))) > 10_000

    run(tiny_checkpoint, scenario, way)


@pytest.mark.slow
def test_a_poisoned_request_fails_by_name_and_its_neighbours_speak_on(tiny_checkpoint: Path, way: Way) -> None:
    async def scenario(engine: XttsEngine) -> None:
        alone = await speak(engine)
        good = engine.voice("Ada Tiny").conditioning
        latents = good.gpt_conditioning_latents.clone()
        latents[0, 0] = float("nan")
        poisoned = Voice(id="bad", conditioning=VoiceConditioning(latents, good.speaker_embedding))
        for _ in range(2):  # the second time in the slots that the first left
            results = await asyncio.gather(
                speak(engine), speak(engine, voice=poisoned), speak(engine), return_exceptions=True
            )
            assert isinstance(results[1], EngineFailure)
            assert "segment 1" in str(results[1])
            for ours in (results[0], results[2]):
                np.testing.assert_allclose(ours, alone, atol=1e-5)  # type: ignore[arg-type]

    run(tiny_checkpoint, scenario, way, max_slots=8)


@pytest.mark.slow
def test_a_segment_with_more_tokens_than_the_model_reads_is_spoken_in_pieces(tiny_checkpoint: Path, way: Way) -> None:
    async def scenario(engine: XttsEngine) -> None:
        asked = request(engine, "Short. " + "12345 and " * 24 + "the end.")
        assert len(asked.sequences) > 2
        assert all(len(sequence.text_tokens) <= 401 for sequence in asked.sequences)  # type: ignore[attr-defined]
        chunks = await collect(engine.submit(asked))
        assert [chunk.segment_index for chunk in chunks if chunk.is_last] == list(range(len(asked.sequences)))

    run(tiny_checkpoint, scenario, way)


@pytest.mark.slow
def test_one_request_more_than_fits_is_refused_and_closing_makes_room(tiny_checkpoint: Path, way: Way) -> None:
    async def scenario(engine: XttsEngine) -> None:
        streams = [engine.submit(request(engine)) for _ in range(3)]
        with pytest.raises(QueueFull):
            engine.submit(request(engine))
        await streams[0].aclose()
        streams[0] = engine.submit(request(engine))
        for stream in streams:
            assert await collect(stream)

    run(tiny_checkpoint, scenario, way, max_slots=2, max_queue=1)


@pytest.mark.slow
def test_a_segment_that_does_not_end_is_tried_again_then_cut_and_told(tiny_checkpoint: Path, way: Way) -> None:
    """The stop code never has a chance: the second attempt runs away like the first."""

    async def scenario(engine: XttsEngine) -> None:
        joined: list[int] = []
        decoder = engine._checkpoint.networks.decoder
        with torch.no_grad():
            decoder.mel_head.bias[1025] = -1e9
        hook = decoder.text_embedding.register_forward_pre_hook(lambda *_: joined.append(1))
        stream = engine.submit(request(engine, "Go home now.", streaming=False))
        chunks = await collect(stream)
        hook.remove()
        assert len(joined) == 2
        assert stream.warnings == ["segment 1 did not end by itself and was cut"]
        seconds = sum(len(chunk.samples) for chunk in chunks) / engine.info.sample_rate_hz
        # The last window within the expected time ends at 1.79 s, and the pause may come at once.
        assert 1.79 < seconds < 5.8  # 12 characters: 2.3 s are expected, at 5.7 s it is stopped
        assert not np.any(chunks[-2].samples[-1])  # faded out
        stats = engine.stats()
        assert (stats.segments_retried, stats.segments_cut) == (1, 1)
        assert stats.device_memory is None

    run(tiny_checkpoint, scenario, way)


@pytest.mark.slow
def test_a_second_attempt_sounds_the_same_whether_the_first_was_read_late(tiny_checkpoint: Path, way: Way) -> None:
    """Codes that the first attempt drew after its end was read do not reach the second, though they meet in one turn.

    A longer request keeps the batch going while the short one leaves it and comes again.
    """

    async def scenario(engine: XttsEngine) -> None:
        num_joined = 0
        decoder = engine._checkpoint.networks.decoder
        bias = decoder.mel_head.bias[1025].clone()

        def end_by_itself_the_second_time(_: object, inputs: tuple[torch.Tensor]) -> None:
            nonlocal num_joined
            num_joined += int((inputs[0] == decoder.start_text_token).sum())  # prompts that join together share a call
            decoder.mel_head.bias[1025] = -1e9 if num_joined < 3 else bias

        hook = decoder.text_embedding.register_forward_pre_hook(end_by_itself_the_second_time)
        long = asyncio.create_task(speak(engine, "Nothing more was said about the old grey house by the sea"))
        spoken.append(await speak(engine, "Go.", streaming=False))
        assert engine.stats().segments_retried == 1
        await long
        hook.remove()

    spoken: list[Samples] = []
    run(tiny_checkpoint, scenario, Way(PROFILES["cpu"], way.precision))
    run(tiny_checkpoint, scenario, way)
    np.testing.assert_allclose(*spoken, atol=1e-5)


@pytest.mark.slow
def test_what_a_listener_has_heard_is_never_said_again(tiny_checkpoint: Path, way: Way) -> None:
    async def scenario(engine: XttsEngine) -> None:
        joined: list[int] = []
        decoder = engine._checkpoint.networks.decoder
        with torch.no_grad():
            decoder.mel_head.bias[1025] = -1e9
        decoder.text_embedding.register_forward_pre_hook(lambda *_: joined.append(1))
        stream = engine.submit(request(engine, "Go home now.", streaming=True))
        chunks = await collect(stream)
        assert len(joined) == 1
        stats = engine.stats()
        assert (stats.segments_retried, stats.segments_cut) == (0, 1)
        assert stream.warnings == ["segment 1 did not end by itself and was cut"]
        assert 1.79 < sum(len(chunk.samples) for chunk in chunks) / engine.info.sample_rate_hz < 5.8

    run(tiny_checkpoint, scenario, way)


@pytest.mark.slow
def test_a_turn_that_fails_fails_its_requests_by_name_and_the_next_ones_are_spoken(
    tiny_checkpoint: Path, way: Way
) -> None:
    async def scenario(engine: XttsEngine) -> None:
        alone = await speak(engine)
        decoder = engine._checkpoint.networks.decoder
        submitted = threading.Event()

        def fail(*_: object) -> None:
            assert submitted.wait(30)
            if engine.stats().busy_slots == 2:  # the first turn may hold one of them alone
                handle.remove()
                raise RuntimeError("boom")

        handle = decoder.final_norm.register_forward_pre_hook(fail)
        streams = [engine.submit(request(engine)) for _ in range(2)]
        submitted.set()
        results = await asyncio.gather(*(collect(stream) for stream in streams), return_exceptions=True)
        assert all(isinstance(result, EngineFailure) for result in results)
        assert str(results[0].__cause__) == "boom"  # type: ignore[union-attr]
        np.testing.assert_allclose(await speak(engine), alone, atol=1e-5)

    run(tiny_checkpoint, scenario, way, max_slots=2)  # both are free again


def test_a_segment_too_short_to_be_heard_ends_all_the_same(tiny_checkpoint: Path, way: Way) -> None:
    """One code at this speed is no frame, so there is no chunk to wait for."""

    async def scenario(engine: XttsEngine) -> None:
        for streaming in (False, True):
            chunks = await collect(engine.submit(request(engine, "Go. Home.", speed=1.3, streaming=streaming)))
            assert chunks
            assert all(chunk.is_last and not len(chunk.samples) for chunk in chunks)

    run(tiny_checkpoint, scenario, way, guards=Guards(exact_codes=1))


def test_a_decode_step_is_counted_once_for_all_the_segments_it_serves(tiny_checkpoint: Path, way: Way) -> None:
    async def scenario(engine: XttsEngine) -> None:
        await speak(engine, "Go home now.\n\nGo home now.")  # two segments
        num_codes = 20  # the first of them comes out of prefill
        assert engine.stats().decode_steps == num_codes - 1 + way.profile.lookahead_steps

    run(tiny_checkpoint, scenario, way, guards=Guards(exact_codes=20))


def test_a_device_that_is_lost_while_it_listens_is_told(tiny_checkpoint: Path, way: Way) -> None:
    async def scenario(engine: XttsEngine) -> None:
        told: asyncio.Queue[ChorusError] = asyncio.Queue()
        engine.on_lost(told.put_nowait)

        def fail(*_: object) -> None:
            raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

        engine._checkpoint.networks.speaker_encoder.conv1.register_forward_pre_hook(fail)
        with pytest.raises(EngineFailure):
            await engine.clone([clip()])
        assert isinstance(await told.get(), EngineFailure)
        with pytest.raises(Draining):
            engine.submit(request(engine))

    run(tiny_checkpoint, scenario, way)


def test_a_lost_device_is_told_once_and_nobody_waits_for_it(tiny_checkpoint: Path, way: Way) -> None:
    async def scenario(engine: XttsEngine) -> None:
        told: asyncio.Queue[ChorusError] = asyncio.Queue()
        engine.on_lost(told.put_nowait)

        def fail(*_: object) -> None:
            raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

        engine._checkpoint.networks.decoder.final_norm.register_forward_pre_hook(fail)
        with pytest.raises(EngineFailure):
            await speak(engine)
        assert isinstance(await told.get(), EngineFailure)
        with pytest.raises(Draining):
            engine.submit(request(engine))
        with pytest.raises(Draining):
            await engine.clone([clip()])

    run(tiny_checkpoint, scenario, way)


def test_closing_the_engine_ends_open_streams_with_an_error(tiny_checkpoint: Path, way: Way) -> None:
    async def scenario(engine: XttsEngine) -> None:
        stream = engine.submit(request(engine))
        await anext(stream)
        closing = asyncio.create_task(engine.aclose())
        with pytest.raises(Draining):
            await collect(stream)
        await closing
        with pytest.raises(Draining):
            engine.submit(request(engine))

    run(tiny_checkpoint, scenario, way)


@pytest.mark.slow
def test_500_mixed_requests_with_cancellations_leak_nothing_and_survivors_sound_as_alone(
    tiny_checkpoint: Path, way: Way
) -> None:
    """Random texts, seeds, voices, speeds and ways to leave, 24 callers at a time on 8 slots."""
    choice = random.Random(11)
    texts = [" ".join(random_texts(choice.randint(1, 2), seed=number)).capitalize() for number in range(12)]
    kinds = [
        (text, SamplingParams(seed=choice.randint(0, 3), temperature=choice.choice([None, 1.2])), speaker, speed)
        for text in texts
        for speaker, speed in (("Ada Tiny", 1.0), ("Björn Small", 1.25))
    ]
    plan = [(choice.choice(kinds), choice.random() < 0.3, choice.random() < 0.5) for _ in range(500)]

    async def scenario(engine: XttsEngine) -> None:
        async def ask(kind: tuple[str, SamplingParams, str, float], *, streaming: bool) -> ChunkStream:
            text, sampling, speaker, speed = kind
            return engine.submit(
                request(engine, text, sampling=sampling, voice=engine.voice(speaker), speed=speed, streaming=streaming)
            )

        solo = {kind: [chunk.samples for chunk in await collect(await ask(kind, streaming=False))] for kind in kinds}
        callers = asyncio.Semaphore(24)
        survivors = 0

        async def caller(kind: tuple[str, SamplingParams, str, float], *, leaves: bool, streaming: bool) -> None:
            nonlocal survivors
            async with callers:
                stream = await ask(kind, streaming=streaming)
                if leaves:
                    if streaming:
                        await anext(stream)
                    await stream.aclose()
                    await stream.aclose()
                    return
                heard = np.concatenate([chunk.samples for chunk in await collect(stream)])
                np.testing.assert_allclose(heard, np.concatenate(solo[kind]), atol=1e-5, rtol=0)
                survivors += 1

        async def some(part: list[tuple[tuple[str, SamplingParams, str, float], bool, bool]]) -> None:
            async with asyncio.TaskGroup() as group:
                for kind, leaves, streaming in part:
                    group.create_task(caller(kind, leaves=leaves, streaming=streaming))

        process = psutil.Process()
        await some(plan[:150])
        before = process.memory_info().rss
        await some(plan[150:])
        grown_mb = (process.memory_info().rss - before) / 2**20
        assert survivors == sum(not leaves for _, leaves, _ in plan)
        assert len(await speak(engine)) > 10_000  # answered after everything that was sent before it
        stats = engine.stats()
        assert (stats.admitted_requests, stats.waiting_requests, stats.busy_slots) == (0, 0, 0)
        loop = engine._engine_loop

        def is_holding() -> bool:
            return bool(loop._scheduler.requests or loop._scheduler.busy_slots or loop._vocoding.decoded)

        for _ in range(1000):  # the last caller has its audio before the device's thread has forgotten it
            if not is_holding():
                break
            await asyncio.to_thread(lambda: None)
        assert not is_holding()
        assert grown_mb < 100  # a leaked request keeps its latents: 350 of them would be more than that

    began_at_s = time.perf_counter()
    run(tiny_checkpoint, scenario, way, max_slots=8, max_queue=64)
    print(f"{time.perf_counter() - began_at_s:.1f} s")
